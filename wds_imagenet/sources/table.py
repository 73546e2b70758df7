"""`table`: a CSV, TSV, JSON Lines or Parquet file that lists images, with whatever is known of them."""

from collections.abc import Sequence
from typing import Annotated, Final

from wds_imagenet.errors import DataError, SourceError, UsageError
from wds_imagenet.labels.classes import read_classes
from wds_imagenet.labels.files import find_file, no_file
from wds_imagenet.sample import check_key
from wds_imagenet.sources import columns
from wds_imagenet.sources.grouping import check_single, group
from wds_imagenet.sources.images import choose_keys
from wds_imagenet.sources.options import Classes
from wds_imagenet.sources.places import Place, locate
from wds_imagenet.sources.reference import Listing, Metadata, Reference
from wds_imagenet.sources.rows import Rows, read_rows
from wds_imagenet.sources.spool import Spool
from wds_imagenet.storage import split_url

_NOTHING: Final[Metadata] = {}


def table(
    url: str,
    *,
    image_column: Annotated[str | None, "column with the images' paths or URLs"] = None,
    label_column: Annotated[str | None, "column with the labels, as numbers or names"] = None,
    caption_column: Annotated[str | None, "column with the captions"] = None,
    key_column: Annotated[str | None, "column with the samples' keys; else they come from the paths"] = None,
    duplicates: Annotated[
        str | None, "'group': several rows of one image make one sample, its captions a list in the JSON"
    ] = None,
    root: Annotated[str | None, "folder that paths are relative to; else the table's own"] = None,
    classes: Classes = None,
    delimiter: Annotated[str | None, "character between cells, or 'tab'; else , and in .tsv a tab"] = None,
    **storage_options: object,
) -> Listing:
    """List the images that a CSV, TSV, JSON Lines or Parquet file lists.

    Columns are found by their usual names, in any case: the images' by image, path, file, filename,
    url and the like; label, class, cls, target; caption, text, title. All others become metadata; in
    CSV a column is of integers or floats if every cell is written as one, so `007` stays text. Labels
    that are numbers stay as they are; names are numbered in code-point order, or by a class list.

    A path is relative to `root` and stays within it; a URL must be of a store that is opened here.
    References come in the order of the rows. Keys are the cells of `key_column`, as they are; without it
    the paths' stems, or whole paths where these repeat. Two rows of one image are an error, unless they have
    keys of their own, or `duplicates` is `group` (see `sources.grouping`). Costs the table in memory, a
    `stat` for each local image, and for remote ones a listing of the folder around them; URLs are not
    looked up. Raises `SourceError` that names the line.
    """
    if duplicates not in {None, "fail", "group"}:
        raise UsageError(f"option 'duplicates' is fail or group, not {duplicates!r}")
    found = find_file(url, storage_options)
    if found is None:
        raise no_file(url)
    rows = read_rows(*found, delimiter)
    names = list(rows.columns)
    image_from = columns.choose(names, image_column, columns.IMAGE, rows.url)
    label_from = columns.choose(names, label_column, columns.LABEL, rows.url)
    caption_from = columns.choose(names, caption_column, columns.CAPTION, rows.url)
    key_from = columns.choose(names, key_column, (), rows.url)
    if image_from is None:
        raise SourceError(
            f"{rows.url} has no column known to list images; its columns are {', '.join(names)} (a table "
            "begins with a header line): give the right one as option 'image_column'"
        )
    if not rows.lines:
        raise SourceError(f"{rows.url} lists no images: it has a header line and nothing else")
    listed = None if classes is None else read_classes(classes, **storage_options)
    places = locate(rows, image_from, split_url(url)[0] if root is None else root, storage_options)
    grouped = duplicates == "group"
    if not grouped and key_from is None:
        check_single([place.url for place in places], rows.where)
    keys = _path_keys(rows, places) if key_from is None else _cell_keys(rows, key_from)
    if key_from is not None:
        _check_keys(rows, keys, places, grouped=grouped)
    nothing = [None] * len(rows.lines)
    called = rows.columns[label_from] if label_from else nothing
    labels, naming = columns.labels(called, listed, rows.where)
    told = rows.columns[caption_from] if caption_from else nothing
    captions = [columns.caption(value, rows.where(row)) for row, value in enumerate(told)]
    metadatas = _metadata(rows, {image_from, label_from, caption_from, key_from})
    references = Spool(
        Reference(key, place.url, 0, place.size, place.name, label, caption, metadata)
        for key, place, label, caption, metadata in zip(
            keys, places, labels, captions, metadatas, strict=True
        )
    )
    if grouped:
        references = Spool(group(list(references), rows.where, captioned=caption_from is not None))
    taken = (("images", image_from), ("labels", label_from), ("captions", caption_from))
    note = ", ".join(f"{what} from {name!r}" if name else f"no {what}" for what, name in taken)
    return Listing(references, naming.classes, (f"columns: {note}", *naming.notes))


def _path_keys(rows: Rows, places: Sequence[Place]) -> list[str]:
    """Return the keys that the paths give; several rows of one image have the same."""
    first: dict[str, int] = {}
    for row, place in enumerate(places):
        first.setdefault(place.url, row)
    once = list(first.values())
    keys = choose_keys([places[row].name for row in once], lambda i: rows.where(once[i]))
    by_url = dict(zip(first, keys, strict=True))
    return [by_url[place.url] for place in places]


def _cell_keys(rows: Rows, column: str) -> list[str]:
    keys = []
    for row, cell in enumerate(rows.columns[column]):
        if type(cell) not in {str, int}:
            raise SourceError(f"{rows.where(row)}: {cell!r:.60} is no key: neither text nor a whole number")
        try:
            keys.append(check_key(str(cell)))
        except DataError as error:
            raise SourceError(f"{rows.where(row)}, column {column!r}: {error}") from error
    return keys


def _check_keys(rows: Rows, keys: Sequence[str], places: Sequence[Place], *, grouped: bool) -> None:
    """Refuse a key that comes twice, but for rows that are to be one sample."""
    seen: dict[str, int] = {}
    for row, key in enumerate(keys):
        first = seen.setdefault(key, row)
        if first != row and not (grouped and places[first].url == places[row].url):
            raise SourceError(f"{rows.where(row)} has the key {key!r}, as has {rows.where(first)}")


def _metadata(rows: Rows, taken: set[str | None]) -> list[Metadata]:
    names = [name for name in rows.columns if name not in taken]
    if not names:
        return [_NOTHING] * len(rows.lines)
    values = [rows.columns[name] for name in names]
    if not rows.typed:
        values = [columns.typed(cells) for cells in values]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*values, strict=True)]
