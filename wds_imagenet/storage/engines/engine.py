"""The interface of an engine, which makes one attempt of each call."""

from pathlib import Path
from typing import Protocol

from wds_imagenet.storage.failures import Failure
from wds_imagenet.storage.store import ObjectInfo, View


class StoreEngine(Protocol):
    """A client library, bound to one folder of a store and to one process.

    Each call is one attempt, bounded in time; many threads and tasks call at once. A call raises one of
    `error_types`, which `classify` explains, or an error of `wds_imagenet.errors`. A cancelled call ends.
    """

    awaitable: bool
    """True if a call lets its event loop do other work while it waits; False if it blocks its thread."""

    @property
    def error_types(self) -> tuple[type[Exception], ...]:
        """The classes of the client's own exceptions."""

    def classify(self, error: Exception) -> Failure:
        """Return status, code and reason of one of the client's exceptions."""

    async def info(self, path: str) -> ObjectInfo:
        """Return an object's size and ETag."""

    async def get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> View:
        """Return the bytes [start, stop), or to the end if `stop` is None; fewer if the object is shorter.

        Raises `TooLargeError` instead of more than `limit` bytes, before it takes memory for them.
        """

    async def put(self, path: str, data: bytes, *, create: bool) -> None:
        """Publish bytes, all or nothing. With `create`, fail if the object exists."""

    async def put_file(self, path: str, file: Path) -> None:
        """Publish a local file, all or nothing."""

    async def list_objects(self, folder: str) -> list[ObjectInfo]:
        """Return every object under a folder, at any depth, in any order."""

    async def delete(self, path: str) -> None:
        """Remove an object; do nothing if there is none."""
