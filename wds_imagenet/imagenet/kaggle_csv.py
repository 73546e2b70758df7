"""The CSVs of Kaggle's edition of ILSVRC2012, in the folder around `ILSVRC/`."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.box import Corners, parse_pixel
from wds_imagenet.imagenet.devkit import WNID
from wds_imagenet.imagenet.filenames import parse_stem
from wds_imagenet.inputs.small_files import find_file, join_url, read_file
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.storage.url import parse_url

MAPPING: Final = "LOC_synset_mapping.txt"
SOLUTION: Final = "LOC_val_solution.csv"
_COLUMNS: Final = ("ImageId", "PredictionString")
_INSIDE: Final = re.compile(r"(.+/)ILSVRC(?:/Data(?:/CLS-LOC(?:/(?:train|val|test))?)?)?/*")
_BOX: Final = 5  # a WNID and four coordinates
_MAX_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class KaggleRow:
    """One row of a solution: an image, its class and its boxes."""

    where: str
    """File and line, for errors."""
    image: str
    """The `ImageId`: a name without suffix."""
    wnid: str
    boxes: tuple[Corners, ...]
    """Corners in pixels, as written."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The classes of the images in a `LOC_train_solution.csv` or `LOC_val_solution.csv`."""

    url: str
    wnids: Mapping[str, str]
    """WNIDs by image, such as `ILSVRC2012_val_00000001`."""


def find_kaggle_file(url: str, name: str, options: StorageOptions) -> str | None:
    """Return the URL of one of Kaggle's files, None if it does not exist. Costs one or two requests.

    Args:
        url: the folder of the file; or `ILSVRC` in that folder, or a folder in `ILSVRC`.
        name: the file's name, such as `LOC_val_solution.csv`.
        options: storage options.
    """
    location = parse_url(url)
    folder = location.root if location.scheme == "file" else url
    match = _INSIDE.fullmatch(folder)
    file = join_url(match[1] if match else folder, name)
    return file if find_file(file, options) else None


def read_solution(url: str, options: StorageOptions) -> Solution:
    """Return the class of every image in one of Kaggle's solutions. Costs the table in memory.

    Args:
        url: the CSV, plain or compressed.
        options: storage options.

    Raises:
        SourceError: an image is listed twice, is not one of ILSVRC2012, or has another class by its name;
            and the errors of `parse_solution`. The message gives the line.
    """
    data = read_file(url, options, max_bytes=_MAX_BYTES, unzips=True)
    wnids: dict[str, str] = {}
    for row in parse_solution(_lines(data, url), url):
        try:
            name = parse_stem(row.image)
        except ValueError as error:
            raise SourceError(f"{row.where}: {row.image!r:.60} {error}") from error
        if name is None:
            raise SourceError(f"{row.where}: {row.image!r:.60} is not an image of ILSVRC2012")
        if name.key in wnids:
            raise SourceError(f"{row.where}: {row.image} is listed twice")
        if several := name.wnids - {row.wnid}:
            both = " and ".join(sorted({*several, row.wnid}))
            raise SourceError(f"{row.where}: {row.image} is of the class {both} at once")
        wnids[name.key] = row.wnid
    return Solution(url, wnids)


def parse_solution(lines: Iterable[str], url: str) -> Iterator[KaggleRow]:
    """Yield the rows of a `LOC_train_solution.csv` or `LOC_val_solution.csv`, in the file's order.

    The format has the columns `ImageId`, a name without suffix, and `PredictionString`: for each box a WNID
    and four coordinates, with a space at the end. Other columns are ignored.

    Args:
        lines: the lines of the CSV.
        url: the file, for errors.

    Raises:
        SourceError: a column is missing; a row is cut off, has no box, or boxes of several classes; or the
            file has no rows. The message gives the line.
    """
    reader = csv.reader(lines, strict=True)
    line, empty = 1, True
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not set(_COLUMNS) <= set(header):
            found, expected = ",".join(header), ",".join(_COLUMNS)
            raise SourceError(f"{url}, line 1: its header is {found!r:.80}, not {expected}")
        positions = [header.index(column) for column in _COLUMNS]
        line = reader.line_num + 1
        for cells in reader:
            where = f"{url}, line {line:,}"
            line = reader.line_num + 1
            if not cells:
                continue
            if len(cells) != len(header):
                raise SourceError(f"{where}: it has {len(cells)} cells, not {len(header)}")
            image, text = (cells[position] for position in positions)
            empty = False
            try:
                yield KaggleRow(where, image.strip(), *_parse(image.strip(), text))
            except ValueError as error:
                raise SourceError(f"{where}: {error}") from error
    except csv.Error as error:
        raise SourceError(f"{url}, line {line:,} is not valid CSV: {error}") from error
    if empty:
        raise SourceError(f"{url} lists no images: it has only a header line")


def _parse(image: str, text: str) -> tuple[str, tuple[Corners, ...]]:
    """Return the WNID and the boxes of one row, or raise `ValueError`."""
    words = text.split()
    if not words or len(words) % _BOX:
        raise ValueError(f"{len(words)} values, but each box has five: {text!r:.80}")
    for wnid in words[::_BOX]:
        if not WNID.fullmatch(wnid):
            raise ValueError(f"{wnid!r:.40} is not a WNID")
    if len(wnids := sorted(set(words[::_BOX]))) > 1:
        raise ValueError(f"{image} has boxes of several classes: {', '.join(wnids):.60}")
    boxes = []
    for start in range(1, len(words), _BOX):
        xmin, ymin, xmax, ymax = map(parse_pixel, words[start : start + 4])
        boxes.append((xmin, ymin, xmax, ymax))
    return wnids[0], tuple(boxes)


def _lines(data: bytes, url: str) -> Iterable[str]:
    try:
        return io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{url}, line {line:,} is not UTF-8: {error}") from error
