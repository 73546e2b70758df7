"""Kaggle's edition of ILSVRC2012: the labels in its CSVs, and where these lie beside the images."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.devkit import WNID
from wds_imagenet.labels.files import Options, address, find_file, no_file
from wds_imagenet.sources.ilsvrc import parse_stem
from wds_imagenet.sources.rows import read_rows
from wds_imagenet.storage.url import parse_url

MAPPING: Final = "LOC_synset_mapping.txt"
SOLUTION: Final = "LOC_val_solution.csv"
_COLUMNS: Final = ("ImageId", "PredictionString")
_INSIDE: Final = re.compile(r"(.+/)ILSVRC(?:/Data(?:/CLS-LOC(?:/(?:train|val|test))?)?)?/*")
_COORDINATE: Final = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]+)?")
_BOX: Final = 5  # a WNID and four coordinates


@dataclass(frozen=True, slots=True)
class Solution:
    """What a `LOC_train_solution.csv` or `LOC_val_solution.csv` says of classes."""

    url: str
    wnids: Mapping[str, str]
    """By image, such as `ILSVRC2012_val_00000001`."""


def find_beside(url: str, name: str, options: Options) -> str | None:
    """Return the URL of one of Kaggle's files that lies in the folder at a URL, None if it does not.

    Of `…/ILSVRC` and the folders in it, `…` is looked into. Costs one or two requests.
    """
    location = parse_url(url)
    folder = location.root if location.scheme == "file" else url
    match = _INSIDE.fullmatch(folder)
    beside = address(match[1] if match else folder, name)
    return beside if find_file(beside, options) else None


def read_solution(url: str, options: Options) -> Solution:
    """Return the class of every image that one of Kaggle's solutions lists, its rows in any order.

    The format: columns `ImageId`, without suffix, and `PredictionString`, a WNID and four coordinates
    for each box. Raises `SourceError` that names the line: of an image that is there twice or is none
    of ILSVRC2012, of boxes of several classes, or none, or cut off. Costs the table in memory.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file(url)
    rows = read_rows(*found, ",")
    for column in _COLUMNS:
        if column not in rows.columns:
            names = ", ".join(rows.columns)
            raise SourceError(
                f"{rows.url} has no column {column!r}, only {names}; Kaggle's solutions have {_COLUMNS}"
            )
    lines: dict[str, int] = {}
    wnids: dict[str, str] = {}
    for row, (image, text) in enumerate(zip(*(rows.columns[name] for name in _COLUMNS), strict=True)):
        try:
            key, wnid = _parse(image, text)
        except ValueError as error:
            raise SourceError(f"{rows.where(row)}: {error}") from error
        if lines.setdefault(key, rows.lines[row]) != rows.lines[row]:
            raise SourceError(f"{rows.where(row)}: {image} was there before, on line {lines[key]:,}")
        wnids[key] = wnid
    if not wnids:
        raise SourceError(f"{rows.url} lists no images: it has a header line and nothing else")
    return Solution(rows.url, wnids)


def _parse(image: str, text: str) -> tuple[str, str]:
    """Return key and WNID of one row, or raise `ValueError`."""
    try:
        name = parse_stem(image)
    except ValueError as error:
        raise ValueError(f"{image!r:.60} {error}") from error
    if name is None:
        raise ValueError(f"{image!r:.60} is no image of ILSVRC2012")
    words = text.split()
    found = words[::_BOX]
    numbers = (word for place, word in enumerate(words) if place % _BOX)
    if (
        not words
        or len(words) % _BOX
        or not all(map(WNID.fullmatch, found))
        or not all(map(_COORDINATE.fullmatch, numbers))
    ):
        raise ValueError(f"{text!r:.60} is not 'WNID xmin ymin xmax ymax', once for each box")
    wnids = {*found, *name.wnids}
    if len(wnids) > 1:
        raise ValueError(f"{image} is of the class {' and '.join(sorted(wnids))} at once")
    return name.key, found[0]
