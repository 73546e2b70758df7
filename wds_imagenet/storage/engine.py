"""The interface of an engine, which makes one attempt of each call; and the choice of an engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from wds_imagenet.errors import MissingExtraError, UsageError
from wds_imagenet.storage import obstore_engine
from wds_imagenet.storage.failures import Failure
from wds_imagenet.storage.fsspec_engine import FsspecEngine
from wds_imagenet.storage.http_engine import HttpEngine
from wds_imagenet.storage.s3fs_engine import S3fsEngine
from wds_imagenet.storage.store import ObjectInfo, View
from wds_imagenet.storage.store_options import ParsedOptions, fsspec_config, obstore_config
from wds_imagenet.storage.url import Location


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


def connect(location: Location, options: ParsedOptions, *, plain: bool = False) -> StoreEngine:
    """Return the engine for a location: obstore where it can be used, else fsspec.

    Args:
        location: the folder of the store.
        options: the options of the store.
        plain: True for keys with empty parts, which obstore cannot read.

    Raises:
        UsageError: if the engine that the options name lacks the store or one of the options.
        MissingExtraError: if no engine is installed.
    """
    plain = plain or "//" in location.root
    config = None if plain or options.engine == "fsspec" else obstore_config(location.scheme, options)
    if options.engine == "obstore" and config is None and not plain:
        raise UsageError(
            f"{location.url}: obstore lacks this store or one of these options; leave out engine=obstore"
        )
    if config is not None and obstore_engine.usable():
        try:
            return obstore_engine.ObstoreEngine(location, options, config)
        except ImportError as error:
            if options.engine == "obstore":
                raise MissingExtraError.of("s3", "the obstore engine") from error
    return _connect_fsspec(location, options)


def _connect_fsspec(location: Location, options: ParsedOptions) -> StoreEngine:
    config: Mapping[str, Any] | None = fsspec_config(location.scheme, options)
    if config is None:
        raise UsageError(
            f"{location.url}: some of these options are obstore's alone, which cannot be used here; leave "
            "them out"
        )
    kinds = {"s3": S3fsEngine, "http": HttpEngine, "https": HttpEngine}
    return kinds.get(location.scheme, FsspecEngine)(location, options, config)
