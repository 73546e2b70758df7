"""Labels in the cells of a table or in fields of JSON: one class each, or several."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.imagenet.class_naming import ClassNaming, label_classes
from wds_imagenet.inputs.label_range import far_labels_note

LABELS: Final = "labels"
"""The field with the labels of an image that has several."""
_FRACTION: Final = re.compile(r"-?[0-9]*\.[0-9]+")
_WHOLE: Final = r"-?[0-9]+(?:\.0+)?"
# Several numbers, or a list that a program wrote as text.
_SEVERAL: Final = re.compile(rf"{_WHOLE}(?:\s*[,;|\s]\s*{_WHOLE})+|\[.*\]|\{{.*\}}", re.DOTALL)
_SEPARATED: Final = re.compile(r"[^;|]*[^;|\s][^;|]*[;|].*[^;|\s].*", re.DOTALL)


@dataclass(slots=True)
class LabelValues:
    """The distinct class names and numbers in a column of labels."""

    separator: str | None = None
    """The text between the labels of a cell; None if a cell has one label, and "" if it certainly has."""
    first: dict[str, str] = field(default_factory=dict)
    """The location of the first occurrence, by class name."""
    several: bool = False
    """True if images have any number of labels: with a separator, or if a cell holds a list."""

    def add(self, value: object, where: Callable[[], str]) -> bool:
        """Take a cell into account, and return True if it has a label.

        Raises `SourceError` if it can be no label.
        """
        if type(value) is str and value in self.first and not self.separator:
            return True
        try:
            names = self._names(value)
        except ValueError as error:
            raise SourceError(f"{where()}: {error}") from error
        self.several = self.several or bool(self.separator) or isinstance(value, list)
        for name in names:
            if name not in self.first:
                self.first[name] = where()
        return bool(names)

    def label_classes(self, listed: ClassList | None) -> ClassNaming:
        """Return the label of each value, as `class_naming.label_classes` gives it.

        Raises:
            SourceError: as `class_naming.label_classes`; or a name is a list of other names.
        """
        if self.separator is None:
            for name, where in self.first.items():
                parts = [part.strip() for part in name.split(",")] if "," in name else []
                if parts and all(part in self.first for part in parts):
                    raise SourceError(f"{where}: {_looks_several(name)}")
        naming = label_classes(self.first, listed, self.first.__getitem__)
        labels = {label for label in naming.labels.values() if label is not None}
        notes = () if naming.classes else far_labels_note(labels)
        return replace(naming, notes=(*naming.notes, *notes))

    def find(self, value: object, naming: ClassNaming) -> tuple[int | None, Mapping[str, Any]]:
        """Return the label of a cell that was added, None if it is empty, and further fields of the image."""
        if not self.several:
            known = type(value) is str and value in naming.labels
            name = value if known else next(iter(self._names(value)), None)
            return (None if name is None else naming.labels[str(name)]), {}
        found = (naming.labels[name] for name in self._names(value))
        return None, {LABELS: list(dict.fromkeys(label for label in found if label is not None))}

    def _names(self, value: object) -> list[str]:
        """Return the class names in a cell; raise `ValueError` for other values."""
        if isinstance(value, list):
            names = [class_name(item) for item in value]
        elif isinstance(value, str) and self.separator:
            text = value.strip()
            if text[:1] + text[-1:] in {"[]", "()", "{}"}:
                text = text[1:-1]
            names = [class_name(part.strip().strip("'\"")) for part in text.split(self.separator)]
        else:
            name = class_name(value)
            if name is not None and self.separator is None and isinstance(value, str):
                _check_single(name)
            names = [name]
        return [name for name in names if name is not None]


def class_name(value: object) -> str | None:
    """Return the class name or number in a cell, as text; None for an empty cell.

    `3.0` becomes `3`: programs that hold labels as floats write them so. NaN is empty, and a boolean is a
    class `False` or `True`, as in a CSV.

    Raises:
        ValueError: the value is neither text nor a whole number.
    """
    match value:
        case None:
            return None
        case str(text):
            text = text.strip()
            return class_name(float(text)) if _FRACTION.fullmatch(text) else text or None
        case bool() | int():
            return str(value)
        case float() if math.isnan(value):
            return None
        case float() if value.is_integer():
            return str(int(value))
        case _:
            raise ValueError(f"{value!r:.60} is not a label: neither text nor a whole number")


def _check_single(name: str) -> None:
    if _SEVERAL.fullmatch(name) or _SEPARATED.fullmatch(name):
        raise ValueError(_looks_several(name))


def _looks_several(name: str) -> str:
    return (
        f"{name!r:.60} looks like several labels: give the text between them as option 'label_separator', or "
        "option label_separator='' if it is one label"
    )
