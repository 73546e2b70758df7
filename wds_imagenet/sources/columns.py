"""Columns of a table: their usual names, and the types, labels and captions in their cells."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.imagenet.class_naming import ClassNaming, label_classes

IMAGE: Final = (
    "image", "path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "url",
)  # fmt: skip
LABEL: Final = ("label", "class", "cls", "target", "label_name", "class_name")
CAPTION: Final = ("caption", "text", "title")
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


@dataclass(slots=True)
class CellType:
    """The type of a column of text: integers or floats if every cell is written as one, else text.

    A cell counts as a number only if it would be written back the same way. So `007`, `1e5`, `+1`, `nan`
    and an empty cell make the column text, and identifiers stay whole. Integers have 64 bits.
    """

    integers: bool = True
    numbers: bool = True

    def add(self, cell: str) -> None:
        """Take a cell into account."""
        whole = (self.integers or self.numbers) and _INTEGER.fullmatch(cell) is not None
        if self.integers:
            self.integers = whole and -(1 << 63) <= int(cell) < 1 << 63
        if self.numbers:
            number = (whole and len(cell) < 16) or _NUMBER.fullmatch(cell) is not None
            self.numbers = number and math.isfinite(float(cell))

    def parse(self, cell: str) -> str | int | float:
        """Return the value of a cell, once all cells have been added."""
        return int(cell) if self.integers else float(cell) if self.numbers else cell


@dataclass(slots=True)
class LabelValues:
    """The distinct class names and numbers in a column of labels."""

    first: dict[str, str] = field(default_factory=dict)
    """The location of the first occurrence, by class name."""

    def add(self, value: object, where: Callable[[], str]) -> None:
        """Take a cell into account; raise `SourceError` if it can be no label."""
        if type(value) is str and value in self.first:
            return
        try:
            name = class_name(value)
        except ValueError as error:
            raise SourceError(f"{where()}: {error}") from error
        if name is not None and name not in self.first:
            self.first[name] = where()

    def label_classes(self, listed: ClassList | None) -> ClassNaming:
        """Return the label of each value, as `name_classes` gives it; raise `SourceError` as it does."""
        return label_classes(self.first, listed, self.first.__getitem__)


def label_of(value: object, naming: ClassNaming) -> int | None:
    """Return the label of a cell that was added to `LabelValues`, None for an empty cell."""
    name = value if type(value) is str and value in naming.labels else class_name(value)
    return None if name is None else naming.labels[name]


def caption_of(value: object, where: str) -> str | None:
    """Return the caption in a cell, None for an empty cell; raise `SourceError` if it is not text."""
    if value is not None and not isinstance(value, str):
        raise SourceError(f"{where}: the caption {value!r:.60} is not text")
    return value or None


def class_name(value: object) -> str | None:
    """Return the class name or number in a cell, as text; None for an empty cell.

    `3.0` becomes `3`: programs that hold labels as floats write them so.

    Raises:
        ValueError: the value is neither text nor a whole number.
    """
    match value:
        case None:
            return None
        case str(text):
            text = text.strip()
            if not re.fullmatch(r"-?[0-9]*\.[0-9]+", text):
                return text or None
            return class_name(float(text))
        case bool():
            raise ValueError(f"{value} is not a label: give text or a whole number")
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            raise ValueError(f"{value!r:.60} is not a label: neither text nor a whole number")
