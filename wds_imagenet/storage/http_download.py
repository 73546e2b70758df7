"""Download images off the web: from hosts that are not trusted, and not from one's own network.

Each connection checks its IP address, after DNS and for every redirect. So neither a name nor a redirect
to a private address gets through, nor a name whose address changes between a check and its use (DNS
rebinding).
"""

import base64
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from wds_imagenet.errors import (
    CorruptError,
    DeniedError,
    MissingExtraError,
    NotFoundError,
    StoreError,
    UnavailableError,
    UsageError,
)
from wds_imagenet.storage.event_loop import run, run_in
from wds_imagenet.storage.failures import status_phrase
from wds_imagenet.storage.retry import call_with_retries, seconds_to_wait
from wds_imagenet.storage.store_options import parse_options

if TYPE_CHECKING:
    import aiohttp

PREFIX: Final = "fetch+"
CONNECTIONS: Final = 16
"""Connections of one downloader, at most."""
MAX_BYTES: Final = 64 << 20
_MAX_REDIRECTS: Final = 5
_SLOWEST: Final = 4
"""Time of a whole answer, at most, in multiples of the timeout."""
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_IMAGE_TYPES: Final = ("text/", "application/json", "application/xml", "application/xhtml")
_REMOVED_PHOTO: Final = "photo_unavailable"
"""First part of the file name to which Flickr redirects from a removed photo."""
_EMBEDDING: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""Networks whose addresses end in an IPv4 address (RFC 6052, and RFC 4291, section 2.5.5.1)."""
_LOCAL_NAT64: Final = ipaddress.ip_network("64:ff9b:1::/48")

_Result = TypeVar("_Result")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Download:
    """A file to download; as text, `fetch+https://host/path#md5=…`."""

    url: str
    """An HTTP URL, without fragment."""
    md5: str | None = None
    """MD5 of the file, in base64, as Open Images publishes it; None if unknown."""
    private: bool = False
    """True if the file may lie in a private network or on this machine."""

    def __post_init__(self) -> None:
        if not _is_http_url(self.url):
            raise UsageError(f"{self.url!r:.200} is no URL of http:// or https:// with a host")
        if self.md5 is not None and not _is_md5(self.md5):
            raise UsageError(f"{self.md5!r:.60} is no MD5 in base64, which has 24 characters")

    def __str__(self) -> str:
        facts = {"md5": self.md5, "private": "yes" if self.private else None}
        fragment = urlencode({name: value for name, value in facts.items() if value is not None})
        return f"{PREFIX}{self.url.partition('#')[0]}#{fragment}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse the text that `str` returns. Raises `UsageError`."""
        plain, _, fragment = url.removeprefix(PREFIX).partition("#")
        facts = parse_qs(fragment)
        return cls(plain, facts.get("md5", [None])[0], facts.get("private") == ["yes"])


class Downloader:
    """Downloads whole files, from many threads, over at most 16 connections, until its `with` ends.

    Do not pickle a downloader, or use it after a fork.

    Args:
        options: storage options, of which `retries`, `timeout` and `deadline` are used.
        limit: bytes of one file, at most.
    """

    def __init__(self, options: Mapping[str, object], limit: int = MAX_BYTES) -> None:
        parsed = parse_options("https", options, {})
        self._limit: Final = limit
        self._retry: Final = parsed.retry
        self._timeout: Final = parsed.timeout
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def __enter__(self) -> Self:
        for private in (False, True):
            self._sessions[private] = run(
                self._in_loop(_open_session(private=private, seconds=self._timeout))
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._sessions:
            run(self._in_loop(self._sessions.popitem()[1].close()))

    def __call__(self, download: Download, size: int | None = None) -> bytes:
        """Return the whole file, after checking its size and its MD5.

        Follows up to 5 redirects, and repeats calls that `UnavailableError` ends. Costs one request, and a
        connection if none to that host is open. No message names the URL: the caller adds it.

        Args:
            download: the file.
            size: expected size, in bytes; None if unknown.

        Raises:
            NotFoundError: if the file or its host does not exist any more.
            DeniedError: for status 401, 403 or 451, and for an address in a private network.
            CorruptError: if size or MD5 differ.
            StoreError: for a file that is no image, or larger than the limit.
            UnavailableError: when the retries are spent.
        """
        session = self._sessions[download.private]
        data = run(call_with_retries(lambda: self._once(session, download.url), self._retry, "download"))
        if size is not None and len(data) != size:
            raise CorruptError(
                f"the file has {len(data):,} bytes instead of {size:,}: it is not the original any more"
            )
        if download.md5 is not None and base64.b64decode(download.md5) != _md5(data):
            raise CorruptError(f"the file's MD5 is not {download.md5}: it is not the original any more")
        return data

    async def _once(self, session: "aiohttp.ClientSession", url: str) -> bytes:
        import aiohttp  # noqa: PLC0415 - an extra, and slow to import

        try:
            return await self._in_loop(_get(session, url, self._limit))
        except TimeoutError as error:
            raise UnavailableError("the download took too long") from error
        except aiohttp.TooManyRedirects as error:
            raise StoreError(f"more than {_MAX_REDIRECTS} redirects") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:  # mostly by a redirect
            raise StoreError(f"it is, or redirects to, an invalid URL: {str(error)[:200]}") from error
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, socket.gaierror) and error.os_error.errno == socket.EAI_AGAIN:
                raise UnavailableError(f"no answer from DNS: {error.os_error.strerror}") from error
            raise NotFoundError(f"there is no such host: {error.os_error.strerror}") from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise StoreError(f"no secure connection: {str(error)[:200]}") from error
        except aiohttp.ClientResponseError:  # its text quotes the reply, which may repeat the query
            raise UnavailableError("the reply is not HTTP") from None
        except (aiohttp.ClientError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UnavailableError(f"{type(error).__name__}: {reason}") from error

    async def _in_loop(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        from fsspec.asyn import get_loop  # noqa: PLC0415 - slow to import

        return await run_in(get_loop(), work, (_SLOWEST + 1) * self._timeout)


async def _open_session(*, private: bool, seconds: float) -> "aiohttp.ClientSession":
    try:
        import aiohttp  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingExtraError.of("fetch", "downloading images") from error
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, socket_factory=None if private else _open_socket)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=_SLOWEST * seconds, sock_connect=seconds, sock_read=seconds),
        headers={"User-Agent": "wds-imagenet", "Accept": "image/*", "Accept-Encoding": "identity"},
        auto_decompress=False,
    )


async def _get(session: "aiohttp.ClientSession", url: str, limit: int) -> bytes:
    async with session.get(url, max_redirects=_MAX_REDIRECTS) as response:
        status = response.status
        if status in _TRANSIENT:
            failure = UnavailableError(f"HTTP {status} {status_phrase(status)}")
            failure.retry_after = seconds_to_wait(response.headers.get("Retry-After", ""))
            raise failure
        if status in {404, 410}:
            raise NotFoundError(f"HTTP {status} {status_phrase(status)}")
        if status in {401, 403, 451}:
            raise DeniedError(f"HTTP {status} {status_phrase(status)}")
        if status != 200:
            raise StoreError(f"HTTP {status} {status_phrase(status)}")
        if response.url.name.startswith(_REMOVED_PHOTO):
            raise NotFoundError("the photo was removed: its host redirects to a placeholder")
        if response.content_type.startswith(_NOT_IMAGE_TYPES):
            raise StoreError(f"it is no image: its content type is {response.content_type}")
        if (response.content_length or 0) > limit:
            raise StoreError(
                f"it has {response.content_length:,} bytes, and at most {limit:,} are read: option "
                "'max_image_bytes' allows more"
            )
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > limit:
                raise StoreError(
                    f"it has more than {limit:,} bytes, which are the most that are read: option "
                    "'max_image_bytes' allows more"
                )
        return bytes(data)


def _open_socket(info: _AddressInfo) -> socket.socket:
    """Return the socket of a new connection. Raises `DeniedError` for an address that is not public."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise DeniedError(
            f"its host has {address[0]}, which is not a public address: option 'allow_private_networks' "
            "downloads from there, too"
        )
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Return True for an IP address of the open Internet.

    Private, shared, loopback, link-local (where clouds serve credentials), multicast and reserved addresses
    are not public, by IANA's special-purpose address registries. An IPv6 address that embeds an IPv4
    address is as public as the latter.
    """
    ip = _innermost(ipaddress.ip_address(address))
    return ip.is_global and not ip.is_multicast and ip not in _LOCAL_NAT64


def _innermost(ip: _Address) -> _Address:
    """Return the embedded IPv4 address of an IPv6 address that has one (RFC 4291, 3056, 6052)."""
    if ip.version == 4:
        return ip
    if int(ip) > 1 and any(ip in network for network in _EMBEDDING):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an unclosed bracket, or a port that is out of range
        return False


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _is_md5(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except ValueError:
        return False
