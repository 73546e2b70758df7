"""`table`: a CSV, TSV, JSON Lines or Parquet file that lists images and their labels and captions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Self

from wds_imagenet.errors import DataError, SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.inputs.json_types import gap_note
from wds_imagenet.inputs.keys import first_duplicate_key, key_from_name, with_path_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file, no_file_error
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.sample import check_key
from wds_imagenet.sources import columns
from wds_imagenet.sources.columns import CellType, ValueType
from wds_imagenet.sources.label_cells import LABELS, LabelValues
from wds_imagenet.sources.source_options import AllowPrivateNetworks, Classes, LabelSeparator, NullAs
from wds_imagenet.sources.table.grouping import check_one_row_each, group
from wds_imagenet.sources.table.image_paths import ImageResolver, is_empty
from wds_imagenet.sources.table.rows import TableRow, TableRows, read_rows
from wds_imagenet.storage import split_url
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_NO_METADATA: Final[Metadata] = {}


def table(
    url: str,
    *,
    image_column: Annotated[str | None, "column with the images' paths or URLs"] = None,
    label_column: Annotated[str | None, "column with the labels, as numbers or names"] = None,
    caption_column: Annotated[str | None, "column with the captions"] = None,
    key_column: Annotated[
        str | None, "column with the samples' keys. Without this option, pack makes keys from paths"
    ] = None,
    duplicates: Annotated[
        str | None, "'group': join the rows of one image into one sample, with its captions as a list"
    ] = None,
    root: Annotated[
        str | None, "folder that paths are relative to; by default the folder of the table"
    ] = None,
    classes: Classes = None,
    label_separator: LabelSeparator = None,
    null_as: NullAs = None,
    delimiter: Annotated[
        str | None, "character between cells, or 'tab'; by default a comma, or a tab if the file is a .tsv"
    ] = None,
    allow_private_networks: AllowPrivateNetworks = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing:
    """List the images that a CSV, TSV, JSON Lines or Parquet file lists.

    Columns are found by their usual names, in any case. Images: image, path, file, filename, url and similar;
    labels: label, class, cls, target; captions: caption, text, title. All other columns become metadata. A
    CSV column holds integers or floats only if every cell is written as one, so `007` stays text. Labels that
    are numbers stay unchanged; names are numbered in code-point order, or by a class list.

    Paths are relative to `root`, and may not lead out of it. URLs are HTTP, or name a bucket without an
    account, or the host of the table or of `root`. References come in the order of the rows. Keys are the
    cells of `key_column`, unchanged; without it, the stems of the paths, or the whole paths if stems repeat.

    Costs reading the table twice, and a row 30 µs and 16 bytes of memory. Local images cost a `stat` each,
    remote ones a listing of the folder around them. URLs are not checked to exist.

    Args:
        url: the table.
        image_column: column with the images' paths or URLs.
        label_column: column with the labels; `""` for none.
        caption_column: column with the captions; `""` for none.
        key_column: column with the keys.
        duplicates: `fail` (the default) rejects two rows of one image without keys of their own; `group`
            joins them into one sample.
        root: folder that paths are relative to; None is the folder of the table.
        classes: class list that gives each class its label.
        label_separator: text between the labels of an image, such as `;`; `""` for one label in each cell.
        null_as: number that empty cells among numbers become; None makes the numbers text.
        delimiter: character between cells, or `tab`.
        allow_private_networks: True permits URLs of private networks and of this machine.
        storage_options: options of the stores.

    Raises:
        SourceError: a row is malformed, names no image, or repeats a key or an image; the message names its
            line.
        UsageError: an option has no such value, or there is no such table.
    """
    if duplicates not in {None, "fail", "group"}:
        raise UsageError(f"option 'duplicates' is fail or group, not {duplicates!r}")
    found = find_file(url, storage_options)
    if found is None:
        raise no_file_error(url)
    rows = read_rows(*found, delimiter)
    chosen = _ColumnIndices.choose(rows, image_column, label_column, caption_column, key_column)
    resolver = ImageResolver(
        split_url(url)[0] if root is None else root,
        storage_options,
        table=url,
        private=bool(allow_private_networks),
    )
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    null = columns.parse_null(null_as)
    labels, types = _scan(rows, chosen, resolver, LabelValues(label_separator), null)
    naming = labels.label_classes(listed)
    if labels.several and LABELS in chosen.metadata:
        raise SourceError(
            f"{rows.url}: the column {LABELS!r} has the name of the field for all labels: rename it"
        )
    by_row = references = SpilledReferences(
        _references(rows, chosen, resolver, partial(labels.find, naming=naming), types)
    )
    grouped = duplicates == "group"
    if grouped:
        references = SpilledReferences(
            group(by_row, rows.where, captioned=chosen.caption is not None, several=labels.several)
        )

    def where(index: int) -> str:
        url = references[index].url
        first = next(i for i, one in enumerate(by_row) if one.url == url) if grouped else index
        return rows.where(first)

    repeated = first_duplicate_key(references)
    if repeated is not None and chosen.key is not None:
        first, again = repeated
        raise SourceError(f"{where(again)} has the same key as {where(first)}, {references[again].key!r}")
    if repeated is not None:
        if not grouped:
            check_one_row_each(references, where)
        cure = "; or give a column of unique keys as option 'key_column'"
        references = with_path_keys(references, where, cure=cure)
    return Listing(
        references,
        naming.classes,
        (f"columns: {chosen}", *naming.notes, *_notes(labels, types, labelled=chosen.label is not None)),
    )


def _notes(
    labels: LabelValues, types: Mapping[str, CellType | ValueType], *, labelled: bool
) -> Iterator[str]:
    if labels.several:
        yield f"images have several labels: the field {LABELS!r} lists them"
    bits = [name for name, kind in types.items() if kind.bits]
    if len(bits) > 1 and not labelled:
        yield (
            f"no column has labels, and the columns {', '.join(map(repr, bits)):.200} have only 0 and 1: if "
            "they mark the classes of an image, write their names into one column, and name it as "
            "option 'label_column', and the text between the names as option 'label_separator'"
        )
    for name, kind in types.items():
        if isinstance(kind, CellType) and kind.gaps and kind.null is None:
            yield gap_note(name, quantity(kind.gaps, "cells are empty"))


@dataclass(frozen=True, slots=True)
class _ColumnIndices:
    """The indices of the columns of images, labels, captions and keys."""

    names: Sequence[str]
    image: int
    label: int | None
    caption: int | None
    key: int | None

    @classmethod
    def choose(
        cls, rows: TableRows, image: str | None, label: str | None, caption: str | None, key: str | None
    ) -> Self:
        """Choose the columns asked for, or the usual ones; raise `SourceError` if no column has images."""

        def index(asked: str | None, usual: Sequence[str]) -> int | None:
            name = columns.choose_column(rows.columns, asked, usual, rows.url)
            return None if name is None else rows.columns.index(name)

        images = index(image, columns.IMAGE)
        captions, keys = index(caption, columns.CAPTION), index(key, ())
        if images is None:
            raise SourceError(
                f"{rows.url} has no column with a usual name for images: give option 'image_column', one of "
                f"{', '.join(rows.columns)} (the names in the header line)"
            )
        free = [name for place, name in enumerate(rows.columns) if place not in {images, captions, keys}]
        labels = columns.choose_label(rows.columns if label else free, label, rows.url, "label_column")
        return cls(
            rows.columns, images, None if labels is None else rows.columns.index(labels), captions, keys
        )

    @property
    def metadata(self) -> dict[str, int]:
        """The indices of all other columns, by name."""
        taken = {self.image, self.label, self.caption, self.key}
        return {name: index for index, name in enumerate(self.names) if index not in taken}

    def __str__(self) -> str:
        taken = (("images", self.image), ("labels", self.label), ("captions", self.caption))
        return ", ".join(
            f"no {noun}" if index is None else f"{noun} from {self.names[index]!r}" for noun, index in taken
        )


def _scan(
    rows: TableRows,
    chosen: _ColumnIndices,
    resolver: ImageResolver,
    labels: LabelValues,
    null: float | None,
) -> tuple[LabelValues, Mapping[str, CellType | ValueType]]:
    """Read the rows once: return the distinct labels, and the types of the metadata columns."""
    kind = ValueType if rows.typed else CellType
    types: dict[str, CellType | ValueType] = {name: kind(null) for name in chosen.metadata}
    adders: list[tuple[int, Callable[[Any], None]]] = [
        (index, types[name].add) for name, index in chosen.metadata.items()
    ]
    empty = True
    for row in rows:
        empty = False
        values = row.values
        try:
            resolver.add(values[chosen.image])
        except ValueError as error:
            raise SourceError(f"{rows.at(row)}: {error}") from error
        if chosen.label is not None:
            labels.add(values[chosen.label], lambda: rows.at(row))  # noqa: B023 - called at once
        for index, add in adders if not is_empty(values[chosen.image]) else ():
            add(values[index])
    if empty:
        raise SourceError(f"{rows.url} lists no images: it has a header line and no rows")
    return labels, types


def _references(
    rows: TableRows,
    chosen: _ColumnIndices,
    resolver: ImageResolver,
    find: Callable[[Any], tuple[int | None, Metadata]],
    types: Mapping[str, CellType | ValueType],
) -> Iterator[Reference]:
    """Yield one reference a row; its key is the key column's cell, or the stem of the path."""
    parsers: list[tuple[str, int, Callable[[Any], Any]]] = [
        (name, index, types[name].parse) for name, index in chosen.metadata.items()
    ]
    for row in rows:
        values = row.values
        try:
            image = resolver.resolve(values[chosen.image], row.line)
        except ValueError as error:
            raise SourceError(f"{rows.at(row)}: {error}") from error
        if chosen.key is None or (image.fault is not None and values[chosen.key] is None):
            key = _stem(image.name, rows, row)
        else:
            key = _cell_key(rows, row, chosen)
        if image.fault is not None:
            # Without the folder of the table: the fault belongs to the plan, and the data set may move.
            fault = f"{rows.url.rpartition('/')[2]}, line {row.line:,}: {image.fault}"
            yield Reference(key, image.url, 0, 0, image.name, metadata=_NO_METADATA, fault=fault)
            continue
        caption = None if chosen.caption is None else values[chosen.caption]
        label, several = (None, {}) if chosen.label is None else find(values[chosen.label])
        yield Reference(
            key=key,
            url=image.url,
            offset=0,
            size=image.size,
            name=image.name,
            label=label,
            caption=columns.caption_of(caption, rows.at(row)),
            metadata={**{name: parse(values[index]) for name, index, parse in parsers}, **several}
            or _NO_METADATA,
        )


def _stem(path: str, rows: TableRows, row: TableRow) -> str:
    return key_from_name(path.rpartition("/")[2], lambda: rows.at(row))


def _cell_key(rows: TableRows, row: TableRow, chosen: _ColumnIndices) -> str:
    index = chosen.key or 0
    cell = row.values[index]
    if type(cell) not in {str, int}:
        raise SourceError(f"{rows.at(row)}: {cell!r:.60} is not a key: neither text nor a whole number")
    try:
        return check_key(str(cell))
    except DataError as error:
        raise SourceError(f"{rows.at(row)}, column {chosen.names[index]!r}: {error}") from error
