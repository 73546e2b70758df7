"""What an engine must do for `RemoteStore`: one attempt of each thing, and words for its failures."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from wds_imagenet.storage.failures import Failure
from wds_imagenet.storage.store import Blob, ObjectInfo


class Engine(Protocol):
    """A client library, bound to one folder and to one process.

    Each call is one attempt, bounded in time, and made by many threads at once. What it raises is one of
    `failures`, which `fault` puts into words, or one of our own errors.
    """

    @property
    def error_types(self) -> tuple[type[Exception], ...]:
        """The classes of what it raises."""

    def classify(self, error: Exception) -> Failure:
        """Say what one of `failures` means."""

    def info(self, path: str) -> ObjectInfo:
        """Ask for an object's size and ETag."""

    def get(self, path: str, start: int, stop: int | None, etag: str | None) -> Blob:
        """Read from `start` to `stop` or to the end; perhaps less than that, if the object is shorter."""

    def put(self, path: str, data: bytes, *, create: bool) -> None:
        """Publish bytes."""

    def put_file(self, path: str, file: Path) -> None:
        """Publish a file."""

    def list_objects(self, folder: str) -> Iterable[ObjectInfo]:
        """List what lies under a folder, in any order."""

    def delete(self, path: str) -> None:
        """Remove an object, if it is there."""
