"""Where the images lie that a table lists; and that it may point there, and that they are there."""

import posixpath
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from wds_imagenet.errors import NotFoundError
from wds_imagenet.inputs.small_files import join_url
from wds_imagenet.inputs.spilled.records import SpilledRecords
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.storage.url import Location, check_path, parse_url

_HELD: Final = 1024
_WEB: Final = frozenset({"http", "https"})


class Places:
    """Where the cells of a table point, and whether something is there: looked at all, then asked for each.

    Guarantees that no path leads out of `root`, be it absolute or by `..` (links are followed), and that a
    URL is of a store that is opened here. URLs, and a root on HTTP, are not looked up. Costs a `stat` an
    image under a local root; one listing of the folder around all images under a remote one, which is
    kept on disk.
    """

    def __init__(self, root: str, options: StorageOptions) -> None:
        self.base: Final = parse_url(root)
        self._root = root
        self._options = options
        self._around: str | None = None
        self._size: Callable[[str], int | None] | None = None

    def look(self, cell: object) -> None:
        """Take a cell into account. Raises `ValueError` as `find` does, or leaves that to it."""
        if self.base.scheme in _WEB | {"file"}:
            return  # no listing, so it need not be known what to list
        name, url = _point(cell, self.base)
        if url is None:
            folder = posixpath.dirname(name)
            if self._around is None:
                self._around = folder
            elif not f"{folder}/".startswith(f"{self._around}/" if self._around else ""):
                self._around = posixpath.commonpath([self._around, folder])

    def find(self, cell: object) -> tuple[str, str, int | None]:
        """Return an image's path in the root, or in the bucket or on the host of its URL; its URL; its size.

        The size is None where nobody was asked. Raises `ValueError` that says why a cell may not point there,
        `NotFoundError` where there is no such file.
        """
        name, url = _point(cell, self.base)
        if url is not None:
            return name, url, None
        if self._size is None:
            self._size = self._sizes()
        web = self.base.scheme in _WEB
        return name, join_url(self._root if web else self.base.url, name), self._size(name)

    def _sizes(self) -> Callable[[str], int | None]:
        """Return what tells the size of a path in the root, or raises `NotFoundError`."""
        if self.base.scheme in _WEB:
            return lambda _: None
        store = open_store(self._root, self._options)
        if self.base.scheme == "file":
            return lru_cache(_HELD)(lambda name: store.info(name).size)  # rows of one image lie side by side
        records = SpilledRecords()
        for info in store.list_objects(f"{self._around}/" if self._around else ""):
            records.add(info.path, b"%d" % info.size)

        def size(name: str) -> int:
            found = records.get(name)
            if found is None:
                raise NotFoundError(name)
            return int(found)

        return size


def _point(cell: object, base: Location) -> tuple[str, str | None]:
    """Return the path in the root, or the path in a URL and the URL; `ValueError` for what is neither."""
    if not isinstance(cell, str) or not cell.strip():
        raise ValueError(f"{cell!r:.60} is no path of an image")
    path = cell
    if "://" in cell:
        location = parse_url(cell)
        if location.scheme != "file":
            return location.url.partition("://")[2].partition("/")[2], cell
        path = location.root
    if path.startswith("/"):
        folder = base.root.rstrip("/") + "/"
        path = "/" + posixpath.normpath(path).lstrip("/")
        if base.scheme != "file" or not path.startswith(folder):
            raise ValueError(
                f"{path} lies outside of {base.url}; another folder can be given as option 'root', / for all"
            )
        path = path.removeprefix(folder)
    return check_path(posixpath.normpath(path)), None
