"""The interface of an engine: one attempt of each call of `RemoteStore`, and a class for each failure."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from wds_imagenet.storage.failures import Failure
from wds_imagenet.storage.store import Blob, ObjectInfo


class StoreEngine(Protocol):
    """A client library, bound to one folder of a store and to one process.

    Each call is one attempt, bounded in time; many threads call at once. A call raises one of
    `error_types`, which `classify` explains, or an error of `wds_imagenet.errors`.
    """

    @property
    def error_types(self) -> tuple[type[Exception], ...]:
        """The classes of the client's own exceptions."""

    def classify(self, error: Exception) -> Failure:
        """Return status, code and reason of one of the client's exceptions."""

    def info(self, path: str) -> ObjectInfo:
        """Return an object's size and ETag."""

    def get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> Blob:
        """Return the bytes [start, stop), or to the end if `stop` is None; fewer if the object is shorter.

        Raises `TooLargeError` instead of more than `limit` bytes, before it takes memory for them.
        """

    def put(self, path: str, data: bytes, *, create: bool) -> None:
        """Publish bytes, all or nothing. With `create`, fail if the object exists."""

    def put_file(self, path: str, file: Path) -> None:
        """Publish a local file, all or nothing."""

    def list_objects(self, folder: str) -> Iterable[ObjectInfo]:
        """Return every object under a folder, at any depth, in any order."""

    def delete(self, path: str) -> None:
        """Remove an object; do nothing if there is none."""
