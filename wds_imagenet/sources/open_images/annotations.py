"""Annotations of Open Images: labels by machines, labels verified by people, and boxes.

A person's label of confidence 0 is a *negative*: the person looked, and the class is absent.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.inputs.csv_files import CsvFile, read_csv_files
from wds_imagenet.inputs.reference import Kind
from wds_imagenet.inputs.spilled.rows import SpilledRow
from wds_imagenet.sources.open_images.photo_ids import number_of
from wds_imagenet.storage.store import StorageOptions

LABEL: Final = 2
"""The kind of a label's row: `integer` is its class, `real` its confidence, `text` its source."""
BOX: Final = 3
"""The kind of a box's row: `integer` is its class, `text` all else as JSON."""
LABEL_COLUMNS: Final = ("ImageID", "Source", "LabelName", "Confidence")
BOX_COLUMNS: Final = ("ImageID", "Source", "LabelName", "XMin", "XMax", "YMin", "YMax")
LABEL_FIELDS: Final[Mapping[str, Kind]] = {
    "human_positive": "list",
    "human_negative": "list",
    "machine": "list",
}
BOX_FIELDS: Final[Mapping[str, Kind]] = {"boxes": "list"}
_MACHINE: Final = "machine"
_ATTRIBUTES: Final[Mapping[str, str]] = {
    "IsOccluded": "occluded",
    "IsTruncated": "truncated",
    "IsGroupOf": "group_of",
    "IsDepiction": "depiction",
    "IsInside": "inside",
}
_CLICKS: Final = tuple(f"XClick{i}{axis}" for i in range(1, 5) for axis in "XY")
_DESCRIPTION: Final = ("LabelName", "DisplayName")


@dataclass(slots=True)
class AnnotationReader:
    """Reads the rows of labels and boxes, and makes the JSON fields of one photo from its rows."""

    names: Mapping[str, str] | None = None
    """The class names by id, such as `/m/01yrx`; None if no names are given."""
    classes: ClassList | None = None
    """The class list; annotations whose class it lacks are left out. None keeps all."""
    left_out: int = 0
    """The number of annotations left out."""
    _ids: list[str] = field(default_factory=list)
    """The ids of the classes read so far."""
    _numbers: dict[str, int] = field(default_factory=dict)
    """The index in `_ids` by id, -1 for a class that is left out."""
    _fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The JSON fields of each class, by id."""

    def read_labels(self, csv: CsvFile, number: int) -> Iterator[SpilledRow]:
        """Yield a row for each label in a CSV of any version.

        Args:
            csv: the file.
            number: the number of the file, stored in the rows.

        Raises:
            SourceError: a row is malformed; the message names its line.
        """
        image, source, name, confidence = csv.positions(LABEL_COLUMNS)
        for line, cells in csv.rows:
            try:
                photo = number_of(cells[image])
                score = _confidence(cells[confidence], cells[source])
                label = self._number(cells[name])
            except ValueError as error:
                raise SourceError(f"{csv.where}, line {line:,}: {error}") from error
            # A label that is left out keeps its row, so that its photo is known to be listed.
            yield SpilledRow(photo, LABEL, number, line, label, score, cells[source])

    def read_boxes(self, csv: CsvFile, number: int) -> Iterator[SpilledRow]:
        """Yield a row for each box in a CSV of 8, 13 or 21 columns.

        Args:
            csv: the file.
            number: the number of the file, stored in the rows.

        Raises:
            SourceError: a row is malformed; the message names its line.
        """
        image, source, name, *edges = csv.positions(BOX_COLUMNS)
        attributes = [(a, csv.columns.index(c)) for c, a in _ATTRIBUTES.items() if c in csv.columns]
        absent = [a for c, a in _ATTRIBUTES.items() if c not in csv.columns]
        clicks = csv.positions(_CLICKS) if _CLICKS[0] in csv.columns else []
        for line, cells in csv.rows:
            try:
                photo = number_of(cells[image])
                label = self._number(cells[name])
                box = {"source": cells[source], **_edges([cells[i] for i in edges])}
                states = {a: _state(cells[i], a) for a, i in attributes}
                box["attributes"] = [a for a, state in states.items() if state == 1]
                box["unknown"] = [a for a, state in states.items() if state == -1] + absent
                box["clicks"] = _points([cells[i] for i in clicks])
            except ValueError as error:
                raise SourceError(f"{csv.where}, line {line:,}: {error}") from error
            yield SpilledRow(photo, BOX, number, line, label, 0.0, json.dumps(box))

    def fields_of(self, rows: Sequence[SpilledRow], *, labels: bool, boxes: bool) -> dict[str, Any]:
        """Return the JSON fields of one photo; repeated labels count once.

        Args:
            rows: the rows of the photo.
            labels: True adds the fields of labels.
            boxes: True adds the field of boxes.
        """
        fields: dict[str, Any] = {}
        if labels:
            fields |= {name: [] for name in LABEL_FIELDS}
            distinct = dict.fromkeys((r.integer, r.real, r.text) for r in rows if r.kind == LABEL)
            for label, confidence, source in distinct:
                if label >= 0:
                    human = "human_positive" if confidence else "human_negative"
                    item = {**self._class_fields(label), "confidence": confidence, "source": source}
                    fields[_MACHINE if source == _MACHINE else human].append(item)
        if boxes:
            kept = [row for row in rows if row.kind == BOX and row.integer >= 0]
            fields["boxes"] = [{**self._class_fields(row.integer), **json.loads(row.text)} for row in kept]
        return fields

    def class_table(self) -> tuple[Mapping[str, str], ...]:
        """Return the classes by index, with their `id`; empty without class list."""
        ids = [info["name"] for info in self.classes.classes] if self.classes is not None else []
        return tuple({"name": (self.names or {}).get(label, label), "id": label} for label in ids)

    def _number(self, label: str) -> int:
        """Return the index of a class in `_ids`; count the annotation, and return -1, if it is left out."""
        number = self._numbers.get(label)
        if number is None:
            number = self._numbers[label] = self._add_class(label)
        self.left_out += number < 0
        return number

    def _add_class(self, label: str) -> int:
        if not label.startswith("/"):
            raise ValueError(f"{label!r:.40} is not a LabelName, which begins with /m/ or /g/")
        if self.classes is not None and self.classes.find(label) is None:
            return -1
        if self.names is not None and label not in self.names:
            raise ValueError(f"the class {label} has no name in the class descriptions")
        self._ids.append(label)
        return len(self._ids) - 1

    def _class_fields(self, number: int) -> dict[str, Any]:
        label = self._ids[number]
        fields = self._fields.get(label)
        if fields is None:
            fields = {"id": label}
            if self.names is not None:
                fields["name"] = self.names[label]
            if self.classes is not None:
                fields["class"] = self.classes.find(label)
            self._fields[label] = fields
        return fields


def read_names(url: str, options: StorageOptions) -> dict[str, str]:
    """Return the names of classes by id, from V1's dict.csv or a later class-descriptions.csv.

    Only later versions have a header line: its first cell does not begin with `/`.

    Args:
        url: the file.
        options: options of its store.

    Raises:
        SourceError: a row has no class id, or gives a class a second name; the message names its line.
    """
    names: dict[str, str] = {}
    for csv in read_csv_files(url, options, lambda _: True, header=_DESCRIPTION):
        for line, (label, name) in csv.rows:
            if not label.startswith("/"):
                if line > 1:
                    raise SourceError(
                        f"{csv.where}, line {line:,}: {label!r:.40} is not a class id: these begin with /m/ "
                        "or /g/"
                    )
            elif names.setdefault(label, name) != name:
                raise SourceError(f"{csv.where}, line {line:,} gives the class {label} a second name")
    return names


def _confidence(cell: str, source: str) -> float:
    score = _fraction(cell, "Confidence")
    if source != _MACHINE and score not in {0.0, 1.0}:
        raise ValueError(f"Confidence is {cell!r:.20}, but a person's must be 0 or 1")
    return score


def _edges(cells: Sequence[str]) -> dict[str, Any]:
    left, right, top, bottom = (_fraction(c, n) for c, n in zip(cells, BOX_COLUMNS[3:], strict=True))
    if left > right or top > bottom:
        raise ValueError(f"the box {', '.join(cells)} is inside out: the order is XMin, XMax, YMin, YMax")
    return {"xmin": left, "xmax": right, "ymin": top, "ymax": bottom}


def _points(cells: Sequence[str]) -> list[list[float]]:
    """Return the four clicked points; none if the box was drawn in another way (-1)."""
    if not cells or "-1" in {cell.partition(".")[0] for cell in cells}:
        return []
    numbers = [_fraction(cell, "a click") for cell in cells]
    return [numbers[i : i + 2] for i in range(0, len(numbers), 2)]


def _fraction(cell: str, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {cell!r:.20}, but must be a number from 0 to 1")
    return value


def _state(cell: str, name: str) -> int:
    if cell not in {"1", "0", "-1"}:
        raise ValueError(f"{name} is {cell!r:.20}, but must be 1, 0 or -1")
    return int(cell)
