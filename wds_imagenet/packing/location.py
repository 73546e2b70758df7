"""Where references lie, in words that outlive a move and hold no secret. Pure."""

import os.path
import re
from collections.abc import Iterable

from wds_imagenet.sources.reference import Reference

_REMOTE = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/]*@)?([^?]*)(\?.*)?", re.DOTALL)


def plain(url: str) -> str:
    """Return a URL without credentials and query; a local path as it is.

    A `?` begins a query in `http(s)` alone: elsewhere it may be a part of an object's name.
    """
    match = _REMOTE.fullmatch(url)
    if match is None:
        return url
    scheme, path, query = match.groups()
    return scheme + path + ("" if scheme.startswith("http") else query or "")


def common_folder(urls: Iterable[str]) -> str:
    """Return the longest folder, with its last slash, that all URLs lie in; "" if they share none."""
    shared = os.path.commonprefix([plain(url) for url in urls])  # noqa: RUF071 - cut at its last slash
    return "".join(shared.rpartition("/")[:2])


def relative(url: str, folder: str) -> str:
    """Return a URL's path in the common folder."""
    return plain(url).removeprefix(folder)


def describe(reference: Reference) -> str:
    """Say which file a reference means, and where in an archive it lies."""
    url = plain(reference.url)
    if reference.offset == 0:
        return url
    return f"{url}, member {reference.name!r} at offset {reference.offset:,}"


def locate(url: str) -> tuple[str, str]:
    """Split a URL into that of a store and the path on it: the bucket or host, or the local folder."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "file":
        folder, _, name = url.rpartition("/")
        return folder or "/", name
    authority, _, path = rest.partition("/")
    return f"{scheme}://{authority}", path
