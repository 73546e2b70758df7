"""The image paths and URLs in a table: resolved, and confined to the root folder."""

import posixpath
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from wds_imagenet.errors import NotFoundError
from wds_imagenet.inputs.small_files import join_url
from wds_imagenet.inputs.spilled.records import SpilledRecords
from wds_imagenet.shown import shown_url
from wds_imagenet.storage import open_store
from wds_imagenet.storage.http_download import Download
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.storage.url import Location, check_path, is_http, parse_found_url, parse_url

_CACHED_SIZES: Final = 1024


class ImagePlace(NamedTuple):
    """The place of an image that a cell names."""

    name: str
    """The path, relative to the root, or to the bucket or host of a URL."""
    url: str
    size: int | None
    """None if the store was not asked."""
    fault: str | None = None
    """The reason why there is no image."""


class ImageResolver:
    """Resolves the cells of a table to URLs and sizes of images: first `add` every cell, then `resolve`.

    Guarantees that no path leads out of `root`, neither an absolute one nor one with `..`; links are
    followed. HTTP URLs become downloads, which reach private networks only if `private` is True. Other URLs
    are followed as `parse_found_url` permits: the user names `root` and `table`.
    Costs a `stat` an image if the root is local, else one listing of the folder around all images, kept on
    disk. URLs, and images under a root on HTTP, are not checked to exist.
    """

    def __init__(self, root: str, options: StorageOptions, *, table: str, private: bool = False) -> None:
        self.base: Final = parse_url(root)
        self._named: Final = (self.base, parse_url(table))
        self._root = root
        self._options = options
        self._private = private
        self._common: str | None = None
        """The folder around all paths so far."""
        self._size: Callable[[str], int | None] | None = None

    def add(self, cell: object) -> None:
        """Take a cell into account for the listing of a remote root; raise `ValueError` for a bad path.

        Other roots need no listing, and leave the check to `resolve`. Empty cells do not count.
        """
        if is_http(self.base.url) or self.base.scheme == "file" or is_empty(cell):
            return
        name, url = _parse(cell, self._named)
        if url is None:
            folder = posixpath.dirname(name)
            if self._common is None:
                self._common = folder
            elif not f"{folder}/".startswith(f"{self._common}/" if self._common else ""):
                self._common = posixpath.commonpath([self._common, folder])

    def resolve(self, cell: object, line: int) -> ImagePlace:
        """Return the place of the image that a cell names.

        Args:
            cell: the cell.
            line: its line, which makes a name for an empty cell.

        Raises:
            ValueError: the cell is no path, or leads out of the root.
        """
        if is_empty(cell):
            name = f"no image in line {line}"
            return ImagePlace(name, self._url(name), 0, "the cell of the image is empty")
        name, url = _parse(cell, self._named)
        if url is not None:
            return ImagePlace(name, str(Download(url, private=self._private)) if is_http(url) else url, None)
        if self._size is None:
            self._size = self._sizes()
        try:
            return ImagePlace(name, self._url(name), self._size(name))
        except NotFoundError:
            fault = f"there is no {name}; for images in another folder, give option 'root'"
            return ImagePlace(name, self._url(name), 0, fault)

    def _url(self, name: str) -> str:
        return join_url(self._root if is_http(self.base.url) else self.base.url, name)

    def _sizes(self) -> Callable[[str], int | None]:
        """Return a function from a path in the root to its size, which raises `NotFoundError`."""
        if is_http(self.base.url):
            return lambda _: None
        store = open_store(self._root, self._options)
        if self.base.scheme == "file":
            # Rows of the same image are often neighbours.
            return lru_cache(_CACHED_SIZES)(lambda name: store.info(name).size)
        records = SpilledRecords()
        for info in store.list_objects(f"{self._common}/" if self._common else ""):
            records.add(info.path, b"%d" % info.size)

        def size(name: str) -> int:
            found = records.get(name)
            if found is None:
                raise NotFoundError(name)
            return int(found)

        return size


def is_empty(cell: object) -> bool:
    """Return True for a cell without a path: null, NaN, or blank text."""
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())  # noqa: PLR0124 - NaN


def _parse(cell: object, named: tuple[Location, Location]) -> tuple[str, str | None]:
    """Return the path in the root and None, or the path in a URL and the URL; else raise `ValueError`."""
    if not isinstance(cell, str) or not cell.strip():
        raise ValueError(f"{cell!r:.60} is not the path of an image")
    path = cell
    if "://" in cell:
        location = parse_found_url(cell, named)
        if location.scheme != "file":
            return location.url.partition("://")[2].partition("/")[2], cell
        path = location.root
    if path.startswith("/"):
        base = named[0]
        folder = base.root.rstrip("/") + "/"
        path = "/" + posixpath.normpath(path).lstrip("/")
        if base.scheme != "file" or not path.startswith(folder):
            raise ValueError(
                f"{shown_url(path)} lies outside of {base.url}: give another folder as option 'root', or / "
                "for all"
            )
        path = path.removeprefix(folder)
    return check_path(posixpath.normpath(path)), None
