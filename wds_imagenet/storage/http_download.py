"""Images off the web, by URLs out of a data set: from strangers' hosts, and not into one's own network.

The address is checked where a connection is made: after DNS, and again for every redirect. So neither a
name that leads home, nor one that leads somewhere else the second time it is asked for, gets through.
"""

import asyncio
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
from wds_imagenet.storage.cancellable import run_in
from wds_imagenet.storage.retry import call_with_retries
from wds_imagenet.storage.store_options import parse_options

if TYPE_CHECKING:
    import aiohttp

PREFIX: Final = "fetch+"
CONNECTIONS: Final = 16
"""How many a downloader has at most."""
MAX_BYTES: Final = 64 << 20
_MAX_REDIRECTS: Final = 5
_MAX_PAUSE: Final = 20.0
_SLOWEST: Final = 4
"""How many times the timeout a whole answer may take."""
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_IMAGE: Final = ("text/", "application/json", "application/xml", "application/xhtml")
_GONE: Final = "photo_unavailable"
"""Of the picture that Flickr redirects to where a photo was removed."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

_Result = TypeVar("_Result")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Download:
    """What is to be downloaded, and what is known of it; as one URL, `fetch+https://host/path#md5=…`."""

    url: str
    """http or https, without fragment."""
    md5: str | None = None
    """Of the file, in base64, as Open Images has it."""
    private: bool = False
    """Whether it may lie in a private network, or on this machine."""

    def __post_init__(self) -> None:
        if not _is_of_the_web(self.url):
            raise UsageError(f"{self.url!r:.200} is no URL of http:// or https:// with a host")
        if self.md5 is not None and not _is_md5(self.md5):
            raise UsageError(f"{self.md5!r:.60} is no MD5 in base64")

    def __str__(self) -> str:
        facts = {"md5": self.md5, "private": "yes" if self.private else None}
        fragment = urlencode({name: value for name, value in facts.items() if value is not None})
        return f"{PREFIX}{self.url.partition('#')[0]}#{fragment}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read what `str` gives. Raises `UsageError`."""
        plain, _, fragment = url.removeprefix(PREFIX).partition("#")
        facts = parse_qs(fragment)
        return cls(plain, facts.get("md5", [None])[0], facts.get("private") == ["yes"])


class Downloader:
    """Downloads whole files, with at most 16 connections, and closes them at the end of its `with`.

    For many threads. Options are `retries`, `timeout` and `deadline`, as those of a store; all others
    are passed over. It must not be pickled, nor used after a fork.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        parsed = parse_options("https", options, {})
        self._retry: Final = parsed.retry
        self._timeout: Final = parsed.timeout
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def __enter__(self) -> Self:
        for private in (False, True):
            self._sessions[private] = self._sync(_open_session(private=private, seconds=self._timeout))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._sessions:
            self._sync(self._sessions.popitem()[1].close())

    def __call__(self, download: Download, size: int | None = None) -> bytes:
        """Return the whole file, of at most 64 MiB, with the MD5 and size that are known of it.

        Up to 5 redirects are followed; what fails in a way that may pass is tried again. Costs one
        request, and a connection where none to that host is open. Raises `NotFoundError` where it is
        gone, `DeniedError` where it is not for us or lies in a private network, `CorruptError` for other
        bytes than the known ones, `StoreError` for what is no image or too large, `UnavailableError` when
        the retries are spent. No message names the URL: the caller knows better what it stands for.
        """
        session = self._sessions[download.private]
        data = call_with_retries(lambda: self._once(session, download.url), self._retry, "download")
        if size is not None and len(data) != size:
            raise CorruptError(f"it has {len(data):,} bytes, and {size:,} are known of")
        if download.md5 is not None and base64.b64decode(download.md5) != _md5(data):
            raise CorruptError(f"its MD5 is not {download.md5}: it is not the original any more")
        return data

    def _once(self, session: "aiohttp.ClientSession", url: str) -> bytes:
        import aiohttp  # noqa: PLC0415 - an extra, and slow to import

        try:
            return self._sync(_get(session, url))
        except TimeoutError as error:
            raise UnavailableError("it took too long") from error
        except aiohttp.TooManyRedirects as error:
            raise StoreError(f"more than {_MAX_REDIRECTS} redirects") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:  # by a redirect, mostly
            raise StoreError(f"it leads to what is no URL of the web: {str(error)[:200]}") from error
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, socket.gaierror) and error.os_error.errno == socket.EAI_AGAIN:
                raise UnavailableError(f"no answer from DNS: {error.os_error.strerror}") from error
            raise NotFoundError(f"there is no such host: {error.os_error.strerror}") from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise StoreError(f"no secure connection: {str(error)[:200]}") from error
        except (aiohttp.ClientError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UnavailableError(f"{type(error).__name__}: {reason}") from error

    def _sync(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        from fsspec.asyn import get_loop  # noqa: PLC0415 - slow to import

        return run_in(get_loop(), work, (_SLOWEST + 1) * self._timeout)


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


async def _get(session: "aiohttp.ClientSession", url: str) -> bytes:
    async with session.get(url, max_redirects=_MAX_REDIRECTS) as response:
        status = response.status
        if status in _TRANSIENT:
            pause = response.headers.get("Retry-After", "")
            if pause.isascii() and pause.isdigit():
                await asyncio.sleep(min(float(pause[:6]), _MAX_PAUSE))
            raise UnavailableError(f"HTTP {status} {response.reason}")
        if status in {404, 410}:
            raise NotFoundError(f"HTTP {status} {response.reason}")
        if status in {401, 403, 451}:
            raise DeniedError(f"HTTP {status} {response.reason}")
        if status != 200:
            raise StoreError(f"HTTP {status} {response.reason}")
        if response.url.name.startswith(_GONE):
            raise NotFoundError("the photo was removed: its host sends a picture that says so")
        if response.content_type.startswith(_NO_IMAGE):
            raise StoreError(f"it is no image: the host says {response.content_type}")
        if (response.content_length or 0) > MAX_BYTES:
            raise StoreError(f"it has {response.content_length:,} bytes; at most {MAX_BYTES:,} are read")
        data = bytearray()
        async for piece in response.content.iter_any():
            data += piece
            if len(data) > MAX_BYTES:
                raise StoreError(f"it has more than {MAX_BYTES:,} bytes")
        return bytes(data)


def _open_socket(info: _AddressInfo) -> socket.socket:
    """Make the socket of a connection, unless that is to an address that is not public."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise DeniedError(
            f"it leads to {address[0]}, which is not a public address; with option private_hosts='allow' "
            "downloads from private networks are made too"
        )
    return socket.socket(family, kind, protocol)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open Internet, and so is the IPv4 address that it may hold.

    Not so: private, shared, loopback, link-local (where clouds hand out credentials), multicast and
    reserved ones, by IANA's registries.
    """
    ip = _innermost(ipaddress.ip_address(address))
    return ip.is_global and not ip.is_multicast


def _innermost(ip: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 address leads to, where it does: RFC 4291, 3056, 6052."""
    if ip.version == 4:
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _is_of_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a host in half a pair of brackets, or a port beyond all
        return False


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _is_md5(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except ValueError:
        return False
