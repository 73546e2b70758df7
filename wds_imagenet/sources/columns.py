"""Columns: which one has the images, the labels, the captions, and what the text of the others means."""

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
# An exponent without point has a sign, as every program writes it: 12e45678 is an identifier.
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-][0-9]+)")


def choose(names: Iterable[str], asked: str | None, usual: Sequence[str], where: str) -> str | None:
    """Return the column asked for (`""`: none), else the first of the usual ones that is there, else None.

    Case is ignored in usual names. Raises `SourceError` that names the columns, if the one asked for
    is missing.
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
class Cells:
    """What the text of a column means: numbers where all of it is, integers if it can be, else text.

    Only what would be written the same way counts: `007`, `1e5`, `+1`, `nan` and an empty cell make
    the column text, so identifiers stay whole. Integers are those of 64 bits.
    """

    integers: bool = True
    numbers: bool = True

    def look(self, cell: str) -> None:
        """Take a cell into account."""
        whole = (self.integers or self.numbers) and _INTEGER.fullmatch(cell) is not None
        if self.integers:
            self.integers = whole and -(1 << 63) <= int(cell) < 1 << 63
        if self.numbers:
            number = (whole and len(cell) < 16) or _NUMBER.fullmatch(cell) is not None
            self.numbers = number and math.isfinite(float(cell))

    def read(self, cell: str) -> str | int | float:
        """Return what a cell means, once all have been looked at."""
        return int(cell) if self.integers else float(cell) if self.numbers else cell


@dataclass(slots=True)
class Called:
    """The classes that values call, by name or number."""

    first: dict[str, str] = field(default_factory=dict)
    """Where each is met first."""

    def look(self, value: object, where: Callable[[], str]) -> None:
        """Take a value into account. Raises `SourceError` for one that is no label."""
        if type(value) is str and value in self.first:
            return
        try:
            name = class_name(value)
        except ValueError as error:
            raise SourceError(f"{where()}: {error}") from error
        if name is not None and name not in self.first:
            self.first[name] = where()

    def naming(self, listed: ClassList | None) -> ClassNaming:
        """Return what they stand for, understood as in `labels.naming`. Raises `SourceError`."""
        return label_classes(self.first, listed, self.first.__getitem__)


def label(value: object, naming: ClassNaming) -> int | None:
    """Return the label of a value that has been looked at; None for an empty one."""
    name = value if type(value) is str and value in naming.labels else class_name(value)
    return None if name is None else naming.labels[name]


def caption(value: object, where: str) -> str | None:
    """Return a caption, None for an empty one; raise `SourceError` for what is no text."""
    if value is not None and not isinstance(value, str):
        raise SourceError(f"{where}: the caption {value!r:.60} is no text")
    return value or None


def class_name(value: object) -> str | None:
    """Return the name or number by which a cell calls its class, as text; None for an empty one.

    `3.0` is 3, for that is what programs write who hold labels as floats. Raises `ValueError` for
    what is neither text nor a whole number.
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
            raise ValueError(f"{value} is no label")
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            raise ValueError(f"{value!r:.60} is no label: neither text nor a whole number")
