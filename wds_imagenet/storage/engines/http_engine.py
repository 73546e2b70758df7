"""The engine for http and https: one GET a read, whose reply pins the file and is bounded in size."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from wds_imagenet.errors import ChangedError, StoreError, UnavailableError
from wds_imagenet.storage import event_loop
from wds_imagenet.storage.engines.fsspec_engine import SLOWEST_RATE, FsspecEngine, etag_of, filesystem
from wds_imagenet.storage.failures import status_phrase, too_large
from wds_imagenet.storage.store import ObjectInfo, View
from wds_imagenet.storage.store_options import ParsedOptions
from wds_imagenet.storage.url import Location

if TYPE_CHECKING:
    import aiohttp

_CONNECT: Final = 5.0
_NO_HEAD: Final = frozenset({400, 401, 403, 405, 501})
"""Statuses for HEAD of servers that answer GET, such as those of a URL that is signed for GET alone."""
_ERROR_PAGE: Final = 64 << 10
_MAX_REDIRECTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TRANSPORT: Final = frozenset({"timeout", "trust_env", "proxy", "proxy_auth", "proxy_headers", "ssl"})
"""Options of a request or a session that no server sees; others stay with the origin that the user named."""


class HttpEngine(FsspecEngine):
    """One folder behind HTTP. fsspec holds the connections; requests and replies are this class's.

    Bytes are those that the server stores: a `Content-Encoding` is not undone. The query of the folder's URL
    goes with every request.
    """

    def __init__(self, location: Location, options: ParsedOptions, config: Mapping[str, object]) -> None:
        super().__init__(location, options, config)
        import aiohttp  # noqa: PLC0415 - an extra, and slow to import
        import yarl  # noqa: PLC0415 - aiohttp's class of URLs

        self._aiohttp, self._yarl = aiohttp, yarl
        session = dict(self._fs.client_kwargs)
        self._bare: Final = filesystem(location, {"client_kwargs": _transport(session)}, options.timeout)
        """Connections to servers that the user did not name."""

    async def info(self, path: str) -> ObjectInfo:
        """Return a file's info by a HEAD request, or by a GET of its first byte where HEAD is refused."""
        info: ObjectInfo = await self._run(self._head(path), 0)
        return info

    async def get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> View:
        """Read a range by one GET request."""
        view: View = await self._run(self._get(path, start, stop, etag, limit), limit)
        return view

    async def list_objects(self, folder: str) -> list[ObjectInfo]:  # noqa: ARG002 - the engine's signature
        """Return nothing: HTTP has no listings."""
        return []

    async def _run(self, work: Any, size: int) -> Any:  # noqa: ANN401
        longest = min(self._longest, self._idle + size / SLOWEST_RATE)
        return await event_loop.run_in(self._fs.loop, work, max(longest, self._idle))

    async def _request(self, method: str, path: str, **headers: str) -> "aiohttp.ClientResponse":
        options = dict(self._fs.kwargs)
        own = {"Accept-Encoding": "identity", **headers}
        options["headers"] = {**options.get("headers", {}), **own}
        times = self._aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=self._idle)
        options = {"timeout": times, **options}
        follows = options.pop("allow_redirects", True)
        left = int(options.pop("max_redirects", _MAX_REDIRECTS))
        session, address = await self._fs.set_session(), self._address(path)
        while True:
            try:
                reply: aiohttp.ClientResponse = await session.request(
                    method, address, auto_decompress=False, allow_redirects=False, **options
                )
            except self._aiohttp.ClientResponseError:  # its text quotes the reply, which may repeat the query
                raise UnavailableError(f"{self._url}/{path}: the reply is not HTTP") from None
            target = reply.headers.get("Location") if reply.status in _REDIRECTS and follows else None
            if target is None:
                reply.reason = status_phrase(reply.status)  # the server's own may repeat the query
                return reply
            reply.release()
            if left == 0:
                raise StoreError(f"{self._url}/{path}: the server redirects too often")
            left -= 1
            before, address = address, self._redirected(address, target, path)
            options.pop("params", None)
            if address.origin() == before.origin():
                if address.user is None and before.user is not None:
                    address = address.with_user(before.user).with_password(before.password)
            else:
                session = await self._bare.set_session()
                options = {**_transport(options), "headers": own}

    def _redirected(self, address: Any, target: str, path: str) -> Any:  # noqa: ANN401 - yarl.URL
        """Return the URL that a redirect names."""
        try:
            found = address.join(self._yarl.URL(target))
        except ValueError:
            found = self._yarl.URL()
        if found.scheme not in {"http", "https"} or not found.host:
            raise StoreError(f"{self._url}/{path}: the server redirects to an address that is no web URL")
        return found

    def _address(self, path: str) -> Any:  # noqa: ANN401 - yarl.URL
        """Return the URL of a file: its query as it was written, since a signature may cover it."""
        base = str(self._yarl.URL(f"{self._root}/{path.replace('?', '%3F').replace('#', '%23')}"))
        query = quote(self._query, safe="!$%&'()*+,-./:;=?@_~[]|{}^`\\\"<>")
        return self._yarl.URL(base + query, encoded=True)

    async def _head(self, path: str) -> ObjectInfo:
        async with await self._request("HEAD", path) as reply:
            if reply.status not in _NO_HEAD:
                reply.raise_for_status()
                if "Content-Length" in reply.headers:
                    return self._info(path, _facts(reply))
        async with await self._request("GET", path, Range="bytes=0-0") as reply:
            if reply.status == 416:  # an empty file has no first byte
                return self._info(path, _facts(reply))
            reply.raise_for_status()
            return self._info(path, _facts(reply))

    async def _get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> View:
        where = f"{self._url}/{path}"
        ranged = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}"}
        async with await self._request("GET", path, **ranged) as reply:
            reply.raise_for_status()
            facts = _facts(reply)
            if etag is not None and etag_of(facts) not in {None, etag}:
                raise ChangedError(f"{where}: was replaced while it was being read")
            length = reply.content_length
            whole = start == 0 and stop is not None and length == stop
            if stop is not None and reply.status != 206 and not whole:
                await self._check_error_page(reply, where)
                raise StoreError(f"{where}: the server ignores ranges: it answers {start} to {stop} with all")
            if reply.status == 206 and (stop is None or not _begins_at(reply, start)):
                raise UnavailableError(
                    f"{where}: bytes from {start} were requested, and the reply has "
                    f"{reply.headers.get('Content-Range', 'no Content-Range')!r:.60}"
                )
            wanted = limit if stop is None else stop - start
            if stop is not None and length is not None and length > wanted:
                raise UnavailableError(f"{where}: {wanted:,} bytes were requested, {length:,} announced")
            if length is not None and length > limit:
                raise too_large(where, length, limit)
            with io.BytesIO() as body:  # an error's traceback keeps no bytes, and `getvalue` copies none
                async for chunk in reply.content.iter_any():
                    if body.tell() + len(chunk) > limit:
                        raise too_large(where, None, limit)
                    body.write(chunk)
                data = body.getvalue()
            size = facts.get("size")
            info = None if size is None else self._info(path, facts)
            return View(memoryview(data), info)

    async def _check_error_page(self, reply: "aiohttp.ClientResponse", where: str) -> None:
        """Raise `UnavailableError` for an empty reply, or one with an error document, of status 200."""
        head = await reply.content.read(_ERROR_PAGE) if "xml" in reply.content_type else b""
        if reply.content_length == 0 or b"<Error>" in head:
            raise UnavailableError(f"{where}: the server answered with an error of status {reply.status}")


def _transport(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that decide how requests are sent, without those that are sent."""
    return {name: value for name, value in options.items() if name in _TRANSPORT}


def _facts(reply: "aiohttp.ClientResponse") -> dict[str, Any]:
    """Return the whole file's size and tags, in the form of fsspec's info."""
    total = reply.headers.get("Content-Range", "").rpartition("/")[2]
    if reply.status == 200:
        total = reply.headers.get("Content-Length", "")
    size = int(total) if total.isascii() and total.isdigit() else None
    names = ("ETag", "Content-MD5", "Last-Modified")
    return {"size": size, **{name: reply.headers[name] for name in names if name in reply.headers}}


def _begins_at(reply: "aiohttp.ClientResponse", start: int) -> bool:
    return reply.headers.get("Content-Range", "").replace(" ", "").startswith(f"bytes{start}-")
