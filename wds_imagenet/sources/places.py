"""Where the images lie that a table lists; and that it may point there, and that they are there."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from wds_imagenet.errors import NotFoundError, SourceError
from wds_imagenet.labels.files import Options, address
from wds_imagenet.sources.rows import Rows
from wds_imagenet.storage import open_store
from wds_imagenet.storage.url import Location, check_path, parse_url


@dataclass(frozen=True, slots=True)
class Place:
    """Where one image lies."""

    name: str
    """Its path in the root, or in the bucket or on the host of its URL."""
    url: str
    size: int | None
    """None where nobody was asked."""


def locate(rows: Rows, column: str, root: str, options: Options) -> list[Place]:
    """Return where the images in a table's column lie, row by row.

    Guarantees that no path leads out of `root`, be it absolute or by `..` (links are followed), that a
    URL is of a store that is opened here, and that what lies under `root` is there; else `SourceError`
    names the line. URLs, and a root on HTTP, are not asked. Costs a `stat` an image under a local
    root, one listing of the folder around all images under a remote one.
    """
    base = parse_url(root)
    names: list[str] = []
    urls: list[str | None] = []
    for row, cell in enumerate(rows.columns[column]):
        try:
            name, url = _point(cell, base)
        except ValueError as error:
            raise SourceError(f"{rows.where(row)}: {error}") from error
        names.append(name)
        urls.append(url)
    if base.scheme in {"http", "https"}:
        return [Place(n, u or address(root, n), None) for n, u in zip(names, urls, strict=True)]
    wanted = {name for name, url in zip(names, urls, strict=True) if url is None}
    sizes = _sizes(base, root, wanted, options)
    missing = [row for row, url in enumerate(urls) if url is None and names[row] not in sizes]
    if missing:
        raise SourceError(
            f"{rows.where(missing[0])}: there is no {names[missing[0]]} in {base.url} (and so for "
            f"{len(missing):,} of {len(names):,} rows); another folder can be given as option 'root'"
        )
    return [
        Place(name, url or address(base.url, name), None if url else sizes[name])
        for name, url in zip(names, urls, strict=True)
    ]


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


def _sizes(base: Location, root: str, wanted: set[str], options: Options) -> Mapping[str, int]:
    """Return the sizes of those paths that are there."""
    if not wanted:
        return {}
    store = open_store(root, **options)
    sizes: dict[str, int] = {}
    if base.scheme == "file":
        for name in wanted:
            try:
                sizes[name] = store.info(name).size
            except NotFoundError:
                continue  # the caller says which one
        return sizes
    around = posixpath.commonpath([posixpath.dirname(name) for name in wanted])
    for info in store.list_objects(f"{around}/" if around else ""):
        if info.path in wanted:
            sizes[info.path] = info.size
    return sizes
