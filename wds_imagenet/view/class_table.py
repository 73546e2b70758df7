"""The class table of a data set, and the search for classes in it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from wds_imagenet.view.tags import Classes


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: its label, its number of samples, and its other columns as text."""

    label: int
    samples: int | None
    """None if the data set does not count them, as for images with many labels."""
    cells: tuple[str, ...]
    """One a column."""


@dataclass(frozen=True, slots=True)
class ClassTable:
    """All classes by label, with their names in every language of the data set."""

    columns: tuple[str, ...]
    """Names of the columns, such as name, wnid, name_zh."""
    rows: tuple[ClassRow, ...]

    @property
    def largest(self) -> int:
        """The number of samples of the largest class; 0 if they are not counted."""
        return max((row.samples or 0 for row in self.rows), default=0)

    def search(self, text: str) -> tuple[ClassRow, ...]:
        """Return the classes with this label, or with the text in a cell, in any case."""
        wanted = text.casefold().strip()
        return tuple(
            row
            for row in self.rows
            if str(row.label) == wanted or any(wanted in cell.casefold() for cell in row.cells)
        )


def make_class_table(classes: Classes) -> ClassTable:
    """Return the class table, with a column for each name that any class has."""
    columns = tuple(dict.fromkeys(name for item in classes for name in item if name != "samples"))
    rows = [
        ClassRow(label, item.get("samples"), tuple(_cell(item.get(name)) for name in columns))
        for label, item in enumerate(classes)
    ]
    return ClassTable(columns, tuple(rows))


def _cell(value: object) -> str:
    return ", ".join(_texts(value))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)
