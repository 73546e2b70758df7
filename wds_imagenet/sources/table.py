"""`table`: a CSV, TSV, JSON Lines or Parquet file that lists images, with whatever is known of them."""

from typing import Annotated, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.classes import read_classes
from wds_imagenet.labels.files import find_file
from wds_imagenet.sources import columns
from wds_imagenet.sources.images import choose_keys
from wds_imagenet.sources.options import Classes
from wds_imagenet.sources.places import locate
from wds_imagenet.sources.reference import Listing, Metadata, Reference
from wds_imagenet.sources.rows import Rows, read_rows
from wds_imagenet.storage import split_url

_NOTHING: Final[Metadata] = {}


def table(
    url: str,
    *,
    image_column: Annotated[str | None, "column with the images' paths or URLs"] = None,
    label_column: Annotated[str | None, "column with the labels, as numbers or names"] = None,
    caption_column: Annotated[str | None, "column with the captions"] = None,
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
    References come in the order of the rows, keys are the paths' stems, or whole paths where these
    repeat. Costs the table in memory, a `stat` for each local image, and for remote ones a listing of
    the folder around them; URLs are not looked up. Raises `SourceError` that names the line.
    """
    found = find_file(url, storage_options)
    if found is None:
        raise SourceError(f"there is no table {url}; a folder of images is read by other sources")
    rows = read_rows(*found, delimiter)
    names = list(rows.columns)
    image_from = columns.choose(names, image_column, columns.IMAGE, rows.url)
    label_from = columns.choose(names, label_column, columns.LABEL, rows.url)
    caption_from = columns.choose(names, caption_column, columns.CAPTION, rows.url)
    if image_from is None:
        raise SourceError(
            f"{rows.url} has no column known to list images; its columns are {', '.join(names)} (a table "
            "begins with a header line): give the right one as image_column"
        )
    if not rows.lines:
        raise SourceError(f"{rows.url} lists no images: it has a header line and nothing else")
    listed = None if classes is None else read_classes(classes, **storage_options)
    places = locate(rows, image_from, split_url(url)[0] if root is None else root, storage_options)
    keys = choose_keys([place.name for place in places], rows.where)
    nothing = [None] * len(rows.lines)
    called = rows.columns[label_from] if label_from else nothing
    labels, naming = columns.labels(called, listed, rows.where)
    told = rows.columns[caption_from] if caption_from else nothing
    captions = [columns.caption(value, rows.where(row)) for row, value in enumerate(told)]
    metadatas = _metadata(rows, {image_from, label_from, caption_from})
    references = [
        Reference(key, place.url, 0, place.size, place.name, label, caption, metadata)
        for key, place, label, caption, metadata in zip(
            keys, places, labels, captions, metadatas, strict=True
        )
    ]
    taken = (("images", image_from), ("labels", label_from), ("captions", caption_from))
    note = ", ".join(f"{what} from {name!r}" if name else f"no {what}" for what, name in taken)
    return Listing(references, naming.classes, (f"columns: {note}", *naming.notes))


def _metadata(rows: Rows, taken: set[str | None]) -> list[Metadata]:
    names = [name for name in rows.columns if name not in taken]
    if not names:
        return [_NOTHING] * len(rows.lines)
    values = [rows.columns[name] for name in names]
    if not rows.typed:
        values = [columns.typed(cells) for cells in values]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*values, strict=True)]
