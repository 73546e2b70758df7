"""`huggingface`: Parquet files with a column of images, as ImageNet-1k is published there."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import ClassList, read_classes
from wds_imagenet.imagenet.class_naming import ClassNaming, label_classes
from wds_imagenet.inputs.image_files import ignored_notes
from wds_imagenet.inputs.parquet import ParquetRow, json_value
from wds_imagenet.inputs.reference import Kind, Reference
from wds_imagenet.inputs.split_files import SplitFile, check_numbering, choose_split, find_split_files
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.sources import columns
from wds_imagenet.sources.huggingface.features import Features, understand
from wds_imagenet.sources.huggingface.row_check import Keys, Survey, key_of, open_part, survey
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

_MADE: Final[Mapping[Keys, str]] = {
    "stem": "the stems of paths",
    "path": "whole paths",
    "row": "split and row",
}


def huggingface(
    url: str,
    *,
    split: Annotated[str | None, "train, validation or test; needed where there are files of several"] = None,
    image: Annotated[str | None, "column with the images; else as the features tell"] = None,
    label: Annotated[str | None, "column with the labels; else as the features tell"] = None,
    caption: Annotated[str | None, "column with the captions; else caption, text or title"] = None,
    keys: Annotated[str | None, "what keys are made of: path or row; else paths if they are unique"] = None,
    classes: Classes = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Stream:
    """Stream the images in Parquet files: one, a folder of them, or a pattern as `data/train-*.parquet`.

    Which columns have images and labels, and the classes' names, is read from the features that Hugging
    Face writes into the schema. The label -1 is none. Other columns become metadata, but for those that
    hold bytes. Keys are the stems of the images' paths, without the WNID that ImageNet's have at the end,
    where all are there and unique; else the whole paths; else split and row.

    Images arrive in the order of files and rows. In memory are 8 MiB of them, and a few times the page
    that they lie in, which PyArrow makes of up to 1,024 rows, Hugging Face of 100. Costs, before the first
    one, a look at the paths and the columns of numbers (see `sources.survey`). Raises `SourceError` that
    names file and row, `MissingExtraError` without PyArrow.
    """
    if keys not in {None, "path", "row"}:
        raise UsageError(f"option 'keys' is path or row, not {keys!r}")
    parts, told = choose_split(find_split_files(url, storage_options, (".parquet",)), split, url)
    check_numbering(parts, url)
    features, samples, size = _open_all(parts, image, label, caption)
    if not samples:
        raise SourceError(f"there are no rows in {url}")
    found = survey(parts, features, paths=keys != "row")
    if keys == "path" and found.keys == "row":
        raise SourceError(
            f"{url}: the paths in {features.image!r} give no unique keys: give option keys='row'"
        )
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    naming = _name(found, features, listed)
    labelled = any(number is not None for number in naming.labels.values())
    if labelled:
        _check_labelled(found, naming)
    named = tuple({"name": name} for name in features.names)
    fields: dict[str, Kind] = {
        name: "text" if name in found.gaps else kind for name, kind in features.metadata.items()
    }
    used = (features.image, features.label, features.caption)
    told_of = zip(("images", "labels", "captions"), used, strict=True)
    return Stream(
        identity={
            "files": [[part.info.path, part.info.size] for part in parts],
            "columns": used,
            "keys": found.keys,
            "labels_sha256": hashlib.sha256(strict_json.dumps(sorted(naming.labels.items()))).hexdigest(),
        },
        images=_Rows(parts, features, fields, naming.labels, found.keys, told or "image").images,
        labelled=labelled,
        fields=fields,
        captioned=features.caption is not None,
        classes=(naming.classes or named) if labelled else (),
        notes=(
            "columns: "
            + ", ".join(f"{what} from {name!r}" if name else f"no {what}" for what, name in told_of),
            f"keys are made of {_MADE[found.keys]}",
            *ignored_notes(features.left, "columns that hold bytes"),
            *naming.notes,
        ),
        split=told,
        samples=samples,
        size=size,
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of all files, and what becomes of them."""

    parts: Sequence[SplitFile]
    features: Features
    fields: Mapping[str, Kind]
    labels: Mapping[str, int | None]
    keys: Keys
    split: str

    def images(self) -> Iterator[StreamedImage]:
        """Yield every row, in order. Raises `SourceError` for one without image."""
        features = self.features
        wanted = [features.image, features.label, features.caption, *features.metadata]
        before = 0
        for part in self.parts:
            with open_part(part) as file:
                for row in file.read([name for name in wanted if name is not None]):
                    image = _image(row.values[features.image], f"{part.url}, row {row.number:,}")
                    yield StreamedImage(self._refer(row, part.url, before + row.number - 1, image), image[0])
                before += file.rows

    def _refer(self, row: ParquetRow, url: str, number: int, image: tuple[bytes, str | None]) -> Reference:
        features, values = self.features, row.values
        data, path = image
        where = f"{url}, row {row.number:,}"
        numbered = f"{self.split}_{number:08d}"
        text = columns.class_name(values[features.label]) if features.label else None
        return Reference(
            key=numbered if self.keys == "row" or path is None else key_of(path, self.keys),
            url=url,
            offset=row.offset,
            size=len(data),
            name=path.rpartition("/")[2] if path else numbered,
            label=None if text is None else self.labels[text],
            caption=columns.caption(values[features.caption], where) if features.caption else None,
            metadata={
                n: _fit(json_value(values[n], f"{where}: column {n!r}"), k) for n, k in self.fields.items()
            },
        )


def _image(value: object, where: str) -> tuple[bytes, str | None]:
    data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
    if not isinstance(data, bytes):
        lies = f", only the path {path!r}, which is not followed" if path else ""
        raise SourceError(f"{where} has no bytes of an image{lies}")
    return data, path


def _fit(value: object, kind: Kind) -> object:
    """Return a number of a column with gaps as the text that it was announced as."""
    return value if value is None or isinstance(value, str) or kind != "text" else json.dumps(value)


def _open_all(
    parts: Sequence[SplitFile], image: str | None, label: str | None, caption: str | None
) -> tuple[Features, int, int]:
    """Return what the columns are used for, the same in all files; rows; and bytes of images."""
    first: Features | None = None
    rows = size = 0
    for part in parts:
        with open_part(part) as file:
            features = understand(
                file.features, file.columns, part.url, image=image, label=label, caption=caption
            )
            rows += file.rows
            size += file.size(features.image)
        first = first or features
        if features != first:
            raise SourceError(f"{part.url} has other columns or features than {parts[0].url}")
    if first is None:
        raise SourceError("there are no files")
    return first, rows, size


def _name(found: Survey, features: Features, listed: ClassList | None) -> ClassNaming:
    naming = label_classes(found.labels, listed, found.labels.__getitem__)
    for name, number in naming.labels.items():
        if number is not None and listed is None and 0 < len(features.names) <= number:
            raise SourceError(
                f"{found.labels[name]}: there is no class {number} among the {len(features.names):,} that "
                f"the features name for {features.label!r}"
            )
    return naming


def _check_labelled(found: Survey, naming: ClassNaming) -> None:
    without = [where for name, where in found.labels.items() if naming.labels[name] is None]
    first = next(iter(without), found.unlabelled)
    if first is not None:
        raise SourceError(f"{first} has no label, but other rows have: label all or none")
