"""`table`: a CSV, TSV, JSON Lines or Parquet file that lists images, with whatever is known of them."""

from typing import Annotated, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.classes import ClassList, read_classes
from wds_imagenet.labels.files import find_file
from wds_imagenet.labels.naming import Naming, name_classes
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
    **storage_options: str,
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
    image = columns.choose(names, image_column, columns.IMAGE, rows.url)
    label = columns.choose(names, label_column, columns.LABEL, rows.url)
    caption = columns.choose(names, caption_column, columns.CAPTION, rows.url)
    if image is None:
        raise SourceError(
            f"{rows.url} has no column known to list images; its columns are {', '.join(names)} (a table "
            "begins with a header line): give the right one as image_column"
        )
    if not rows.lines:
        raise SourceError(f"{rows.url} lists no images: it has a header line and nothing else")
    listed = None if classes is None else read_classes(classes, **storage_options)
    places = locate(rows, image, split_url(url)[0] if root is None else root, storage_options)
    keys = choose_keys([place.name for place in places], rows.where)
    labels, naming = _labels(rows, label, listed)
    captions = _captions(rows, caption)
    metadata = _metadata(rows, {image, label, caption})
    references = [
        Reference(key, place.url, 0, place.size, place.name, *rest)
        for key, place, *rest in zip(keys, places, labels, captions, metadata, strict=True)
    ]
    taken = (("images", image), ("labels", label), ("captions", caption))
    note = ", ".join(f"{what} from {name!r}" if name else f"no {what}" for what, name in taken)
    return Listing(references, naming.classes, (f"columns: {note}", *naming.notes))


def _labels(rows: Rows, column: str | None, listed: ClassList | None) -> tuple[list[int | None], Naming]:
    first: dict[str, int] = {}
    names = []
    for row, value in enumerate(rows.columns[column] if column else ()):
        try:
            name = columns.class_name(value)
        except ValueError as error:
            raise SourceError(f"{rows.where(row)}: {error}") from error
        names.append(name)
        if name is not None:
            first.setdefault(name, row)
    naming = name_classes(first, listed, lambda name: rows.where(first[name]))
    labels = [None if name is None else naming.labels[name] for name in names]
    return labels or [None] * len(rows.lines), naming


def _captions(rows: Rows, column: str | None) -> list[str | None]:
    if column is None:
        return [None] * len(rows.lines)
    for row, value in enumerate(rows.columns[column]):
        if value is not None and not isinstance(value, str):
            raise SourceError(f"{rows.where(row)}: the caption {value!r:.60} is no text")
    return [value or None for value in rows.columns[column]]


def _metadata(rows: Rows, taken: set[str | None]) -> list[Metadata]:
    names = [name for name in rows.columns if name not in taken]
    if not names:
        return [_NOTHING] * len(rows.lines)
    values = [rows.columns[name] for name in names]
    if not rows.typed:
        values = [columns.typed(cells) for cells in values]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*values, strict=True)]
