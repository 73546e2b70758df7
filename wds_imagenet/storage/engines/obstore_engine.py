"""The engine for s3, gs and az: obstore, which is faster than fsspec."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from wds_imagenet.errors import UnavailableError
from wds_imagenet.storage.credentials import find_credentials
from wds_imagenet.storage.failures import (
    BAD_CERTIFICATE,
    BAD_KEY,
    BAD_PATH,
    NO_ACCOUNT,
    NO_BUCKET,
    NO_CREDENTIALS,
    TRANSPORT,
    UNREACHABLE,
    Failure,
    too_large,
)
from wds_imagenet.storage.store import ObjectInfo, View
from wds_imagenet.storage.store_options import ParsedOptions, ignores_endpoints
from wds_imagenet.storage.url import Location

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

PART: Final = 16 << 20
"""Bytes of one part of a large upload."""
PARTS: Final = 4
"""Parts of one upload that are sent at once."""
_SMALL: Final = 1 << 20

_CODES_BY_TEXT: Final = (
    (r"/latest/api/token|/computeMetadata/|/metadata/identity", NO_CREDENTIALS),
    (r"InvalidCertificate|InvalidContentType|invalid peer certificate", BAD_CERTIFICATE),
    (r"Received redirect without LOCATION", "PermanentRedirect"),
    (r"External AWS credential provider", "AccessDenied"),
    (r"Wanted range starting at \d+, but object was only", "InvalidRange"),
    (r"Encountered object with invalid path", BAD_KEY),
    (r"Account must be specified", NO_ACCOUNT),
    (r"ConnectionRefused|tcp connect error|dns error|NetworkUnreachable|HostUnreachable", UNREACHABLE),
    (r"HTTP error: |Header missing from response|Got invalid [a-z ]*response", TRANSPORT),
    (r"Received non-partial response when range requested", TRANSPORT),
    (r"Requested \d+\.\.\d+, got |Unable to (?:parse|extract) ", TRANSPORT),
)
"""Pattern in the text of an error → code."""

_runtime_of: int | None = None
"""Id of the process that started obstore's threads; a forked child has no such threads."""


def usable() -> bool:
    """Return True if obstore works in this process: it hangs in a child of a process that used it."""
    return _runtime_of in {None, os.getpid()}


class ObstoreEngine:
    """One folder of a bucket, read and written by obstore."""

    awaitable = True

    def __init__(self, location: Location, options: ParsedOptions, config: Mapping[str, object]) -> None:
        global _runtime_of  # noqa: PLW0603 - obstore's runtime is global too
        import obstore  # noqa: PLC0415 - an extra
        import obstore.exceptions  # noqa: PLC0415

        self._obstore: Final = obstore
        self.error_types: tuple[type[Exception], ...] = (obstore.exceptions.BaseError, OSError, ValueError)
        self._location, self._options, self._config = location, options, config
        self._folder, self._url = location.folder, location.url
        _runtime_of = os.getpid()

    @cached_property
    def _small(self) -> Any:  # noqa: ANN401 - one of three classes that share no base
        """The client for short requests. It has no retries of its own: `RemoteStore` retries."""
        idle = timedelta(seconds=self._options.timeout)
        whole = max(idle, timedelta(seconds=self._options.retry.deadline))
        return _client(
            self._location, self._config, {"timeout": whole, "read_timeout": idle}, {"max_retries": 0}
        )

    @cached_property
    def _large(self) -> Any:  # noqa: ANN401
        """The client for uploads. It retries single parts; while one is sent, no byte comes back."""
        whole = timedelta(seconds=self._options.retry.deadline)
        times: ClientConfig = {"timeout": timedelta(seconds=4 * self._options.timeout)}
        return _client(self._location, self._config, times, {"max_retries": 3, "retry_timeout": whole})

    def classify(self, error: Exception) -> Failure:
        """Return status, code and reason of obstore's exception."""
        return classify(error)

    async def info(self, path: str) -> ObjectInfo:
        """Return an object's info by a HEAD request."""
        info = self._info(await self._obstore.head_async(self._small, self._key(path)))
        if info.etag is None:
            raise UnavailableError(f"{self._url}/{path}: the reply has no ETag, so it is not the object's")
        return info

    async def get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> View:
        """Read a range by a GET request with If-Match."""
        options: Any = {} if etag is None else {"if_match": etag}
        if stop is not None:
            options["range"] = (start, stop)
        reply = await self._obstore.get_async(self._small, self._key(path), options=options)
        first, last = reply.range
        if last - first > limit:  # obstore takes the memory for all bytes that the reply announces
            raise too_large(f"{self._url}/{path}", last - first, limit)
        data = memoryview(await reply.bytes_async())
        if first != start or len(data) != last - first:
            raise UnavailableError(
                f"{self._url}/{path}: the reply announced bytes {first} to {last}, and had {len(data)}"
            )
        return View(data, self._info(reply.meta))

    async def put(self, path: str, data: bytes, *, create: bool) -> None:
        """Publish bytes by a PUT request, with If-None-Match to create."""
        client = self._small if len(data) <= _SMALL else self._large
        mode: Literal["create", "overwrite"] = "create" if create else "overwrite"
        await self._put(client, path, data, mode=mode)

    async def put_file(self, path: str, file: Path) -> None:
        """Publish a file by PUT requests, in parts if it is large; a failed upload removes its parts."""
        await self._put(self._large, path, file)

    async def list_objects(self, folder: str) -> list[ObjectInfo]:
        """Return all objects under a folder, a thousand a request."""
        prefix = self._key(folder) if folder else self._folder
        pages = self._obstore.list(self._small, prefix or None, chunk_size=1000)
        found = [meta async for page in pages for meta in page if meta["path"] != self._folder]
        folders = {meta["path"].rpartition("/")[0] for meta in found}
        return [self._info(meta) for meta in found if not await self._is_marker(meta, folders)]

    async def _is_marker(self, meta: "ObjectMeta", folders: set[str]) -> bool:
        """Return True for an empty object that marks a folder: obstore drops the slash that ends its key."""
        path = meta["path"]
        if meta["size"] or "." in path.rpartition("/")[2]:
            return False
        if path in folders:
            return True
        try:
            await self.info(path.removeprefix(f"{self._folder}/") if self._folder else path)
        except FileNotFoundError:
            return True
        return False

    async def delete(self, path: str) -> None:
        """Remove an object; do nothing if there is none, which Azure reports as an error."""
        try:
            await self._obstore.delete_async(self._small, self._key(path))
        except FileNotFoundError as error:
            if classify(error).code in NO_BUCKET:
                raise

    async def _put(self, client: Any, path: str, data: bytes | Path, **mode: Any) -> None:  # noqa: ANN401
        options: dict[str, Any] = {"chunk_size": PART, "max_concurrency": PARTS, **mode}
        await self._obstore.put_async(client, self._key(path), data, **options)

    def _key(self, path: str) -> str:
        return f"{self._folder}/{path}" if self._folder else path

    def _info(self, meta: "ObjectMeta") -> ObjectInfo:
        path = meta["path"].removeprefix(f"{self._folder}/") if self._folder else meta["path"]
        etag = meta["e_tag"]
        if etag and not etag.endswith('"'):  # Azure's listings omit the quotes that If-Match needs
            etag = f'"{etag}"'
        return ObjectInfo(path, meta["size"], etag)


def classify(error: Exception) -> Failure:
    """Return status, code and reason, parsed from the text of an obstore error: no attribute has them."""
    text = str(error)
    head, _, debug = text.partition("Debug source:")
    reason = _first(r"<Message>([^<]+)</Message>", head) or _first(r'message: "([^"]+)"', debug)
    reason = reason or _first(r"kind: (Timeout)", debug) or _first(r"status code: ([^:]+)", head)
    reason = reason or " ".join(head.rpartition(" - ")[2].split())
    code = next((code for pattern, code in _CODES_BY_TEXT if re.search(pattern, text)), "")
    code = code or _first(r"<Code>([^<]+)</Code>", head)
    status = _first(r"status code: (\d{3})", head)
    if not code and not status:
        code = "NoSuchKey" if isinstance(error, FileNotFoundError) else code
        code = BAD_PATH if isinstance(error, ValueError) else code
    return Failure(reason, int(status) if status else None, code)


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1].strip().partition("\n")[0] if match else ""


def _client(
    location: Location,
    config: Mapping[str, object],
    client_options: "ClientConfig",
    retry_config: "RetryConfig",
) -> Any:  # noqa: ANN401 - one of three classes that share no base
    from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415 - an extra

    out: dict[str, Any] = dict(config)
    insecure = bool(out.pop("allow_http", False))
    provider = None
    if location.scheme == "s3":
        found = find_credentials(config, location.url)
        provider = found.provider
        out = {**found.settings, **out}
        if "endpoint" not in out and ignores_endpoints(os.environ):
            out["endpoint"] = f"https://s3.{out.get('region', 'us-east-1')}.amazonaws.com"
        if "endpoint" in out and os.environ.get("AWS_ENDPOINT_URL_S3"):
            out["aws_endpoint_url_s3"] = out["endpoint"]  # else the environment would precede the options
        for name in ("access_key_id", "secret_access_key", "session_token", "profile"):
            out.pop(name, None)
    if location.account:
        out.setdefault("account_name", location.account)
    client_options["connect_timeout"] = timedelta(seconds=5)
    client_options["allow_http"] = insecure or str(out.get("endpoint", "")).startswith("http://")
    kinds = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    return kinds[location.scheme](
        location.container,
        config=out,
        client_options=client_options,
        retry_config=retry_config,
        credential_provider=provider,
    )
