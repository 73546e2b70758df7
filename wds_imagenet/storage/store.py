"""The interface of every store, and the values that it returns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar

from wds_imagenet.errors import DataError, TooLargeError, UnavailableError

StorageOptions: TypeAlias = Mapping[str, object]
"""Options of a store, by name: those of `--storage-option NAME=VALUE`."""

NO_OPTIONS: Final[StorageOptions] = {}

_Parsed = TypeVar("_Parsed")

MAX_READ: Final = 2 << 30
"""Bytes of one read, unless the caller has another limit."""
MAX_METADATA: Final = 256 << 20
"""Bytes of one manifest, plan, receipt or layer file, at most."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Path, size and ETag of an object."""

    path: str
    """Relative to the store's URL, `/` between parts."""
    size: int
    """In bytes."""
    etag: str | None
    """A string that changes with the content; None if the store has none."""
    fault: str | None = None
    """The reason why a listed file of the local disk cannot be read, such as a link to nowhere."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes of an object, with the info that the same reply carried."""

    data: bytes
    info: ObjectInfo | None
    """None if the info would cost another request."""


@dataclass(frozen=True, slots=True)
class View:
    """Bytes of an object in the memory into which the client wrote them, with the info of the same reply."""

    data: memoryview
    """Read-only: the memory stays as it is while the view lives."""
    info: ObjectInfo | None
    """None if the info would cost another request."""


class Store(Protocol):
    """A folder on a store; every path is relative to the folder.

    Many threads may use a store at once. A store may be pickled; the pickle contains credentials, so
    it must not leave the machine's own processes. Calls are bounded in time and in retries. Errors are
    subclasses of `wds_imagenet.errors.StoreError`; each names the URL, without its query.
    """

    url: str
    """URL of the folder, without a last slash, query or credentials: for messages and logs."""
    private_url: str
    """URL that `open_store` opens, with userinfo and query of an HTTP URL: never shown or stored."""
    shared: bool
    """True if other processes see the same objects; False for `memory://`."""
    listable: bool
    """True if `list_objects` yields every object; False for HTTP, which has no listings."""
    writable: bool
    """True if objects can be put and deleted; False for HTTP."""
    staging: Path | None
    """Folder in which to write files that `put_file` can publish by renaming; None if any folder will do."""

    @property
    def awaitable(self) -> bool:
        """True if `read_async` lets other tasks run while it waits; False if it blocks its event loop."""

    def info(self, path: str) -> ObjectInfo:
        """Return an object's info, from the store and never from a cache. Raises `NotFoundError`."""

    def read(
        self,
        path: str,
        start: int = 0,
        stop: int | None = None,
        *,
        etag: str | None = None,
        limit: int = MAX_READ,
    ) -> Blob:
        """Return exactly the bytes [start, stop), or those to the end if `stop` is None. Costs a request.

        Args:
            path: path of the object.
            start: offset of the first byte.
            stop: offset after the last byte.
            etag: ETag that the object must still have.
            limit: bytes that are read at most. No reply makes the process take more memory.

        Raises:
            NotFoundError: if there is no such object.
            TooLargeError: if the read would return more than `limit` bytes.
            CorruptError: if the object ends before `stop`.
            ChangedError: if the object's ETag is not `etag`.
        """

    def read_into(
        self, path: str, start: int, buffer: memoryview, *, etag: str | None = None
    ) -> ObjectInfo | None:
        """Fill the whole buffer with the bytes from `start` on; return the `info` that `read` would return.

        The errors and the cost are those of `read`. The local disk reads into the buffer without a copy.

        Args:
            path: path of the object.
            start: offset of the first byte.
            buffer: writable, contiguous bytes; their content is undefined after an error.
            etag: ETag that the object must still have.
        """

    async def read_async(
        self,
        path: str,
        start: int,
        stop: int,
        *,
        etag: str | None = None,
        on_failure: Callable[[UnavailableError], None] = lambda _: None,
    ) -> View:
        """Return the bytes [start, stop), in the client's own memory. Costs a request, and no copy.

        The errors are those of `read`. A cancelled call ends at once.

        Args:
            path: path of the object.
            start: offset of the first byte.
            stop: offset after the last byte.
            etag: ETag that the object must still have.
            on_failure: called with the error of each attempt that will be repeated.
        """

    def put(self, path: str, data: bytes, *, create: bool = False) -> None:
        """Publish bytes, all or nothing: no reader ever sees a part.

        With `create`, an object that exists stays as it is, and `ExistsError` is raised.
        """

    def put_file(self, path: str, file: Path, *, create: bool = False) -> None:
        """Publish a local file, all or nothing. May consume the file.

        With `create`, an object that exists stays as it is, and `ExistsError` is raised. On object stores,
        a file of more than 16 MiB still replaces an object that appears during the upload.
        """

    def list_objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose path begins with `prefix`, at any depth, in code-point order."""

    def delete(self, path: str) -> None:
        """Remove an object; do nothing if there is none."""

    def sweep(self) -> None:
        """Remove the temporary files of earlier processes whose puts were interrupted."""


def holds(store: Store, path: str, data: bytes) -> bool:
    """Return True if an object has exactly these bytes. Costs a request, and the memory of `data` once more.

    Args:
        store: the store.
        path: path of the object.
        data: the bytes.
    """
    try:
        return store.read(path, limit=len(data)).data == data
    except TooLargeError:
        return False


def read_parsed(
    store: Store, path: str, parse: Callable[[bytes], _Parsed], *, limit: int = MAX_METADATA
) -> _Parsed:
    """Return the result of `parse` for a whole object. Costs a request, or two if `parse` raises `DataError`.

    The network may have damaged the first reply, and not the store: only an object that is the same twice,
    or as bad, is believed to be bad.

    Args:
        store: the store.
        path: path of the object.
        parse: checks the bytes, and returns their meaning.
        limit: bytes that are read at most.

    Raises:
        DataError: that of `parse`.
        StoreError: as `Store.read` does.
    """
    data = store.read(path, limit=limit).data
    try:
        return parse(data)
    except DataError:
        again = store.read(path, limit=limit).data
        if again == data:
            raise
    return parse(again)
