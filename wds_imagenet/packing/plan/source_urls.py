"""Where references lie: which store, and in words that outlive a move and hold no secret. Pure."""

import os.path
import re
from collections.abc import Iterable
from itertools import groupby

from wds_imagenet.inputs.reference import Reference
from wds_imagenet.storage import split_url
from wds_imagenet.storage.http_download import PREFIX
from wds_imagenet.storage.url import is_http


def locate(url: str) -> tuple[str, str]:
    """Split a file's URL into a store's and the path on it, so that few stores serve many files.

    The store is the bucket or host; on the local disk, where stores cost nothing, the folder.
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


def common_folder(urls: Iterable[str]) -> str:
    """Return the longest folder, with its last slash, that all URLs lie in; "" if they share none."""
    first = last = None
    for url, _ in groupby(urls):  # an archive's are all the same
        path = plain(url)
        first = path if first is None else min(first, path)
        last = path if last is None else max(last, path)
    # What the first and the last in order share, all between them do.
    shared = os.path.commonprefix([first or "", last or ""])  # noqa: RUF071 - cut at its last slash
    return "".join(shared.rpartition("/")[:2])


def relative(url: str, folder: str) -> str:
    """Return a URL's path in the common folder."""
    return plain(url).removeprefix(folder)


def describe(reference: Reference) -> str:
    """Say which file a reference means, and where in an archive it lies; by its name if in none."""
    url = plain(reference.url) or repr(reference.name)
    if reference.offset == 0:
        return url
    return f"{url}, member {reference.name!r} at offset {reference.offset:,}"


def _is_http(url: str) -> bool:
    return is_http(url.removeprefix(PREFIX))
