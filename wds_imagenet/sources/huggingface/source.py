"""`huggingface`: Parquet files with a column of images, the form of ImageNet-1k on Hugging Face."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import ClassList, read_classes
from wds_imagenet.imagenet.class_naming import ClassNaming
from wds_imagenet.inputs.image_files import ignored_notes
from wds_imagenet.inputs.json_types import gap_note
from wds_imagenet.inputs.parquet import ParquetRow, json_value
from wds_imagenet.inputs.reference import Kind, Reference
from wds_imagenet.inputs.split_files import SplitFile, check_numbering, choose_split, find_split_files
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.sources import columns
from wds_imagenet.sources.huggingface.features import Features, choose_features
from wds_imagenet.sources.huggingface.row_check import Keys, RowCheck, check_rows, key_of, open_part
from wds_imagenet.sources.label_cells import LABELS, LabelValues
from wds_imagenet.sources.source_options import Classes, LabelSeparator, NullAs
from wds_imagenet.storage.signatures import identifying_queries
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity

_KEYS_FROM: Final[Mapping[Keys, str]] = {
    "stem": "the stems of paths",
    "path": "whole paths",
    "row": "split and row",
}


def huggingface(
    url: str,
    *,
    split: Annotated[
        str | None, "train, validation or test; required if the files have more than one split"
    ] = None,
    image: Annotated[
        str | None, "column with the images; by default pack chooses the column by its type or name"
    ] = None,
    label: Annotated[
        str | None, "column with the labels; by default pack chooses the column by its type or name"
    ] = None,
    caption: Annotated[
        str | None, "column with the captions; by default the column caption, text or title"
    ] = None,
    keys: Annotated[
        str | None,
        "'path' or 'row': make keys from paths or from row numbers; by default from paths, if all paths are "
        "unique",
    ] = None,
    label_separator: LabelSeparator = None,
    null_as: NullAs = None,
    classes: Classes = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Stream:
    """Stream the images in Parquet files: one, a folder of them, or a pattern such as `data/train-*.parquet`.

    The features that Hugging Face writes into the schema name the columns of images and labels, and the
    classes. The label -1 means no label. Other columns become metadata, except those that hold bytes.

    Keys are the stems of the images' paths, if every image has one and all differ; else the whole paths, else
    split and row. The WNID that Hugging Face appends to ImageNet's names is removed.

    Images come in the order of files and rows. Memory holds 8 MiB of images, and a few times the page that
    they lie in: PyArrow writes pages of up to 1,024 rows, Hugging Face of 100. Before the first image, the
    paths and the columns of labels and numbers are read once.

    Args:
        url: the file, the folder or the pattern.
        split: `train`, `validation` or `test`.
        image: column with the images.
        label: column with the labels; `""` for none.
        caption: column with the captions; `""` for none.
        keys: `path` or `row`.
        label_separator: text between the labels of an image, such as `;`; `""` for one label in each cell.
        null_as: number that nulls become among numbers; None makes the numbers text.
        classes: class list that gives each class its label.
        storage_options: options of the stores.

    Raises:
        SourceError: a row has a bad label, or the columns are uncertain; the message names file and row.
        UsageError: the option `keys` has no such value.
        MissingExtraError: PyArrow is not installed.
    """
    if keys not in {None, "path", "row"}:
        raise UsageError(f"option 'keys' is path or row, not {keys!r}")
    parts, found_split = choose_split(find_split_files(url, storage_options, (".parquet",)), split, url)
    check_numbering(parts, url)
    features, samples, size = _open_all(parts, image, label, caption)
    if not samples:
        raise SourceError(f"there are no rows in {url}")
    null = columns.parse_null(null_as)
    checked = check_rows(parts, features, label_separator, paths=keys != "row")
    if keys == "path" and checked.keys == "row":
        raise SourceError(
            f"{url}: the paths in {features.image!r} give no unique keys: give option keys='row'"
        )
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    naming = _label_classes(checked, features, listed)
    several = checked.labels.several
    labelled = not several and any(label is not None for label in naming.labels.values())
    named = tuple({"name": name} for name in features.names)
    fields: dict[str, Kind] = {
        name: "text" if name in checked.infinite or (null is None and name in checked.gaps) else kind
        for name, kind in features.metadata.items()
    }
    if several and LABELS in fields:
        raise SourceError(f"{url}: the column {LABELS!r} has the name of the field for all labels: rename it")
    used = (features.image, features.label, features.caption)
    columns_used = zip(("images", "labels", "captions"), used, strict=True)
    return Stream(
        identity={
            **identifying_queries([url]),
            "files": [[part.info.path, part.info.size] for part in parts],
            "columns": used,
            "keys": checked.keys,
            "labels_sha256": hashlib.sha256(strict_json.dumps(sorted(naming.labels.items()))).hexdigest(),
            **({"label_separator": label_separator} if label_separator is not None else {}),
            **({"null_as": null} if null is not None else {}),
        },
        images=_RowImages(
            parts, features, fields, checked.labels, naming, checked.keys, found_split or "image", null
        ).read,
        labelled=labelled,
        unlabelled=_first_unlabelled(checked, naming) if labelled else None,
        fields={**fields, LABELS: "list"} if several else fields,
        captioned=features.caption is not None,
        classes=(naming.classes or named) if labelled or several else (),
        notes=(
            "columns: "
            + ", ".join(f"{noun} from {name!r}" if name else f"no {noun}" for noun, name in columns_used),
            f"keys are made from {_KEYS_FROM[checked.keys]}",
            *ignored_notes(features.left_out, "columns that hold bytes"),
            *naming.notes,
            *([f"images have several labels: the field {LABELS!r} lists them"] if several else []),
            *(
                gap_note(name, quantity(gaps, "rows have none"))
                for name, gaps in checked.gaps.items()
                if fields[name] == "text"
            ),
        ),
        split=found_split,
        samples=samples,
        size=size,
    )


@dataclass(frozen=True, slots=True)
class _RowImages:
    """The rows of all files, each made into an image of the stream."""

    parts: Sequence[SplitFile]
    features: Features
    fields: Mapping[str, Kind]
    labels: LabelValues
    naming: ClassNaming
    keys: Keys
    split: str
    null: int | float | None

    def read(self) -> Iterator[StreamedImage]:
        """Yield the image of every row, in order. A row without image has a fault."""
        features = self.features
        wanted = [features.image, features.label, features.caption, *features.metadata]
        before = 0
        for part in self.parts:
            with open_part(part) as file:
                for row in file.read([name for name in wanted if name is not None]):
                    data, path = _image(row.values[features.image])
                    reference = self._reference(
                        row, part.url, before + row.number - 1, len(data or b""), path
                    )
                    if data is None:
                        reference = replace(
                            reference, fault=_fault(path, f"{part.info.path}, row {row.number:,}")
                        )
                    yield StreamedImage(reference, data or b"")
                before += file.rows

    def _reference(self, row: ParquetRow, url: str, number: int, size: int, path: str | None) -> Reference:
        features, values = self.features, row.values
        where = f"{url}, row {row.number:,}"
        numbered = f"{self.split}_{number:08d}"
        label, several = (
            self.labels.find(values[features.label], self.naming) if features.label else (None, {})
        )
        return Reference(
            key=numbered if self.keys == "row" or path is None else key_of(path, self.keys),
            url=url,
            offset=row.offset,
            size=size,
            name=path.rpartition("/")[2] if path else numbered,
            label=label,
            caption=columns.caption_of(values[features.caption], where) if features.caption else None,
            metadata={
                **{
                    n: _fit(json_value(values[n], f"{where}: column {n!r}"), k, self.null)
                    for n, k in self.fields.items()
                },
                **several,
            },
        )


def _image(value: object) -> tuple[bytes | None, str | None]:
    """Return the bytes of an image, None for a null, and its path."""
    data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
    return data if isinstance(data, bytes) else None, path


def _fault(path: str | None, where: str) -> str:
    instead = f", only the path {path!r}, which is not read" if path else ""
    return f"{where} has no bytes of an image{instead}"


def _fit(value: object, kind: Kind, null: float | None) -> object:
    """Return a value in the type of its field: a number in a column with gaps becomes text."""
    if value is None and kind in {"integer", "number"}:
        return null
    return value if value is None or isinstance(value, str) or kind != "text" else json.dumps(value)


def _open_all(
    parts: Sequence[SplitFile], image: str | None, label: str | None, caption: str | None
) -> tuple[Features, int, int]:
    """Return the chosen columns, the number of rows, and the bytes of all images.

    Raises:
        SourceError: a file has other columns or features than the first.
    """
    first: Features | None = None
    rows = size = 0
    for part in parts:
        with open_part(part) as file:
            features = choose_features(
                file.features, file.columns, part.url, image=image, label=label, caption=caption
            )
            rows += file.rows
            size += part.info.size
        first = first or features
        if features != first:
            raise SourceError(f"{part.url} has other columns or features than {parts[0].url}")
    if first is None:
        raise SourceError("there are no files")
    return first, rows, size


def _label_classes(checked: RowCheck, features: Features, listed: ClassList | None) -> ClassNaming:
    naming = checked.labels.label_classes(listed)
    for name, label in naming.labels.items():
        if label is not None and listed is None and 0 < len(features.names) <= label:
            raise SourceError(
                f"{checked.labels.first[name]}: there is no class {label} among the {len(features.names):,} "
                f"that the features name for {features.label!r}"
            )
    return naming


def _first_unlabelled(checked: RowCheck, naming: ClassNaming) -> str | None:
    """Return the place of the first row without a label."""
    without = [where for name, where in checked.labels.first.items() if naming.labels[name] is None]
    return next(iter(without), checked.unlabelled)
