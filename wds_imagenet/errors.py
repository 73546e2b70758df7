"""Every error that wds-imagenet raises on purpose, with the exit code of the command line.

::

    WdsImagenetError                                                         exit code 1
    ├── UsageError            options contradict each other or the data      exit code 2
    │   ├── PlanError         the destination holds the work of another plan
    │   └── NoAttributeError  an object of ours is no DataLoader
    ├── MissingExtraError     an optional dependency is not installed        exit code 1
    ├── DataError             the data is bad                                exit code 3
    │   ├── SourceError       an input or label file has a fault
    │   ├── ManifestError     there is no manifest, or it cannot be read
    │   ├── CorruptError      bytes differ from those that were written
    │   └── ImageError        an image cannot be decoded
    └── StoreError            a call of a store failed                       exit code 1
        ├── NotFoundError     there is no such object, bucket or folder
        ├── DeniedError       the credentials are missing, wrong or too weak
        ├── ExistsError       a create-only write found an existing object
        ├── ChangedError      an object was replaced while it was being read
        ├── FullError         the disk or the quota is full
        ├── TooLargeError     an object has more bytes than the caller's limit
        └── UnavailableError  the store failed temporarily; retries are spent

A message states the fault with file, key or offset, then what to do. A caller adds its own context
(shard, key) with `add_note`, which keeps the first traceback whole.
"""

from wds_imagenet.shown import shown_text


class WdsImagenetError(Exception):
    """Base class of all errors that this package raises on purpose. Exit code 1; subclasses may differ.

    No message or note has a URL's userinfo or query, or an unprintable character of a foreign name.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(shown_text(arg) if isinstance(arg, str) else arg for arg in args))

    def add_note(self, note: str) -> None:
        """Add a note, shown by the same rule as the message."""
        super().add_note(shown_text(note))


class UsageError(WdsImagenetError, ValueError):
    """Options contradict each other, or the data. Exit code 2."""


class NoAttributeError(UsageError, AttributeError):
    """Code for another class, such as torch's DataLoader, was given an object of ours. Exit code 2."""


class PlanError(UsageError):
    """The destination already holds the work of another plan. Exit code 2."""


class MissingExtraError(WdsImagenetError, ImportError):
    """An optional dependency is not installed; the message names the extra. Exit code 1."""

    @classmethod
    def of(cls, extra: str, purpose: str) -> "MissingExtraError":
        """Return the error for an extra that is not installed, with the command that installs it.

        Args:
            extra: name of the extra, such as `s3`.
            purpose: the subject of the message: the work that needs the extra.
        """
        return cls(f"{purpose} needs an extra: pip install 'wds-imagenet[{extra}]'")


class DataError(WdsImagenetError):
    """The data is bad. Repair it before you run the command again: a retry would fail. Exit code 3."""


class SourceError(DataError):
    """An input or label file has a fault; the message names the file, and line or member. Exit code 3."""


class ManifestError(DataError):
    """A data set has no manifest, or a damaged one, or one of a newer version. Exit code 3."""


class CorruptError(DataError):
    """Stored bytes are not those that were written; the message names file and offset. Exit code 3."""


class ImageError(DataError):
    """An image cannot be decoded. Exit code 3."""


class StoreError(WdsImagenetError):
    """A call of a store failed; the message names the URL, without its query. Exit code 1."""


class NotFoundError(StoreError):
    """There is no such object, bucket or folder. Exit code 1."""


class DeniedError(StoreError):
    """The credentials are missing, wrong or too weak. Never retried. Exit code 1."""


class ExistsError(StoreError):
    """A write that may only create found an existing object, and did not change it. Exit code 1."""


class ChangedError(StoreError):
    """An object was replaced while it was being read. Exit code 1."""


class FullError(StoreError):
    """The disk or the quota is full. Exit code 1."""


class TooLargeError(StoreError):
    """An object has more bytes than the limit of the read. Exit code 1."""


class UnavailableError(StoreError):
    """The store failed temporarily, and again at each retry. Exit code 1."""

    retry_after: float = 0.0
    """Seconds that the store asked to wait before the next attempt."""
    is_busy: bool = False
    """True if the store asked for fewer requests: status 429 or 503."""
