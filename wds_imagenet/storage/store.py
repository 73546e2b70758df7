"""The one interface to every store: what the rest of the package may ask, and what it may rely on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

StorageOptions: TypeAlias = Mapping[str, object]
"""Options of a store, by name: those of `--storage-option NAME=VALUE`."""

NO_OPTIONS: Final[StorageOptions] = {}


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows of an object without reading it."""

    path: str
    """Relative to the store's URL, `/` between parts."""
    size: int
    """In bytes."""
    etag: str | None
    """A string that changes when the content does, or None where the store has none."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that were read, and what the same reply told about their object."""

    data: bytes
    info: ObjectInfo | None
    """None where the store would have had to be asked again."""


class Store(Protocol):
    """A folder on some store; every path is relative to it.

    An implementation may be used from many threads at once and may be pickled (credentials included,
    so a pickle never leaves the machine's own processes). Calls are bounded in time and in retries.
    Errors are those of `wds_imagenet.errors.StoreError`; each names the URL, without its query.
    """

    url: str
    """The folder's URL, without a trailing slash, query or credentials: for messages and logs."""
    shared: bool
    """True if other processes see the same objects; False for `memory://`."""
    listable: bool
    """True if `list_objects` yields every object; False for HTTP, which has no listings."""
    writable: bool
    """True if objects can be put and deleted; False for HTTP."""
    staging: Path | None
    """Where to write files that `put_file` can then publish by renaming; None if anywhere will do."""

    def info(self, path: str) -> ObjectInfo:
        """Ask the store, not a cache. Raises `NotFoundError`."""

    def read(self, path: str, start: int = 0, stop: int | None = None, *, etag: str | None = None) -> Blob:
        """Return exactly the bytes [start, stop), or those to the end if `stop` is None.

        A shorter object raises `CorruptError`, an object whose ETag is not `etag` raises
        `ChangedError`, none `NotFoundError`. Costs one request.
        """

    def read_into(
        self, path: str, start: int, buffer: memoryview, *, etag: str | None = None
    ) -> ObjectInfo | None:
        """Fill the whole buffer with the bytes from `start` on; return what `read` returns as `info`.

        The errors and the cost are those of `read`. The local disk reads into the buffer without a copy.

        Args:
            path: path of the object.
            start: offset of the first byte.
            buffer: writable, contiguous bytes; their content is undefined after an error.
            etag: ETag that the object must still have.
        """

    def put(self, path: str, data: bytes, *, create: bool = False) -> None:
        """Publish the bytes, all or nothing: no reader ever sees a part.

        With `create`, an object that exists raises `ExistsError` and stays as it is.
        """

    def put_file(self, path: str, file: Path) -> None:
        """Publish a local file, all or nothing, replacing what was there. May consume the file."""

    def list_objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose path begins with `prefix`, in code-point order, at any depth."""

    def delete(self, path: str) -> None:
        """Remove an object; one that is not there is no error."""

    def sweep(self) -> None:
        """Remove what interrupted puts of earlier processes left behind."""
