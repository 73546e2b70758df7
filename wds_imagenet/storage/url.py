"""URLs of stores, parsed; those that could reach more than a store are rejected. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from wds_imagenet.errors import UsageError
from wds_imagenet.shown import shown_url

SCHEMES: Final = {
    "file": "file",
    "memory": "memory",
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "azure": "az",
    "abfs": "az",
    "abfss": "az",
    "adl": "adl",
    "hf": "hf",
    "http": "http",
    "https": "https",
}
"""Every scheme that is opened → its canonical name.

fsspec has fifty more, among them shells on other hosts, archives and caches. A URL in a data set must
not reach those.
"""

_BUCKETS: Final = frozenset({"s3", "gs", "az"})
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")
_MISSPELLED: Final = re.compile(rf"(?:{'|'.join(SCHEMES)}):(?!//)", re.IGNORECASE)
_WITH_SCHEME: Final = re.compile(rf"\s*(?:{'|'.join(SCHEMES)}):", re.IGNORECASE)
_CHAIN: Final = re.compile(r"[A-Za-z0-9+._-]*::")


_FOLLOWED: Final = frozenset({"http", "https"}) | _BUCKETS


@dataclass(frozen=True, slots=True)
class Location:
    """A parsed URL."""

    scheme: str
    """A value of `SCHEMES`."""
    root: str = field(repr=False)
    """A local path, a container and its path, or for HTTP the URL; without a last slash."""
    url: str
    """The URL, without credentials or query."""
    query: str = field(default="", repr=False)
    """The query of an HTTP URL, sent with every path beneath it. Often a signature, so it is secret."""
    account: str = ""
    """The Azure account, if the URL names it."""

    @property
    def container(self) -> str:
        """The bucket or container."""
        return self.root.partition("/")[0]

    @property
    def private_url(self) -> str:
        """The URL with the userinfo and the query of an HTTP URL."""
        root = self.root if self.scheme in {"http", "https"} else self.url
        return f"{root}?{self.query}" if self.query else root

    @property
    def folder(self) -> str:
        """The path within the bucket or container; empty for the whole bucket."""
        return self.root.partition("/")[2]


def parse_url(url: str) -> Location:
    """Parse a store's URL or local path.

    In `file://` URLs, `%` is a plain character, as in fsspec.

    Raises:
        UsageError: for a scheme that is not in `SCHEMES`, for a chained URL of fsspec (`simplecache::…`),
            for a scheme without two slashes, white space around a URL, and credentials in a bucket's URL.
    """
    if url != url.strip() and _WITH_SCHEME.match(url):
        raise UsageError(f"{url.strip().partition(':')[0]}:…: white space stands around the URL: remove it")
    if url.startswith("//") and "@" in url[2:].partition("/")[0]:
        raise UsageError("//…: is no URL and no path: write a scheme first, or a path with one slash")
    if _CHAIN.match(url):
        raise UsageError(f"{shown_url(url)}: chained URLs are not opened; give the store's own URL")
    match = _SCHEME.match(url)
    if _MISSPELLED.match(url):
        scheme = url.partition(":")[0]
        raise UsageError(
            f"{scheme}:…: is no URL: two slashes follow the scheme; a local path of this name starts with ./"
        )
    if match is None:
        return _local(url)
    scheme, rest = match[1].lower(), url[match.end() :]
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise UsageError(f"{shown_url(url)}: {scheme}:// is not supported; use {known} or a local path")
    kind = SCHEMES[scheme]
    if kind == "file" and "@" in rest.partition("/")[0]:
        raise UsageError("file://…: a local path has no host and no user: write file:///PATH")
    if kind == "file":
        return _local("/" + rest.removeprefix("localhost").lstrip("/"))
    if kind in {"http", "https"}:
        return _http(kind, url)
    rest = rest.strip("/")
    if not rest and kind != "memory":
        raise UsageError(f"{shown_url(url)}: the URL names no bucket")
    return _bucket(kind, scheme, rest)


def parse_found_url(url: str, named: Sequence[Location]) -> Location:
    """Parse a URL found in a data set, if it may be followed.

    Guarantees that nobody's data set chooses where credentials go. A URL is followed if it is HTTP, a local
    path, or names a bucket without an account; others need the scheme and authority of a URL in `named`.

    Args:
        url: the URL.
        named: the URLs that the user named.

    Raises:
        UsageError: the URL may not be followed, or does not parse.
    """
    location = parse_url(url)
    plain = location.scheme in _FOLLOWED and not (location.scheme in _BUCKETS and "@" in _authority(location))
    if plain or location.scheme == "file" or any(_is_same_place(location, one) for one in named):
        return location
    raise UsageError(
        f"{shown_url(url)}: a data set's URL is not followed to a store that you did not name: copy these "
        "images to a folder, name them relative to it, and name the folder as option 'root'"
    )


def is_http(url: str) -> bool:
    """Return True for an HTTP URL. These alone have a query; elsewhere, `?` is a character of the path."""
    return url.lower().startswith(("http://", "https://"))


def split_url(url: str) -> tuple[str, str]:
    """Split an object's URL or local path into the URL of its folder and its name.

    `open_store(folder).read(name)` then reads it. A query stays with the folder.
    """
    url = url.partition("#")[0] if is_http(url) else url
    base, mark, query = url.partition("?") if is_http(url) else (url, "", "")
    folder, slash, name = base.rpartition("/")
    scheme = base.partition("://")[0].lower()
    if _SCHEME.match(base) and SCHEMES.get(scheme) in _BUCKETS and "//" in base.partition("://")[2]:
        # Parts of a bucket's keys may be empty; the URL of a folder loses the slashes at its end.
        start = base.index("//", len(scheme) + 3)
        folder, name = base[:start], base[start + 1 :]
    if not name or name in {".", ".."} or folder.endswith(":/"):
        raise UsageError(f"{shown_url(url)}: the URL names no object")
    if not slash:
        folder = "."
    return (folder or "/") + mark + query, name


def is_path(path: str) -> bool:
    """Return True for a path within a store, as `check_path` accepts it."""
    return "\0" not in path and not any(part in {"", ".", ".."} for part in path.split("/"))


def check_path(path: str) -> str:
    """Return the path if it lies within a store, else raise `UsageError`.

    Such a path is relative, has no empty, `.` or `..` part, and no NUL.
    """
    if not is_path(path):
        raise UsageError(f"{path!r} is not a path within a store: parts joined by single slashes, no '..'")
    return path


def _authority(location: Location) -> str:
    return location.url.partition("://")[2].partition("/")[0]


def _is_same_place(one: Location, other: Location) -> bool:
    return (one.scheme, _authority(one)) == (other.scheme, _authority(other))


def _local(path: str) -> Location:
    if not path or "\0" in path:
        raise UsageError(f"{path!r} is not a path: it is empty or has a NUL")
    home = Path(path).expanduser() if path.startswith("~/") else Path(path)
    absolute = str(home.absolute())
    return Location("file", absolute, absolute)


def _http(scheme: str, url: str) -> Location:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # such as a host with one bracket; its text quotes parts of a password
        raise UsageError(
            f"{shown_url(url)}: is no URL: its host or port is malformed; in a password, write / as %2F, "
            "# as %23 and ? as %3F"
        ) from None
    host = parts.netloc.rpartition("@")[2]
    if not host:
        raise UsageError(f"{shown_url(url)}: the URL names no host")
    path = parts.path.rstrip("/")
    return Location(scheme, f"{scheme}://{parts.netloc}{path}", f"{scheme}://{host}{path}", query=parts.query)


def _bucket(kind: str, scheme: str, rest: str) -> Location:
    container, slash, folder = rest.partition("/")
    container, at, account = container.partition("@")
    if at and kind != "az":
        raise UsageError(f"{scheme}://…: the URL has credentials before its '@'; set them in the environment")
    root = container + slash + folder
    return Location(kind, root, f"{scheme}://{rest}", account=account.partition(".")[0])
