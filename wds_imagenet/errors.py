"""All errors that this package raises on purpose.

::

    WdsImagenetError
    ├── UsageError            options contradict each other or the data      exit code 2
    │   └── PlanError         the destination holds the work of another plan
    ├── MissingExtraError     an optional dependency is not installed        exit code 1
    ├── DataError             the data is bad                                exit code 3
    │   ├── SourceError       a released data set or label file has a fault
    │   ├── ManifestError     the manifest is missing or unreadable
    │   ├── CorruptError      bytes differ from the bytes that were written
    │   └── ImageError        an image cannot be decoded
    └── StoreError            a store failed                                 exit code 1
        ├── NotFoundError     an object, bucket or folder does not exist
        ├── DeniedError       the credentials are missing, wrong or too weak
        ├── ExistsError       a create-only write met an existing object
        ├── ChangedError      an object was replaced during a read
        ├── FullError         the disk or the quota is full
        └── UnavailableError  the store failed in a way that may pass

A message states the fault, its location, and the remedy. A caller adds its own context, such as the shard or
the key, with `add_note`, so that the first traceback stays whole.
"""


class WdsImagenetError(Exception):
    """Base of all errors that this package raises on purpose."""


class UsageError(WdsImagenetError, ValueError):
    """Options contradict each other or the data."""


class PlanError(UsageError):
    """The destination holds the work of another plan."""


class MissingExtraError(WdsImagenetError, ImportError):
    """An optional dependency is not installed; the message names the extra that installs it."""

    @classmethod
    def of(cls, extra: str, purpose: str) -> "MissingExtraError":
        """Return the error for a purpose that needs an extra.

        Args:
            extra: Name of the extra.
            purpose: The purpose, as the subject of the message.
        """
        return cls(f"{purpose} needs an extra: pip install 'wds-imagenet[{extra}]'")


class DataError(WdsImagenetError):
    """The data is bad: another try fails too, until the data is repaired."""


class SourceError(DataError):
    """A released data set or label file has a fault; the message names the file and the line or member."""


class ManifestError(DataError):
    """A manifest is missing, damaged, or of a newer version."""


class CorruptError(DataError):
    """Bytes differ from the bytes that were written; the message names the shard and the offset."""


class ImageError(DataError):
    """An image cannot be decoded."""


class StoreError(WdsImagenetError):
    """A store failed."""


class NotFoundError(StoreError):
    """An object, bucket or folder does not exist."""


class DeniedError(StoreError):
    """The credentials are missing, wrong or too weak."""


class ExistsError(StoreError):
    """A create-only write met an existing object."""


class ChangedError(StoreError):
    """An object was replaced during a read."""


class FullError(StoreError):
    """The disk or the quota is full."""


class UnavailableError(StoreError):
    """The store failed in a way that may pass, and all retries failed too."""
