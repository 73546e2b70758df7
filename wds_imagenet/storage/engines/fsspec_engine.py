"""The engine for any fsspec file system, by its calls that publish all or nothing."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from wds_imagenet.errors import ChangedError, MissingExtraError, StoreError
from wds_imagenet.storage import event_loop
from wds_imagenet.storage.engines.checked_s3fs import checked_filesystem
from wds_imagenet.storage.engines.obstore_engine import PART, PARTS
from wds_imagenet.storage.failures import (
    BAD_CERTIFICATE,
    EXISTS,
    NO_BUCKET,
    NO_CREDENTIALS,
    TRANSPORT,
    UNREACHABLE,
    Failure,
    too_large,
)
from wds_imagenet.storage.retry import seconds_to_wait
from wds_imagenet.storage.store import ObjectInfo, View
from wds_imagenet.storage.store_options import ParsedOptions
from wds_imagenet.storage.url import Location

_PROTOCOLS: Final = {"gs": "gcs", "az": "abfs"}
_EXTRAS: Final = {"s3": "s3", "http": "s3", "https": "s3"}
SLOWEST_RATE: Final = 128 << 10
"""Bytes a second: a slower transfer is given up."""
_KINDS_BY_NAME: Final = (
    ({"SSLError"}, None, BAD_CERTIFICATE),
    ({"NoCredentialsError", "PartialCredentialsError"}, None, NO_CREDENTIALS),
    ({"FileExistsError"}, None, EXISTS),
    ({"FileNotFoundError", "IsADirectoryError"}, 404, ""),
    ({"PermissionError"}, 403, ""),
    ({"ConnectionRefusedError", "gaierror", "ClientConnectorError"}, None, UNREACHABLE),
    ({"EndpointConnectionError", "ConnectTimeoutError", "ConnectionTimeoutError"}, None, UNREACHABLE),
    ({"TimeoutError", "ConnectionError", "IncompleteRead"}, None, TRANSPORT),
    ({"HTTPClientError", "ResponseParserError"}, None, TRANSPORT),  # botocore
    ({"ClientConnectionError", "ClientPayloadError"}, None, TRANSPORT),  # aiohttp
    ({"TransportError"}, None, TRANSPORT),  # httpx
)
"""Names of exception classes → status and code."""
_creating: Final = Lock()
"""`memory://` creates in two steps, a look and a write; the lock makes them one."""


class FsspecEngine:
    """One folder of an fsspec file system.

    Files are never opened for writing: fsspec publishes a file when it is closed, after an exception too.
    """

    error_types: tuple[type[Exception], ...] = (Exception,)  # each file system raises its own

    def __init__(self, location: Location, options: ParsedOptions, config: Mapping[str, object]) -> None:
        self._fs = filesystem(location, config, options.timeout)
        # While a part is sent, no byte comes back, so the read timeout must be longer.
        self._writing = filesystem(location, config, 4 * options.timeout)
        self.awaitable: bool = self._fs.async_impl
        self._root = "/" + location.root if location.scheme == "memory" else location.root
        self._query = f"?{location.query}" if location.query else ""
        self._url = location.url
        # s3fs's default holds ten parts of 50 MiB in memory.
        self._parts = {"chunksize": PART, "max_concurrency": PARTS} if location.scheme == "s3" else {}
        self._idle, self._longest = options.timeout, options.retry.deadline

    def classify(self, error: Exception) -> Failure:
        """Return status, code and reason of a file system's exception."""
        return classify(error)

    async def info(self, path: str) -> ObjectInfo:
        """Return an object's info from the store: listings are not cached."""
        found = await self._call("info", self._full(path))
        if found.get("type") == "directory":
            raise FileNotFoundError(path)
        return self._info(path, found)

    async def get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> View:
        """Read a range; then request the info, to detect a change during the read and before the next."""
        size = None if stop is None else stop - start
        end = limit + 1 if stop is None else stop  # one byte more shows that the object is too large
        data = await self._call("cat_file", self._full(path), start=start, end=end, size=size)
        if len(data) > limit:
            raise too_large(f"{self._url}/{path}", None, limit)
        info = await self.info(path)
        if etag not in {None, info.etag}:
            raise ChangedError(f"{self._url}/{path}: was replaced while it was being read")
        return View(memoryview(data), info)

    async def put(self, path: str, data: bytes, *, create: bool) -> None:
        """Publish bytes by `pipe_file`."""
        if not create:
            await self._call("pipe_file", self._full(path), data, size=len(data))
        elif self._fs.async_impl:
            await self._call("pipe_file", self._full(path), data, mode="create", size=len(data))
        else:
            with _creating:
                await self._call("pipe_file", self._full(path), data, mode="create", size=len(data))

    async def put_file(self, path: str, file: Path) -> None:
        """Publish a file by the file system's own `put_file`; fsspec's default writes in place."""
        import fsspec  # noqa: PLC0415 - slow to import

        if type(self._fs).put_file is fsspec.AbstractFileSystem.put_file and not self._fs.async_impl:
            await self.put(path, file.read_bytes(), create=False)  # noqa: ASYNC240 - the loop has no other task
        else:
            size = file.stat().st_size  # noqa: ASYNC240 - quick
            await self._call("put_file", str(file), self._full(path), size=size, **self._parts)

    async def list_objects(self, folder: str) -> list[ObjectInfo]:
        """Return all files under a folder."""
        top = self._full(folder) if folder else self._root
        start = self._root + "/"
        return [
            self._info(name.removeprefix(start), found)
            for name, found in (await self._call("find", top, detail=True)).items()
            if name.startswith(start) and found.get("type") == "file" and not name.endswith("/")
        ]

    async def delete(self, path: str) -> None:
        """Remove a file; do nothing if there is none."""
        try:
            await self._call("rm_file", self._full(path))
        except FileNotFoundError as error:
            if classify(error).code in NO_BUCKET:
                raise

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}{self._query}"

    async def _call(self, method: str, *args: object, size: int | None = 0, **options: Any) -> Any:  # noqa: ANN401
        fs = self._writing if method in {"pipe_file", "put_file"} else self._fs
        if not fs.async_impl:
            return getattr(fs, method)(*args, **options)
        # Its blocking calls cannot be cancelled, and wait forever for a reply that was lost.
        longest = self._longest if size is None else self._idle + size / SLOWEST_RATE
        work = getattr(fs, f"_{method}")(*args, **options)
        return await event_loop.run_in(fs.loop, work, max(longest, self._idle))

    def _info(self, path: str, found: Mapping[str, Any]) -> ObjectInfo:
        if found.get("size") is None:
            raise StoreError(
                f"{self._url}/{path}: the server does not send the object's size, which is needed"
            )
        return ObjectInfo(path, int(found["size"]), etag_of(found))


def etag_of(found: Mapping[str, Any]) -> str | None:
    """Return an ETag from the info of any fsspec file system; else size and time; else None."""
    for name in ("ETag", "etag", "e_tag", "generation", "blob_id", "Content-MD5", "md5Hash"):
        if found.get(name):
            return str(found[name])
    for name in ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created"):
        if found.get(name):
            value = found[name]
            moment = value.timestamp() if isinstance(value, datetime) else value
            return f"{moment}-{found.get('size')}"
    return None


def classify(error: Exception) -> Failure:
    """Return status, code and reason of an exception, found in its or its causes' names and attributes.

    The exceptions of s3fs, gcsfs, adlfs, aiohttp and httpx have no base class in common.
    """
    links = list(_with_causes(error))
    reason = next((text for link in links if (text := " ".join(str(link).split()))), type(error).__name__)
    kind = _kind(error)
    # A broken connection's causes may resemble answers.
    if kind is None or kind[1] not in {TRANSPORT, UNREACHABLE}:
        for link in links:
            if (answer := _answer(link, reason)) is not None:
                return answer
        kind = next(filter(None, map(_kind, links)), None)
    return Failure(f"{type(error).__name__}: {reason}") if kind is None else Failure(reason, *kind)


def _kind(error: BaseException) -> tuple[int | None, str] | None:
    names = {base.__name__ for base in type(error).__mro__}
    return next(((status, code) for known, status, code in _KINDS_BY_NAME if names & known), None)


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _answer(error: BaseException, reason: str) -> Failure | None:
    """Return the store's own answer, if the exception carries one."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        answer = response.get("Error", {})
        facts = response.get("ResponseMetadata", {})
        wait = seconds_to_wait(str(facts.get("HTTPHeaders", {}).get("retry-after", "")))
        code = str(answer.get("Code", ""))
        return Failure(answer.get("Message") or reason, facts.get("HTTPStatusCode"), code, wait)
    names = ((error, "status"), (error, "status_code"), (response, "status_code"), (error, "code"))
    for holder, name in names:
        value = getattr(holder, name, None)
        if isinstance(value, int) and 300 <= value < 600:
            headers = getattr(error, "headers", None) or getattr(response, "headers", None) or {}
            return Failure(reason, value, retry_after=seconds_to_wait(str(headers.get("Retry-After", ""))))
    return None


def filesystem(location: Location, config: Mapping[str, object], read_timeout: float) -> Any:  # noqa: ANN401
    """Return fsspec's file system for a location, connected on its first call.

    Args:
        location: the folder of the store.
        config: the options that fsspec's class takes.
        read_timeout: seconds that a request to S3 may go without progress.
    """
    import fsspec  # noqa: PLC0415 - slow to import

    arguments: dict[str, Any] = dict(config)
    if location.scheme == "s3":
        arguments["config_kwargs"] = {
            "connect_timeout": 5,
            "read_timeout": read_timeout,  # `_call` bounds the whole call
            "retries": {"total_max_attempts": 1, "mode": "standard"},
            "max_pool_connections": 64,
            # Many S3-compatible stores lack AWS's newer checksums.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            **arguments.get("config_kwargs", {}),
        }
    elif location.account:
        arguments.setdefault("account_name", location.account)
    protocol = _PROTOCOLS.get(location.scheme, location.scheme)
    try:
        # fsspec keeps one instance for each set of arguments, and makes new ones after a fork.
        if location.scheme == "s3":
            fs = checked_filesystem(use_listings_cache=False, **arguments)
        else:
            fs = fsspec.filesystem(protocol, use_listings_cache=False, **arguments)
    except ImportError as error:
        purpose = f"opening {location.scheme}:// URLs"
        if location.scheme in _EXTRAS:
            raise MissingExtraError.of(_EXTRAS[location.scheme], purpose) from error
        raise MissingExtraError(f"{purpose} needs another package: {error}") from error
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{location.url}: fsspec rejects the storage options ({type(error).__name__}): check them"
        ) from None  # its text may quote a name or a value
    if location.scheme == "s3":
        fs.retries = 1  # `RemoteStore` retries
    return fs
