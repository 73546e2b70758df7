"""Every error that wds-imagenet raises on purpose.

::

    WdsImagenetError
    ├── UsageError            options that cannot be meant together          exit code 2
    │   └── PlanError         the destination holds another plan's work
    ├── MissingExtraError     an optional dependency is not installed        exit code 1
    ├── DataError             the data is bad                                exit code 3
    │   ├── SourceError       a released data set is not as it should be
    │   ├── ManifestError     there is no manifest, or none that can be read
    │   ├── CorruptError      bytes are not those that were written
    │   └── ImageError        an image cannot be decoded
    └── StoreError            a store did not do what was asked              exit code 1
        ├── NotFoundError     there is no such object or bucket
        ├── DeniedError       the credentials are missing, wrong or too weak
        ├── ExistsError       a create-only write met an existing object
        ├── ChangedError      an object was replaced while it was being read
        ├── FullError         the disk or the quota is full
        └── UnavailableError  the store failed in a way that may pass

A message says what happened, where, and what to do. Context that a caller alone knows (the shard,
the key) is added with `add_note`, so that the first traceback stays whole.
"""


class WdsImagenetError(Exception):
    """The root: catch it to catch whatever this package raises on purpose."""


class UsageError(WdsImagenetError, ValueError):
    """Options contradict each other or the data that they are meant for."""


class PlanError(UsageError):
    """The destination already holds the work of another plan."""


class MissingExtraError(WdsImagenetError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    @classmethod
    def of(cls, extra: str, purpose: str) -> "MissingExtraError":
        """Say what needs which extra, and how it is installed."""
        return cls(f"{purpose} needs an extra: pip install 'wds-imagenet[{extra}]'")


class DataError(WdsImagenetError):
    """The data is bad: repeating will not help, mending it will."""


class SourceError(DataError):
    """A data set to be packed is not as it should be; the message names file and line or member."""


class ManifestError(DataError):
    """A prefix has no manifest, or one that is damaged or of a newer version."""


class CorruptError(DataError):
    """Bytes are not those that were written; the message names shard and offset."""


class ImageError(DataError):
    """An image cannot be decoded."""


class StoreError(WdsImagenetError):
    """A store did not do what was asked."""


class NotFoundError(StoreError):
    """There is no such object, bucket or folder."""


class DeniedError(StoreError):
    """The credentials are missing, wrong or too weak."""


class ExistsError(StoreError):
    """A create-only write met an object that exists."""


class ChangedError(StoreError):
    """An object was replaced while it was being read."""


class FullError(StoreError):
    """The disk or the quota is full."""


class UnavailableError(StoreError):
    """The store failed in a way that may pass: retried, and raised when the retries are spent."""
