"""The photographs of Open Images: their ids, and what the image CSV says of each.

Columns as at https://storage.googleapis.com/openimages/web/download.html and in the README of V1; all
but ImageID are missing from some version.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.csv_files import CsvFile
from wds_imagenet.inputs.spilled.rows import SpilledRow
from wds_imagenet.sources.open_images import rotation

IMAGE: Final = 1
"""The kind of these rows: `first` is 1 for an image that is wanted, `text` has its fields as JSON."""
SPLITS: Final = ("train", "validation", "test", "challenge2018")
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
"""The field of the JSON that each column becomes."""
INTEGERS: Final = frozenset({"original_size", "rotation", rotation.FIELD})
_ID: Final = re.compile(r"[0-9a-f]{16}")
_UNKNOWN: Final = frozenset({"", "nan", "NaN"})
_TURNS: Final = (0.0, 90.0, 180.0, 270.0)
_HALF: Final = 1 << 63


def number_of(text: str) -> int:
    """Return an image's number, of 64 bits with sign and in the order of the ids.

    Raises `ValueError` for what is no id: 16 hexadecimal digits, lower case, zeros in front included.
    """
    if not _ID.fullmatch(text):
        raise ValueError(
            f"{text!r:.40} is no ImageID, which has 16 digits 0-9 a-f; a spreadsheet or a data frame may "
            "have taken it for a number"
        )
    return int(text, 16) - _HALF


def id_of(number: int) -> str:
    """Return the id of an image, a text whatever its digits are."""
    return f"{number + _HALF:016x}"


def is_id(text: str) -> bool:
    """Whether a file of this stem is an image of Open Images."""
    return _ID.fullmatch(text) is not None


def split_of(path: str) -> str | None:
    """Return the split that the path of a file names: `train/images.csv`, `oidv6-train-….csv`."""
    words = re.split(r"[^a-z0-9]+", path.lower())
    found = [split for split in SPLITS if split in words or (split == "validation" and "val" in words)]
    return found[-1] if found else None


def fields_of(sheet: CsvFile) -> list[str]:
    """Return the fields of the JSON that a CSV gives."""
    return [
        "subset",
        *(field for column, field in FIELDS.items() if column in sheet.columns and field != "subset"),
    ]


def read_images(sheet: CsvFile, number: int, split: str | None) -> Iterator[SpilledRow]:
    """Yield the images that a CSV lists; those of another split are yielded as not wanted.

    Where there is no column Subset, as in V1, the file's path names the split. Raises `SourceError` that
    names the line.
    """
    (place,) = sheet.positions(["ImageID"])
    columns = [(i, FIELDS[name]) for i, name in enumerate(sheet.columns) if name in FIELDS]
    usual = split_of(sheet.path) or ""
    for line, cells in sheet.rows:
        fields: dict[str, Any] = {"subset": usual}
        try:
            image = number_of(cells[place])
            for i, name in columns:
                fields[name] = _number(name, cells[i]) if name in INTEGERS else cells[i]
        except ValueError as error:
            raise SourceError(f"{sheet.where}, line {line:,}: {error}") from error
        wanted = split is None or fields["subset"] in {split, ""}
        yield SpilledRow(image, IMAGE, number, line, int(wanted), 0.0, json.dumps(fields, ensure_ascii=False))


def _number(name: str, cell: str) -> int:
    """Return a size, or the degrees that an image should be turned counter-clockwise; 0 if unknown."""
    if cell.strip() in _UNKNOWN:
        return 0
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if name == "rotation" and value not in _TURNS:
        raise ValueError(f"Rotation is {cell!r:.20}, and not 0, 90, 180 or 270 degrees")
    if not value.is_integer() or not 0 <= value < _HALF:
        raise ValueError(f"{cell!r:.20} is no size in bytes")
    return int(value)
