"""URLs of references: the store and the path on it, and forms without secrets that survive a move. Pure."""

import os.path
import re
from collections.abc import Iterable

from wds_imagenet.inputs.reference import Reference
from wds_imagenet.storage import split_url
from wds_imagenet.storage.http_download import PREFIX, Download
from wds_imagenet.storage.signatures import identifying_query
from wds_imagenet.storage.url import is_http


def locate(url: str) -> tuple[str, str]:
    """Split a file's URL into the URL of a store and the path on it.

    The store is the bucket or host, so that few stores serve many files. On the local disk, where a store
    costs nothing, it is the folder.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "file":
        return split_url(url)
    if scheme == "memory":
        return "memory://", rest
    rest, mark, query = rest.partition("?") if _is_http(url) else (rest, "", "")
    authority, _, path = rest.partition("/")
    return f"{scheme}://{authority}{mark}{query}", path


def plain(url: str) -> str:
    """Return a URL without credentials, query and fragment, which HTTP URLs alone may have."""
    if not _is_http(url):
        return url
    scheme, _, rest = re.split("[?#]", url.removeprefix(PREFIX), maxsplit=1)[0].partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def identity(url: str) -> str:
    """Return the part of a URL that decides which bytes come: `plain`, and of the query all but a signature.

    A download keeps the MD5 that its file must have. Never show an identity: a query may hold a secret.
    """
    if not _is_http(url):
        return url
    query = identifying_query(url.removeprefix(PREFIX))
    md5 = Download.parse(url).md5 if url.startswith(PREFIX) else None
    return plain(url) + (f"?{query}" if query else "") + (f"#md5={md5}" if md5 else "")


class CommonFolder:
    """The longest folder that all URLs added so far lie in."""

    def __init__(self) -> None:
        self._previous = self._first = self._last = ""
        self._empty = True

    def add(self, url: str) -> None:
        """Take one more URL into account. Costs next to nothing for a URL equal to the one before."""
        if url == self._previous and not self._empty:  # the images of an archive share one URL
            return
        self._previous = url
        path = plain(url)
        self._first = path if self._empty else min(self._first, path)
        self._last = path if self._empty else max(self._last, path)
        self._empty = False

    @property
    def path(self) -> str:
        """The folder, with a slash at its end; "" if the URLs share none."""
        # All paths share the prefix that the first and the last in order share.
        shared = os.path.commonprefix([self._first, self._last])  # noqa: RUF071 - cut at its last slash
        return "".join(shared.rpartition("/")[:2])


def common_folder(urls: Iterable[str]) -> str:
    """Return the longest folder that all URLs lie in, with a slash at its end; "" if they share none."""
    folder = CommonFolder()
    for url in urls:
        folder.add(url)
    return folder.path


def relative(url: str, folder: str) -> str:
    """Return the identity of a URL, relative to the common folder."""
    return identity(url).removeprefix(folder)


def describe(reference: Reference) -> str:
    """Return a reference's file and, in an archive, its member and offset; without a URL, its name."""
    url = plain(reference.url) or repr(reference.name)
    if reference.offset == 0:
        return url
    return f"{url}, member {reference.name!r} at offset {reference.offset:,}"


def _is_http(url: str) -> bool:
    return is_http(url.removeprefix(PREFIX))
