"""Ids and splits of the photos of Open Images. Pure."""

import re
from typing import Final

SPLITS: Final = ("train", "validation", "test", "challenge2018")
_ID: Final = re.compile(r"[0-9a-f]{16}")
_HALF: Final = 1 << 63


def number_of(photo_id: str) -> int:
    """Return the number of a photo: 64 bits with sign, in the order of the ids.

    Raises:
        ValueError: the text is no id, which has 16 hexadecimal digits in lower case, leading zeros included.
    """
    if not _ID.fullmatch(photo_id):
        raise ValueError(
            f"{photo_id!r:.40} is not an ImageID, which has 16 digits 0-9 a-f; a spreadsheet or a data "
            "frame may have taken it for a number"
        )
    return int(photo_id, 16) - _HALF


def id_of(number: int) -> str:
    """Return the id of a photo; the inverse of `number_of`."""
    return f"{number + _HALF:016x}"


def is_id(stem: str) -> bool:
    """Return True if a file of this stem is a photo of Open Images."""
    return _ID.fullmatch(stem) is not None


def split_of(path: str) -> str | None:
    """Return the split in the path of a file, such as `train/images.csv` or `oidv6-train-….csv`."""
    parts = re.split(r"[^a-z0-9]+", path.lower())
    found = [split for split in SPLITS if split in parts or (split == "validation" and "val" in parts)]
    return found[-1] if found else None
