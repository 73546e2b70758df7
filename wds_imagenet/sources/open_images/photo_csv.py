"""The image CSV of Open Images: one row a photo, with licence, author and rotation.

Columns as in https://storage.googleapis.com/openimages/web/download.html and in the README of V1. Every
column but ImageID is missing in some version.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.csv_files import CsvFile
from wds_imagenet.inputs.spilled.rows import SpilledRow
from wds_imagenet.sources.open_images.photo_ids import number_of, split_of
from wds_imagenet.sources.open_images.rotation import ROTATION_APPLIED

PHOTO: Final = 1
"""The kind of these rows: `integer` is 1 if the photo is in the split, `text` holds its fields as JSON."""
FIELDS: Final[Mapping[str, str]] = {
    "Subset": "subset",
    "OriginalURL": "original_url",
    "OriginalLandingURL": "original_landing_url",
    "License": "license",
    "AuthorProfileURL": "author_profile_url",
    "Author": "author",
    "Title": "title",
    "OriginalSize": "original_size",
    "OriginalMD5": "original_md5",
    "Thumbnail300KURL": "thumbnail_300k_url",
    "Rotation": "rotation",
}
"""The JSON field of each column."""
INTEGERS: Final = frozenset({"original_size", "rotation", ROTATION_APPLIED})
_UNKNOWN: Final = frozenset({"", "nan", "NaN"})
_ROTATIONS: Final = (0.0, 90.0, 180.0, 270.0)
_MAX_SIZE: Final = 1 << 63


def fields_of(csv: CsvFile) -> list[str]:
    """Return the JSON fields that a CSV gives its photos."""
    return [
        "subset",
        *(field for column, field in FIELDS.items() if column in csv.columns and field != "subset"),
    ]


def read_photo_rows(csv: CsvFile, number: int, split: str | None) -> Iterator[SpilledRow]:
    """Yield one row for each photo in a CSV, including those of other splits.

    Without the column Subset, as in V1, the path of the file gives the split.

    Args:
        csv: the file.
        number: the number of the file, stored in the rows.
        split: the split to take; None takes all.

    Raises:
        SourceError: a row is malformed; the message names its line.
    """
    (id_column,) = csv.positions(["ImageID"])
    columns = [(i, FIELDS[name]) for i, name in enumerate(csv.columns) if name in FIELDS]
    usual = split_of(csv.path) or ""
    for line, cells in csv.rows:
        fields: dict[str, Any] = {"subset": usual}
        try:
            photo = number_of(cells[id_column])
            for i, name in columns:
                fields[name] = _integer(name, cells[i]) if name in INTEGERS else cells[i]
        except ValueError as error:
            raise SourceError(f"{csv.where}, line {line:,}: {error}") from error
        wanted = split is None or fields["subset"] in {split, ""}
        yield SpilledRow(photo, PHOTO, number, line, int(wanted), 0.0, json.dumps(fields, ensure_ascii=False))


def _integer(name: str, cell: str) -> int:
    """Return a size in bytes, or a rotation in degrees counter-clockwise; 0 if unknown."""
    if cell.strip() in _UNKNOWN:
        return 0
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if name == "rotation" and value not in _ROTATIONS:
        raise ValueError(f"Rotation is {cell!r:.20}, but must be 0, 90, 180 or 270 degrees")
    if not value.is_integer() or not 0 <= value < _MAX_SIZE:
        raise ValueError(f"OriginalSize is {cell!r:.20}, but must be a size in bytes")
    return int(value)
