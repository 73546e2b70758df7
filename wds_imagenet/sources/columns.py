"""Columns: which one has the images, the labels, the captions, and what the text of the others means."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.classes import ClassList
from wds_imagenet.labels.naming import Naming, name_classes

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


def typed(cells: Sequence[str]) -> Sequence[str] | list[int] | list[float]:
    """Return text as numbers where all of it is: as integers, else as floats, else as it is.

    Only what would be written the same way counts: `007`, `1e5`, `+1`, `nan` and an empty cell make
    the column text, so identifiers stay whole. Integers are those of 64 bits.
    """
    if all(_INTEGER.fullmatch(cell) and -(1 << 63) <= int(cell) < 1 << 63 for cell in cells):
        return [int(cell) for cell in cells]
    if all(_NUMBER.fullmatch(c) or (len(c) < 16 and _INTEGER.fullmatch(c)) for c in cells):
        numbers = [float(cell) for cell in cells]
        return numbers if all(map(math.isfinite, numbers)) else cells
    return cells


def labels(
    values: Sequence[object], listed: ClassList | None, where: Callable[[int], str]
) -> tuple[list[int | None], Naming]:
    """Return the label that each value calls, and what the labels stand for.

    Numbers and names are understood as in `labels.naming`; empty values have none. `where(i)` says
    where the i-th value stands, for `SourceError`.
    """
    first: dict[str, int] = {}
    names: list[str | None] = []
    for i, value in enumerate(values):
        try:
            name = class_name(value)
        except ValueError as error:
            raise SourceError(f"{where(i)}: {error}") from error
        names.append(name)
        if name is not None:
            first.setdefault(name, i)
    naming = name_classes(first, listed, lambda name: where(first[name]))
    return [None if name is None else naming.labels[name] for name in names], naming


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
