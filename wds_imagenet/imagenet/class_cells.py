"""Text of classes, one a line, cut into cells. Pure."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = r"([0-9]{1,7})"
_QUOTED: Final = r"""(?:'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)")"""
_TUPLE: Final = re.compile(rf"\(\s*{_NUMBER}\s*,\s*{_QUOTED}\s*\)")
_PAIR: Final = re.compile(rf"{_NUMBER}\s*:\s*{_QUOTED}")
_ESCAPE: Final = re.compile(r"\\(['\"\\])")
_LEAD: Final = re.compile(r"(?:[0-9]{1,7}|n[0-9]{8})\s*([,;])")
_LEADING_NUMBER: Final = re.compile(r"([0-9]{1,7})(?:\s*:\s*|\s+|$)(.*)")
_LEADING_WNID: Final = re.compile(r"(n[0-9]{8})(?:\s*:\s*|\s+|$)(.*)")
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_MAX_NUMBER: Final = 1000
_MAX_CELL: Final = 4096


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one class."""

    where: str
    """Its line or entry, for errors."""
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of all classes."""

    rows: Sequence[Cells]
    header: Sequence[str] | None = None
    """The names of the columns, if the form has them."""
    lists: bool = False
    """True if rows may have any number of names."""
    loose: bool = False
    """True for lines of Python's dicts or tuples."""
    blank: int | None = None
    """The first empty line."""


def split_lines(text: str) -> Grid:
    """Return the cells of each line of a text, for the separator that all lines have.

    A number at the beginning of each line is a cell of its own before a tab, comma, semicolon or colon.
    Before a space it is one only if no number repeats, or exceeds 1,000 or the number of lines.

    Raises:
        ValueError: lines differ in their separators; the message gives the line.
    """
    lines = [(number, line.rstrip()) for number, line in enumerate(_LINE_END.split(text), 1)]
    blank = next((number for number, line in lines if not line), None)
    lines = [(number, line) for number, line in lines if line]
    cut = _loose_cells if _is_loose(lines) else _delimited(lines) or _by_spaces(lines)
    rows = [Cells(f"line {number:,}", cells) for number, line in lines for cells in cut(number, line)]
    lists = cut is not _loose_cells and "\t" not in text
    return Grid(rows, lists=lists, loose=cut is _loose_cells, blank=blank)


_WNID_FIRST: Final = re.compile(r"n[0-9]{8}\s")

_Cut = Callable[[int, str], Iterator[list[str]]]


def _is_loose(lines: Sequence[tuple[int, str]]) -> bool:
    starts = (line.strip("[]{}, \t") for _, line in lines)
    first = next((start for start in starts if start), "")
    return (_TUPLE.match(first) or _PAIR.match(first)) is not None


def _loose_cells(number: int, line: str) -> Iterator[list[str]]:
    rest = " ".join(line.split()).strip("[]{}, ")
    while rest:
        match = _TUPLE.match(rest) or _PAIR.match(rest)
        if match is None:
            raise ValueError(f"line {number:,} is not a number and a name: {line[:60]!r}")
        name = _ESCAPE.sub(r"\1", match[2] if match[2] is not None else match[3])
        rest = rest[match.end() :].lstrip(", ")
        if rest and not (_TUPLE.match(rest) or _PAIR.match(rest)):
            name, rest = rest.rstrip(" ,").strip("'\""), ""  # the name in the other language
        yield [match[1], name.strip()]


def _delimited(lines: Sequence[tuple[int, str]]) -> _Cut | None:
    """Return the function that cuts a line at a tab, comma or semicolon; None for other separators."""
    tabs = ["\t" in line for _, line in lines]
    if any(tabs) and (all(tabs) or not all(_WNID_FIRST.match(line) for _, line in lines)):
        return lambda number, line: _split(number, line, "\t")
    marks = [_LEAD.match(line) for _, line in lines]
    delimiter = next((match[1] for match in marks if match), None)
    if delimiter is None:
        delimiter = next((mark for mark in ",;" if _has_numbers(lines, mark)), None)
    elif not all(marks[1:]):
        number, line = lines[1 + marks[1:].index(None)]
        raise ValueError(f"line {number:,} has no number or WNID before a {delimiter!r}: {line[:60]!r}")
    if delimiter is None:
        return None
    return lambda number, line: _split(number, line, delimiter)


def _has_numbers(lines: Sequence[tuple[int, str]], delimiter: str) -> bool:
    """Return True if lines have equally many cells, and a column of numbers or WNIDs, first or not."""
    if not all(delimiter in line for _, line in lines):
        return False
    try:
        rows = [cells for number, line in lines for cells in _split(number, line, delimiter)]
    except ValueError:
        return False
    body = rows[1:] if len(rows) > 1 else rows
    width = len(rows[0])
    return all(len(row) == width for row in rows) and any(
        all(re.fullmatch(pattern, row[column].strip()) for row in body)
        for column in range(width)
        for pattern in ("[0-9]{1,7}", "n[0-9]{8}")
    )


def _split(number: int, line: str, delimiter: str) -> Iterator[list[str]]:
    if len(line) > _MAX_CELL * 16:
        raise ValueError(f"line {number:,} is longer than {_MAX_CELL * 16:,} characters")
    quoted = '"' in line and (line.startswith('"') or f'{delimiter}"' in line or f'{delimiter} "' in line)
    if not quoted:
        yield [cell.strip() for cell in line.split(delimiter)]
        return
    try:
        yield [
            cell.strip()
            for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
        ]
    except csv.Error as error:
        raise ValueError(f"line {number:,} is not valid CSV: {error}") from error


def _by_spaces(lines: Sequence[tuple[int, str]]) -> _Cut:
    """Return the function that cuts off the number and WNID with which all lines begin."""
    leads: list[re.Pattern[str]] = []
    texts = [line for _, line in lines]
    for _ in range(2):
        for pattern in (_LEADING_NUMBER, _LEADING_WNID):
            matches = [pattern.match(text) for text in texts]
            if pattern in leads or not any(matches):
                continue
            if not all(matches):
                if pattern is _LEADING_NUMBER:
                    continue
                number, line = lines[matches.index(None)]
                raise ValueError(f"line {number:,} has no WNID, but others have: {line[:60]!r}")
            if pattern is _LEADING_NUMBER and not _are_labels([match[1] for match in matches if match]):
                continue
            leads.append(pattern)
            texts = [match[2] for match in matches if match]
            break

    def cut(_: int, line: str) -> Iterator[list[str]]:
        cells = []
        for pattern in leads:
            match = pattern.match(line)
            if match is not None:
                cells.append(match[1])
                line = match[2]
        yield [*cells, line] if line or not cells else cells

    return cut


def _are_labels(numbers: Sequence[str]) -> bool:
    found = {int(number) for number in numbers}
    return len(found) == len(numbers) and max(found) <= max(_MAX_NUMBER, len(numbers))
