"""Columns of a table: their usual names, and the types and captions in their cells."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError, UsageError

IMAGE: Final = (
    "image", "path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "url",
)  # fmt: skip
LABEL: Final = ("label", "class", "cls", "target", "label_name", "class_name", "labels")
CAPTION: Final = ("caption", "text", "title")
_LABEL_WORDS: Final = frozenset(
    [
        "label",
        "labels",
        "labelid",
        "class",
        "classes",
        "classid",
        "category",
        "categories",
        "categoryid",
        "cls",
        "target",
        "targets",
        "y",
        "synset",
        "wnid",
        "species",
        "breed",
    ]
)
_OTHER_WORDS: Final = frozenset(
    [
        "confidence",
        "score",
        "scores",
        "prob",
        "probability",
        "probabilities",
        "count",
        "weight",
        "source",
        "supercategory",
        "x",
        "box",
        "bbox",
    ]
)
_WORD: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BITS: Final = frozenset({"0", "1", "0.0", "1.0", "False", "True", "false", "true"})
_NULLS: Final = frozenset(["", "NA", "N/A", "#N/A", "<NA>", "nan", "NaN", "NAN", "null", "NULL", "None"])
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
# Programs write an exponent without a decimal point with a sign: 12e45678 is an identifier.
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-][0-9]+)")


def choose_column(names: Iterable[str], asked: str | None, usual: Sequence[str], where: str) -> str | None:
    """Return the column asked for, else the first usual one that exists, else None.

    Args:
        names: all columns.
        asked: the user's choice; `""` chooses none, None leaves the choice to `usual`.
        usual: the usual names, best first; case is ignored.
        where: the table, for errors.

    Raises:
        SourceError: the column asked for does not exist.
    """
    names = list(names)
    if asked == "":
        return None
    if asked is not None:
        if asked not in names:
            raise SourceError(f"{where} has no column {asked!r}; its columns are {', '.join(names)}")
        return asked
    folded = {name.casefold(): name for name in reversed(names)}
    return next((folded[name] for name in usual if name in folded), None)


def choose_label(names: Iterable[str], asked: str | None, where: str, option: str) -> str | None:
    """Return the column of labels that `choose_column` chooses.

    Args:
        names: all columns that may have labels.
        asked: the user's choice.
        where: the table, for errors.
        option: the option with which the user chooses, for errors.

    Raises:
        SourceError: the column asked for does not exist; or none has a usual name, but some look like labels.
    """
    names = list(names)
    found = choose_column(names, asked, LABEL, where)
    if found is not None or asked is not None:
        return found
    alike = [name for name in names if _is_like_label(name)]
    if alike:
        raise SourceError(
            f"{where}: it is uncertain whether {' or '.join(map(repr, alike)):.200} has the labels: choose a "
            f"column as option '{option}', or option {option}='' for none"
        )
    return None


def _is_like_label(name: str) -> bool:
    words = set(_WORD.findall(_CAMEL.sub("_", name).casefold()))
    return bool(words & _LABEL_WORDS) and not words & _OTHER_WORDS


def parse_null(text: str | None) -> int | float | None:
    """Return the number of option `null_as`; raise `UsageError` if it is none."""
    if text is None:
        return None
    found = CellType()
    found.add(text)
    value = found.parse(text)
    if isinstance(value, str):
        raise UsageError(f"option 'null_as' is a number, such as 0 or -1, not {text!r:.40}")
    return value


@dataclass(slots=True)
class CellType:
    """The type of a column of text: integers or floats if every cell is written as one, else text.

    A cell counts as a number only if it would be written back the same way. So `007`, `1e5`, `+1`, `nan`
    and an empty cell make the column text, and identifiers stay whole. Integers have 64 bits.

    With `null`, cells that are empty, `NA`, `nan`, `null` or `None` leave the type to the others, and become
    that number.
    """

    null: int | float | None = None
    integers: bool = True
    numbers: bool = True
    nulls: int = 0
    cells: int = 0
    bits: bool = True
    """True if every cell says yes or no, as 1 or 0."""

    def add(self, cell: str) -> None:
        """Take a cell into account."""
        self.cells += 1
        self.bits = self.bits and cell in _BITS
        if cell in _NULLS:
            self.nulls += 1
            return
        whole = (self.integers or self.numbers) and _INTEGER.fullmatch(cell) is not None
        if self.integers:
            self.integers = whole and -(1 << 63) <= int(cell) < 1 << 63
        if self.numbers:
            number = (whole and len(cell) < 16) or _NUMBER.fullmatch(cell) is not None
            self.numbers = number and math.isfinite(float(cell))

    @property
    def gaps(self) -> int:
        """The number of nulls among numbers, 0 in a column of text."""
        numeric = self.integers or self.numbers
        return self.nulls if numeric and self.nulls < self.cells else 0

    def parse(self, cell: str) -> str | int | float:
        """Return the value of a cell, once all cells have been added."""
        if self.nulls and (self.null is None or not self.gaps):
            return cell
        if self.integers and not (self.nulls and isinstance(self.null, float)):
            return int(self.null or 0) if cell in _NULLS else int(cell)
        if self.numbers:
            return float(self.null or 0) if cell in _NULLS else float(cell)
        return cell


@dataclass(slots=True)
class ValueType:
    """The type of a column of typed values, in which numbers may lack."""

    null: int | float | None = None
    """The number that becomes of null among numbers; None keeps null."""
    numeric: bool = True
    values: int = 0
    bits: bool = True
    """True if every value is 0 or 1, or False or True."""

    def add(self, value: object) -> None:
        """Take a value into account."""
        self.bits = self.bits and isinstance(value, int | float) and value in {0, 1}
        if value is not None:
            self.values += 1
            self.numeric = self.numeric and type(value) in {int, float}

    def parse(self, value: object) -> object:
        """Return the value of a cell, once all cells have been added."""
        return self.null if value is None and self.numeric and self.values else value


def caption_of(value: object, where: str) -> str | None:
    """Return the caption in a cell, None for an empty cell; raise `SourceError` if it is not text."""
    if value is not None and not isinstance(value, str):
        raise SourceError(f"{where}: the caption {value!r:.60} is not text")
    return value or None
