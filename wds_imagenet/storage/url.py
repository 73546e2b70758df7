"""URLs of stores: taken apart, and refused where they would open more than a store. Pure."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from wds_imagenet.errors import UsageError

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
"""Every scheme that is opened, and the name it goes by here. fsspec knows fifty more, among them
shells on other hosts, archives and caches; a URL out of a data set must not reach those."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")
_CHAIN: Final = re.compile(r"[A-Za-z0-9+._-]*::")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a URL points."""

    scheme: str
    """A value of `SCHEMES`."""
    root: str = field(repr=False)
    """A local path, a container with its path, or for HTTP the URL; with no slash at its end."""
    url: str
    """The same as a URL, without credentials or query."""
    query: str = field(default="", repr=False)
    """What follows an HTTP URL's `?`, and so every path beneath it: often a signature, so a secret."""
    account: str = ""
    """The Azure account, where the URL names it."""

    @property
    def container(self) -> str:
        """The bucket or container."""
        return self.root.partition("/")[0]

    @property
    def folder(self) -> str:
        """The path within the bucket or container; empty for all of it."""
        return self.root.partition("/")[2]


def parse_url(url: str) -> Location:
    """Take a store's URL or local path apart.

    `file://` paths are taken as they are, `%` and all, as fsspec takes them. Raises `UsageError` for a
    scheme that is not in `SCHEMES`, for fsspec's chains (`simplecache::…`) and for credentials in a URL.
    """
    if _CHAIN.match(url):
        raise UsageError(f"{_shown(url)}: chained URLs are not opened; give the store's own URL")
    match = _SCHEME.match(url)
    if match is None:
        return _local(url)
    scheme, rest = match[1].lower(), url[match.end() :]
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise UsageError(f"{_shown(url)}: {scheme}:// is not opened here, only {known} and local paths")
    kind = SCHEMES[scheme]
    if kind == "file":
        return _local("/" + rest.removeprefix("localhost").lstrip("/"))
    if kind in {"http", "https"}:
        return _http(kind, url)
    rest = rest.strip("/")
    if not rest and kind != "memory":
        raise UsageError(f"{_shown(url)}: names no bucket")
    return _bucket(kind, scheme, rest)


def split_url(url: str) -> tuple[str, str]:
    """Split an object's URL or local path into its folder's URL and its name.

    `open_store(folder).read(name)` then reads it. A query stays with the folder.
    """
    base, mark, query = (
        url.partition("?") if url.lower().startswith(("http://", "https://")) else (url, "", "")
    )
    folder, slash, name = base.rpartition("/")
    if not name or name in {".", ".."} or folder.endswith(":/"):
        raise UsageError(f"{_shown(url)}: names no object")
    if not slash:
        folder = "."
    return (folder or "/") + mark + query, name


def check_path(path: str) -> str:
    """Return the path if it lies within a store: relative, with no empty, `.` or `..` part, no NUL."""
    if "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")):
        raise UsageError(f"{path!r} is not a path within a store: parts joined by single slashes, no '..'")
    return path


def _local(path: str) -> Location:
    if not path or "\0" in path:
        raise UsageError(f"{path!r} is not a path")
    home = Path(path).expanduser() if path.startswith("~/") else Path(path)
    absolute = str(home.absolute())
    return Location("file", absolute, absolute)


def _http(scheme: str, url: str) -> Location:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if not host:
        raise UsageError(f"{_shown(url)}: names no host")
    path = parts.path.rstrip("/")
    return Location(scheme, f"{scheme}://{parts.netloc}{path}", f"{scheme}://{host}{path}", query=parts.query)


def _bucket(kind: str, scheme: str, rest: str) -> Location:
    container, slash, folder = rest.partition("/")
    container, at, account = container.partition("@")
    if at and kind != "az":
        raise UsageError(f"{scheme}://…: a URL is no place for credentials; use the environment")
    root = container + slash + folder
    return Location(kind, root, f"{scheme}://{rest}", account=account.partition(".")[0])


def _shown(url: str) -> str:
    """Return the URL without what may be secret in it."""
    return re.sub(r"//[^/?#]*@", "//", url.partition("?")[0])
