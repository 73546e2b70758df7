"""A look at all rows of Parquet files before the first image: labels, gaps, and whether keys are unique."""

import hashlib
import math
import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.inputs.keys import repeated_positions
from wds_imagenet.inputs.parquet import ParquetFile, ParquetRow, open_parquet
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.sample import make_key
from wds_imagenet.sources import columns
from wds_imagenet.sources.huggingface.features import Features

Keys = Literal["stem", "path", "row"]
"""What keys are made of: the stems of paths, whole paths, or the rows' numbers."""
_MAX_LABELS: Final = 1 << 20
_ILSVRC: Final = re.compile(r"(n[0-9]{8}_.+?|ILSVRC2012_(?:val|test)_[0-9]{7,8})_n[0-9]{8}(\.[A-Za-z]+)?")


@dataclass(slots=True)
class Survey:
    """What all rows tell together."""

    labels: dict[str, str] = field(default_factory=dict)
    """Each name or number of a class, and where it is met first."""
    unlabelled: str | None = None
    """Where the first row is that has nothing for a label."""
    gaps: set[str] = field(default_factory=set)
    """The columns of numbers in which some are missing, or none that JSON has."""
    keys: Keys = "row"
    """The shortest that are there and unique."""


def survey(parts: list[SplitFile], features: Features, *, paths: bool) -> Survey:
    """Read all columns but those of images, texts, lists and objects.

    `paths` says whether to read those too, to see if keys can be made of them. Costs two small requests a row
    group on a remote store, 5 µs and 16 bytes of memory a row. Raises `SourceError` for what is no label,
    and for more than a million of them.
    """
    found = Survey()
    wanted = [*_numbers(features), *([features.label] if features.label else [])]
    marks: dict[Keys, array[int] | None] = {"stem": array("q"), "path": array("q")}
    paths = paths and features.path
    for part in parts:
        with open_part(part) as file:
            for row in file.read([*wanted, *([f"{features.image}.path"] if paths else [])]):
                _look(found, features, row, f"{part.url}, row {row.number:,}")
                if paths:
                    _mark(marks, (row.values[features.image] or {}).get("path"))
    if paths:
        unique = [
            made for made, hashes in marks.items() if hashes is not None and not repeated_positions(hashes)
        ]
        found.keys = unique[0] if unique else "row"
    return found


@contextmanager
def open_part(part: SplitFile) -> Iterator[ParquetFile]:
    """Open one of the files; what `open_parquet` and `windows.open_reader` raise."""
    with open_reader(part.store, part.info) as read, open_parquet(read, part.info.size, part.url) as file:
        yield file


def key_of(path: str, made: Keys) -> str:
    """Return the key that an image's path gives. Raises `DataError` where it gives none.

    In ImageNet's names as Hugging Face has them, `n01440764_10026_n01440764.JPEG`, the WNID at the end is
    theirs, and left out.
    """
    if made == "path":
        return make_key(path.lstrip("/"))
    name = path.rpartition("/")[2]
    match = _ILSVRC.fullmatch(name)
    return make_key(f"{match[1]}{match[2] or ''}" if match else name)


def _numbers(features: Features) -> list[str]:
    return [n for n, kind in features.metadata.items() if kind in {"integer", "number", "boolean"}]


def _look(found: Survey, features: Features, row: ParquetRow, where: str) -> None:
    for name in _numbers(features):
        value = row.values[name]
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            found.gaps.add(name)
    if features.label is None:
        return
    try:
        text = columns.class_name(row.values[features.label])
    except ValueError as error:
        raise SourceError(f"{where}: {error}") from error
    if text is None:
        found.unlabelled = found.unlabelled or where
    elif text not in found.labels:
        if len(found.labels) == _MAX_LABELS:
            raise SourceError(f"{where}: more than {_MAX_LABELS:,} labels; those are no classes")
        found.labels[text] = where


def _mark(marks: "dict[Keys, array[int] | None]", path: object) -> None:
    for made, hashes in marks.items():
        if hashes is None:
            continue
        try:
            key = key_of(path if isinstance(path, str) else "", made)
        except DataError:
            marks[made] = None
        else:
            # Not `hash()`, which is another in each process: what keys are made of is part of the plan.
            digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
            hashes.append(int.from_bytes(digest, "little", signed=True))
