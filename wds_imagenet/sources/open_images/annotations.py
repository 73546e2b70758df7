"""What Open Images says is in a photograph: labels by machines, verdicts by people, and boxes.

A label with confidence 0 that a person gave is a *negative*: somebody looked, and it is not there.
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
"""The kind of a label's row: the class, the confidence and the source."""
BOX: Final = 3
"""The kind of a box's row: the class, and the rest as JSON."""
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
class Verdicts:
    """Reads labels and boxes, and says what is known of one image."""

    names: Mapping[str, str] | None = None
    """Of the classes, by id such as `/m/01yrx`; None where they are not given."""
    classes: ClassList | None = None
    """Which class has which index; those that it lacks are left out. None keeps all."""
    left_out: int = 0
    """How many rows had a class that the list lacks."""
    _ids: list[str] = field(default_factory=list)
    _known: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def labels(self, sheet: CsvFile, number: int) -> Iterator[SpilledRow]:
        """Yield the labels in a CSV of any version. Raises `SourceError` that names the line."""
        image, source, name, confidence = sheet.positions(LABEL_COLUMNS)
        for line, cells in sheet.rows:
            try:
                at = number_of(cells[image])
                score = _score(cells[confidence], cells[source])
                label = self._number(cells[name])
            except ValueError as error:
                raise SourceError(f"{sheet.where}, line {line:,}: {error}") from error
            # Also one of a class that is left out: its image must be there.
            yield SpilledRow(at, LABEL, number, line, label, score, cells[source])

    def boxes(self, sheet: CsvFile, number: int) -> Iterator[SpilledRow]:
        """Yield the boxes in a CSV of 8, 13 or 21 columns. Raises `SourceError` that names the line."""
        image, source, name, *edges = sheet.positions(BOX_COLUMNS)
        attributes = [(a, sheet.columns.index(c)) for c, a in _ATTRIBUTES.items() if c in sheet.columns]
        absent = [a for c, a in _ATTRIBUTES.items() if c not in sheet.columns]
        clicks = sheet.positions(_CLICKS) if _CLICKS[0] in sheet.columns else []
        for line, cells in sheet.rows:
            try:
                at = number_of(cells[image])
                label = self._number(cells[name])
                box = {"source": cells[source], **_edges([cells[i] for i in edges])}
                states = {a: _state(cells[i], a) for a, i in attributes}
                box["attributes"] = [a for a, state in states.items() if state == 1]
                box["unknown"] = [a for a, state in states.items() if state == -1] + absent
                box["clicks"] = _points([cells[i] for i in clicks])
            except ValueError as error:
                raise SourceError(f"{sheet.where}, line {line:,}: {error}") from error
            yield SpilledRow(at, BOX, number, line, label, 0.0, json.dumps(box))

    def of_image(self, rows: Sequence[SpilledRow], *, labels: bool, boxes: bool) -> dict[str, Any]:
        """Return the fields of one image's JSON; a label that is there twice counts once."""
        fields: dict[str, Any] = {}
        if labels:
            fields |= {name: [] for name in LABEL_FIELDS}
            given = dict.fromkeys((r.integer, r.real, r.text) for r in rows if r.kind == LABEL)
            for label, confidence, source in given:
                if label >= 0:
                    human = "human_positive" if confidence else "human_negative"
                    told = {**self._class(label), "confidence": confidence, "source": source}
                    fields[_MACHINE if source == _MACHINE else human].append(told)
        if boxes:
            found = [row for row in rows if row.kind == BOX and row.integer >= 0]
            fields["boxes"] = [{**self._class(row.integer), **json.loads(row.text)} for row in found]
        return fields

    def table(self) -> tuple[Mapping[str, str], ...]:
        """Return the classes by index, with their `id`; none if no list fixes their order."""
        ids = [info["name"] for info in self.classes.classes] if self.classes is not None else []
        return tuple({"name": (self.names or {}).get(label, label), "id": label} for label in ids)

    def _number(self, label: str) -> int:
        """Return the place of a class among those that were met, -1 for one that is left out."""
        number = self._numbers.get(label)
        if number is None:
            number = self._numbers[label] = self._meet(label)
        self.left_out += number < 0
        return number

    def _meet(self, label: str) -> int:
        if not label.startswith("/"):
            raise ValueError(f"{label!r:.40} is no LabelName, which begins with /m/ or /g/")
        if self.classes is not None and self.classes.find(label) is None:
            return -1
        if self.names is not None and label not in self.names:
            raise ValueError(f"the class {label} has no name in the class descriptions")
        self._ids.append(label)
        return len(self._ids) - 1

    def _class(self, number: int) -> dict[str, Any]:
        label = self._ids[number]
        told = self._known.get(label)
        if told is None:
            told = {"id": label}
            if self.names is not None:
                told["name"] = self.names[label]
            if self.classes is not None:
                told["class"] = self.classes.find(label)
            self._known[label] = told
        return told


def read_names(url: str, options: StorageOptions) -> dict[str, str]:
    """Return the names of classes by id, from V1's dict.csv or any later class-descriptions.csv.

    Only later versions have a header line: a first row whose first cell does not begin with `/`.
    """
    names: dict[str, str] = {}
    for sheet in read_csv_files(url, options, lambda _: True, header=_DESCRIPTION):
        for line, (label, name) in sheet.rows:
            if not label.startswith("/"):
                if line > 1:
                    raise SourceError(
                        f"{sheet.where}, line {line:,}: {label!r:.40} is no class: /m/… or /g/…"
                    )
            elif names.setdefault(label, name) != name:
                raise SourceError(f"{sheet.where}, line {line:,} gives the class {label} a second name")
    return names


def _score(cell: str, source: str) -> float:
    score = _fraction(cell, "Confidence")
    if source != _MACHINE and score not in {0.0, 1.0}:
        raise ValueError(f"a person's Confidence is 0 or 1, and not {cell!r:.20}")
    return score


def _edges(cells: Sequence[str]) -> dict[str, Any]:
    left, right, top, bottom = (_fraction(c, n) for c, n in zip(cells, BOX_COLUMNS[3:], strict=True))
    if left > right or top > bottom:
        raise ValueError(f"the box {', '.join(cells)} is inside out: its order is XMin, XMax, YMin, YMax")
    return {"xmin": left, "xmax": right, "ymin": top, "ymax": bottom}


def _points(cells: Sequence[str]) -> list[list[float]]:
    """Return the four points that were clicked; none where the box was drawn in another way (-1)."""
    if not cells or "-1" in {cell.partition(".")[0] for cell in cells}:
        return []
    numbers = [_fraction(cell, "a click") for cell in cells]
    return [numbers[i : i + 2] for i in range(0, len(numbers), 2)]


def _fraction(cell: str, what: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{what} is {cell!r:.20}, which is no number from 0 to 1")
    return value


def _state(cell: str, what: str) -> int:
    if cell not in {"1", "0", "-1"}:
        raise ValueError(f"{what} is {cell!r:.20}, and not 1, 0 or -1")
    return int(cell)
