"""`table`: a CSV, TSV, JSON Lines or Parquet file that lists images, with whatever is known of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from wds_imagenet.errors import DataError, NotFoundError, SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.class_naming import ClassNaming
from wds_imagenet.inputs.keys import first_duplicate_key, key_from_name, with_path_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file, no_file_error
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.sample import check_key
from wds_imagenet.sources import columns
from wds_imagenet.sources.columns import Called, Cells
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.sources.table.grouping import check_single, group
from wds_imagenet.sources.table.image_paths import Places
from wds_imagenet.sources.table.rows import TableRow, TableRows, read_rows
from wds_imagenet.storage import split_url
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

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
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing:
    """List the images that a CSV, TSV, JSON Lines or Parquet file lists.

    Columns are found by their usual names, in any case: the images' by image, path, file, filename,
    url and the like; label, class, cls, target; caption, text, title. All others become metadata; in
    CSV a column is of integers or floats if every cell is written as one, so `007` stays text. Labels
    that are numbers stay as they are; names are numbered in code-point order, or by a class list.

    A path is relative to `root` and stays within it; a URL must be of a store that is opened here.
    References come in the order of the rows. Keys are the cells of `key_column`, as they are; without it
    the paths' stems, or whole paths where these repeat. Two rows of one image are an error, unless they have
    keys of their own, or `duplicates` is `group` (see `sources.grouping`). Costs reading the table twice,
    30 µs and 16 bytes of memory a row and what the classes take; a `stat` for each local image, and for
    remote ones a listing of the folder around them; URLs are not looked up. Raises `SourceError` that names
    the line.
    """
    if duplicates not in {None, "fail", "group"}:
        raise UsageError(f"option 'duplicates' is fail or group, not {duplicates!r}")
    found = find_file(url, storage_options)
    if found is None:
        raise no_file_error(url)
    rows = read_rows(*found, delimiter)
    chosen = _Columns.choose(rows, image_column, label_column, caption_column, key_column)
    places = Places(split_url(url)[0] if root is None else root, storage_options)
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    called, cells = _look(rows, chosen, places)
    naming = called.naming(listed)
    listed_rows = references = SpilledReferences(_references(rows, chosen, places, naming, cells))
    grouped = duplicates == "group"
    if grouped:
        references = SpilledReferences(group(listed_rows, rows.where, captioned=chosen.caption is not None))

    def where(place: int) -> str:
        url = references[place].url
        first = next(i for i, one in enumerate(listed_rows) if one.url == url) if grouped else place
        return rows.where(first)

    repeated = first_duplicate_key(references)
    if repeated is not None and chosen.key is not None:
        first, again = repeated
        raise SourceError(f"{where(again)} has the key {references[again].key!r}, as has {where(first)}")
    if repeated is not None:
        if not grouped:
            check_single(references, where)
        references = with_path_keys(references, where)
    return Listing(references, naming.classes, (f"columns: {chosen}", *naming.notes))


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns mean what, by their places."""

    names: Sequence[str]
    image: int
    label: int | None
    caption: int | None
    key: int | None

    @classmethod
    def choose(
        cls, rows: TableRows, image: str | None, label: str | None, caption: str | None, key: str | None
    ) -> Self:
        """Return those asked for, or the usual ones. Raises `SourceError`."""

        def place(asked: str | None, usual: Sequence[str]) -> int | None:
            name = columns.choose(rows.columns, asked, usual, rows.url)
            return None if name is None else rows.columns.index(name)

        images = place(image, columns.IMAGE)
        found = place(label, columns.LABEL), place(caption, columns.CAPTION), place(key, ())
        if images is None:
            raise SourceError(
                f"{rows.url} has no column known to list images; its columns are {', '.join(rows.columns)} "
                "(a table begins with a header line): give the right one as option 'image_column'"
            )
        return cls(rows.columns, images, *found)

    @property
    def others(self) -> dict[str, int]:
        """The places of those that become metadata, by name."""
        taken = {self.image, self.label, self.caption, self.key}
        return {name: place for place, name in enumerate(self.names) if place not in taken}

    def __str__(self) -> str:
        taken = (("images", self.image), ("labels", self.label), ("captions", self.caption))
        return ", ".join(
            f"no {what}" if place is None else f"{what} from {self.names[place]!r}" for what, place in taken
        )


def _look(rows: TableRows, chosen: _Columns, places: Places) -> tuple[Called, dict[str, Cells]]:
    """Go through the rows once: return the classes, and what the text of each further column means."""
    called = Called()
    cells = {} if rows.typed else {name: Cells() for name in chosen.others}
    looks = [(place, cells[name].look) for name, place in chosen.others.items() if cells]
    empty = True
    for row in rows:
        empty = False
        values = row.values
        try:
            places.look(values[chosen.image])
        except ValueError as error:
            raise SourceError(f"{rows.at(row)}: {error}") from error
        if chosen.label is not None:
            called.look(values[chosen.label], lambda: rows.at(row))  # noqa: B023 - called at once
        for place, look in looks:
            look(values[place])
    if empty:
        raise SourceError(f"{rows.url} lists no images: it has a header line and nothing else")
    return called, cells


def _references(
    rows: TableRows, chosen: _Columns, places: Places, naming: ClassNaming, cells: dict[str, Cells]
) -> Iterator[Reference]:
    """Yield a reference a row, its key the cell's or that of the path's stem."""
    readers: list[tuple[str, int, Callable[[Any], Any]]] = [
        (name, place, cells[name].read if cells else _as_it_is) for name, place in chosen.others.items()
    ]
    missing = total = 0
    first = ""
    for row in rows:
        values = row.values
        total += 1
        try:
            name, url, size = places.find(values[chosen.image])
        except NotFoundError:
            missing += 1
            first = first or f"{rows.at(row)}: there is no {values[chosen.image]}"
            continue
        except ValueError as error:
            raise SourceError(f"{rows.at(row)}: {error}") from error
        caption = None if chosen.caption is None else values[chosen.caption]
        yield Reference(
            key=_stem(name, rows, row) if chosen.key is None else _cell_key(rows, row, chosen),
            url=url,
            offset=0,
            size=size,
            name=name,
            label=None if chosen.label is None else columns.label(values[chosen.label], naming),
            caption=columns.caption(caption, rows.at(row)),
            metadata={name: read(values[place]) for name, place, read in readers} or _NOTHING,
        )
    if missing:
        raise SourceError(
            f"{first} in {places.base.url} (and so for {missing:,} of {total:,} rows); another folder can be "
            "given as option 'root'"
        )


def _as_it_is(value: object) -> object:
    return value


def _stem(path: str, rows: TableRows, row: TableRow) -> str:
    return key_from_name(path.rpartition("/")[2], lambda: rows.at(row))


def _cell_key(rows: TableRows, row: TableRow, chosen: _Columns) -> str:
    place = chosen.key or 0
    cell = row.values[place]
    if type(cell) not in {str, int}:
        raise SourceError(f"{rows.at(row)}: {cell!r:.60} is no key: neither text nor a whole number")
    try:
        return check_key(str(cell))
    except DataError as error:
        raise SourceError(f"{rows.at(row)}, column {chosen.names[place]!r}: {error}") from error
