"""Every store but the local disk: the checks of replies, around a connection."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from wds_imagenet.errors import (
    ChangedError,
    CorruptError,
    ExistsError,
    NotFoundError,
    StoreError,
    TooLargeError,
    UnavailableError,
    UsageError,
)
from wds_imagenet.storage import event_loop
from wds_imagenet.storage.connection import Connection
from wds_imagenet.storage.engines.engine import StoreEngine
from wds_imagenet.storage.engines.obstore_engine import PART
from wds_imagenet.storage.failures import BAD_KEY, too_large
from wds_imagenet.storage.store import MAX_READ, Blob, ObjectInfo, View
from wds_imagenet.storage.store_options import ParsedOptions
from wds_imagenet.storage.url import Location, check_path, is_path
from wds_imagenet.util.messages import quantity

_log = logging.getLogger(__name__)
_ERROR_HEAD: Final = 1024


class RemoteStore:
    """A folder on an object store, in memory or behind HTTP; keeps the guarantees of `Store` for any engine.

    The first call connects. Each process that receives the store, by pickling or fork, connects anew.
    """

    staging: Path | None = None

    def __init__(self, location: Location, options: ParsedOptions) -> None:
        self.url: str = location.url
        self.private_url: str = location.private_url
        self.shared: bool = location.scheme != "memory"
        self.listable: bool = location.scheme not in {"http", "https"}
        self.writable: bool = self.listable
        self._connection: Final = Connection(location, options)

    def __repr__(self) -> str:
        return f"RemoteStore({self.url!r})"

    @property
    def awaitable(self) -> bool:
        """See `Store.awaitable`. Connects."""
        return self._connection.engine("").awaitable

    def info(self, path: str) -> ObjectInfo:
        """See `Store.info`."""
        return event_loop.run(self._info(path))

    async def _info(self, path: str) -> ObjectInfo:
        return await self._connection.retried(self._checked(path), lambda engine: engine.info(path))

    def read(
        self,
        path: str,
        start: int = 0,
        stop: int | None = None,
        *,
        etag: str | None = None,
        limit: int = MAX_READ,
    ) -> Blob:
        """See `Store.read`. With a `start` and no `stop`, costs two requests."""
        view = event_loop.run(self._read(path, start, stop, etag, limit))
        whole = view.data.obj  # the engine's own bytes, without a copy
        if isinstance(whole, bytes) and len(whole) == len(view.data):
            return Blob(whole, view.info)
        return Blob(bytes(view.data), view.info)

    async def read_async(
        self,
        path: str,
        start: int,
        stop: int,
        *,
        etag: str | None = None,
        on_failure: Callable[[UnavailableError], None] = lambda _: None,
    ) -> View:
        """See `Store.read_async`."""
        return await self._read(path, start, stop, etag, stop - start, on_failure=on_failure)

    async def _read(
        self,
        path: str,
        start: int,
        stop: int | None,
        etag: str | None,
        limit: int,
        *,
        on_failure: Callable[[UnavailableError], None] = lambda _: None,
    ) -> View:
        if start < 0 or (stop is not None and stop < start):
            raise UsageError(f"{self._connection.where(path)}: there are no bytes {start} to {stop}")
        if start and stop is None:  # so that the length of the reply can be checked
            stop = max(start, (await self._info(path)).size)
        if stop is not None and stop - start > limit:
            raise too_large(self._connection.where(path), stop - start, limit)
        if start == stop:  # no store accepts an empty range
            return await self._nothing(path, start, etag)
        attempt = self._get(path, start, stop, etag, limit)
        return await self._connection.retried(self._checked(path), attempt, on_failure)

    def _get(
        self, path: str, start: int, stop: int | None, etag: str | None, limit: int
    ) -> Callable[[StoreEngine], Awaitable[View]]:
        """Return one attempt of a read. A reply that the object's info contradicts is tried again."""

        async def attempt(engine: StoreEngine) -> View:
            try:
                view = await self._connection.called(
                    path, lambda: engine.get(path, start, stop, etag, wanted or limit)
                )
            except CorruptError:  # status 416; an empty object has no first byte
                view = View(memoryview(b""), None)
            except TooLargeError as error:
                if await self._exceeds(path, limit):
                    raise
                raise UnavailableError(f"{error}, but the object has fewer") from error
            if len(view.data) == wanted or (wanted is None and not _resembles_fault(view.data)):
                return view
            info = await self._connection.called(path, lambda: engine.info(path))
            return self._confirmed(path, start, wanted, view, info)

        wanted = None if stop is None else stop - start
        return attempt

    async def _exceeds(self, path: str, limit: int) -> bool:
        """Return True if an object has more bytes than a limit, or does not state its size."""
        try:
            return (await self._connection.once(path, lambda engine: engine.info(path))).size > limit
        except UnavailableError:
            raise
        except StoreError:
            return True

    def _confirmed(self, path: str, start: int, wanted: int | None, view: View, info: ObjectInfo) -> View:
        got = len(view.data)
        if wanted is None and info.size == got:
            return View(view.data, info)
        if info.size >= start + (wanted or 0):
            raise UnavailableError(
                f"{self._connection.where(path)}: a reply of {got:,} bytes came, of one of {info.size:,}"
            )
        stop = start + (wanted or 0)
        raise CorruptError(f"{self._connection.where(path)}: ends at byte {info.size}, before byte {stop}")

    def read_into(
        self, path: str, start: int, buffer: memoryview, *, etag: str | None = None
    ) -> ObjectInfo | None:
        """See `Store.read_into`. Reads, then copies: for that moment, it needs the memory twice."""
        view = event_loop.run(self.read_async(path, start, start + len(buffer), etag=etag))
        buffer[:] = view.data
        return view.info

    def put(self, path: str, data: bytes, *, create: bool = False) -> None:
        """See `Store.put`."""
        reply_lost = False

        async def attempt(engine: StoreEngine) -> None:
            nonlocal reply_lost
            try:
                await self._connection.once(path, lambda _: engine.put(path, data, create=create))
            except UnavailableError:
                reply_lost = True
                raise
            except (ChangedError, ExistsError) as error:
                # An attempt whose reply was lost may have created the object.
                if not create or not (reply_lost and await self._holds(path, data)):
                    raise ExistsError(f"{self._connection.where(path)}: exists already") from error

        self._write(path, attempt)

    def put_file(self, path: str, file: Path, *, create: bool = False) -> None:
        """See `Store.put_file`. To create a large file, looks for an object first: one more request."""
        if not file.is_file():
            raise NotFoundError(f"{file}: there is no such file to put at {self._connection.where(path)}")
        if create and file.stat().st_size <= PART:
            self.put(path, file.read_bytes(), create=True)
            return
        with suppress(NotFoundError):
            if create and self.info(path) is not None:  # an upload in parts has no condition
                raise ExistsError(f"{self._connection.where(path)}: exists already")
        self._write(path, lambda engine: engine.put_file(path, file))

    def list_objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `Store.list_objects`. Holds the whole listing in memory, to sort it."""
        folder = prefix.rpartition("/")[0]
        checked = folder and self._checked(folder)
        found = event_loop.run(self._connection.retried(checked, lambda engine: self._list(engine, folder)))
        found = [info for info in found if info.path.startswith(prefix)]
        named = [info for info in found if is_path(info.path)]
        if len(named) < len(found):
            some = quantity(len(found) - len(named), "objects")
            _log.warning(
                "%s: passed over %s whose keys have an empty part, '.' or '..'; name them to read them",
                self._connection.where(folder),
                some,
            )
        yield from sorted(named, key=lambda info: info.path)

    async def _list(self, engine: StoreEngine, folder: str) -> list[ObjectInfo]:
        try:
            return await engine.list_objects(folder)
        except engine.error_types as error:
            if engine.classify(error).code != BAD_KEY:
                raise
            return await self._connection.engine(f"{folder}//").list_objects(folder)

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        self._write(path, lambda engine: engine.delete(path))

    def sweep(self) -> None:
        """Do nothing: an interrupted put leaves no object.

        A large upload whose process was killed leaves its parts with the store, unlisted but paid for. A
        lifecycle rule of the bucket can remove them.
        """

    async def _nothing(self, path: str, start: int, etag: str | None) -> View:
        info = await self._info(path)
        if etag not in {None, info.etag}:
            raise ChangedError(f"{self._connection.where(path)}: was replaced while it was being read")
        if info.size < start:
            raise CorruptError(
                f"{self._connection.where(path)}: ends at byte {info.size}, before byte {start}"
            )
        return View(memoryview(b""), info)

    async def _holds(self, path: str, data: bytes) -> bool:
        try:
            view = await self._connection.once(
                path, lambda engine: engine.get(path, 0, None, None, len(data))
            )
        except (NotFoundError, CorruptError, TooLargeError):
            return False
        return view.data == data

    def _write(self, path: str, call: Callable[[StoreEngine], Awaitable[None]]) -> None:
        if not self.writable:
            raise UsageError(f"{self._connection.where(path)}: stores behind HTTP can only be read")
        event_loop.run(self._connection.retried(self._checked(path), call))

    def _checked(self, path: str) -> str:
        """Return a path that the store may have; in a bucket, parts of a key may be empty."""
        is_bucket = self.shared and self.listable
        check_path("/".join(filter(None, path.split("/"))) if is_bucket else path)
        return path


def _resembles_fault(data: memoryview) -> bool:
    """Return True for the bytes of a failed call whose status says success: none, or S3's error document."""
    head = bytes(data[:_ERROR_HEAD]).lstrip()
    return not data or (head[:5] in {b"<?xml", b"<Erro"} and b"<Error>" in head)
