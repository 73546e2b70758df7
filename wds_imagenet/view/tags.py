"""The labels of a sample as tags: its class, and the lists of labels in its JSON. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from wds_imagenet.sample import Sample

Classes = Sequence[Mapping[str, Any]]
"""By label, the entry of the class table."""

LABEL: Final = "label"
POSITIVE: Final = "human_positive"
LISTS: Final = ("real_labels", POSITIVE, "human_negative", "machine")
"""The fields of the JSON that list labels: ReaL, and three of Open Images."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One label of an image, positive or negative."""

    kind: str
    """`label`, or the field of the JSON that lists it."""
    label: int | None
    """The index of its class; None if no class list defines one."""
    name: str
    confidence: float | None = None


def tags_of(label: int | None, json: Mapping[str, Any], classes: Classes) -> list[Tag]:
    """Return the tags of a label and of the lists in the JSON. Entries that are no label are left out."""
    tags = [] if label is None else [Tag(LABEL, label, name_of(label, classes))]
    for kind in LISTS:
        for entry in list_of(json, kind):
            tag = _tag(kind, entry, classes)
            tags += [] if tag is None else [tag]
    return tags


def labels_of(sample: Sample) -> set[int]:
    """Return the classes that a sample belongs to: its label, or else the labels that people confirmed.

    Raises `CorruptError` if neither can be read.
    """
    label = sample.label
    if label is not None:
        return {label}
    tags = tags_of(None, sample.json, ())
    return {tag.label for tag in tags if tag.kind == POSITIVE and tag.label is not None}


def name_of(label: int, classes: Classes) -> str:
    """Return the name of a class, or else its WNID, or else its label."""
    entry = classes[label] if 0 <= label < len(classes) else {}
    return str(entry.get("name") or entry.get("wnid") or label)


def list_of(json: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list in a field; an empty list if the field is missing or no list."""
    value = json.get(name)
    return value if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Return a number of the JSON as a float; None if it is none, or too large for a float."""
    if type(value) not in {int, float}:
        return None
    try:
        found = float(cast("int | float", value))
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _tag(kind: str, entry: object, classes: Classes) -> Tag | None:
    match entry:
        case bool():
            return None
        case int(label):
            return Tag(kind, label, name_of(label, classes))
        case {"id": str(identity), **rest}:
            index, name, confidence = (rest.get(field) for field in ("class", "name", "confidence"))
            return Tag(
                kind,
                index if type(index) is int else None,
                name if isinstance(name, str) and name else identity,
                number(confidence),
            )
    return None
