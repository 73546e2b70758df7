"""What a sample says is in its picture: its label, and the lists of labels that its JSON has. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.sample import Sample

Classes = Sequence[Mapping[str, Any]]
"""By label, what the data set knows of the class."""

LABEL: Final = "label"
POSITIVE: Final = "human_positive"
LISTS: Final = ("real_labels", POSITIVE, "human_negative", "machine")
"""The lists of labels that our sources write: ReaL's, and those of Open Images."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One thing that is said to be in the picture, or not to be."""

    kind: str
    """`label`, or the list in the JSON that has it."""
    label: int | None
    """The index of its class; None where no class list fixes one."""
    name: str
    confidence: float | None = None


def tags_of(label: int | None, json: Mapping[str, Any], classes: Classes) -> list[Tag]:
    """Return all that the label and the JSON say; what is no label is left out."""
    told = [] if label is None else [Tag(LABEL, label, name_of(label, classes))]
    for kind in LISTS:
        for entry in list_of(json, kind):
            tag = _tag(kind, entry, classes)
            told += [] if tag is None else [tag]
    return told


def labels_of(sample: Sample) -> set[int]:
    """Return the classes that a sample counts as: its label, else what people saw in it.

    Raises `CorruptError` where neither can be read.
    """
    label = sample.label
    if label is not None:
        return {label}
    told = tags_of(None, sample.json, ())
    return {tag.label for tag in told if tag.kind == POSITIVE and tag.label is not None}


def name_of(label: int, classes: Classes) -> str:
    """Return the name of a class, and its number where it has none."""
    known = classes[label] if 0 <= label < len(classes) else {}
    return str(known.get("name") or known.get("wnid") or label)


def list_of(json: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list of this name; an empty one where there is something else, or nothing."""
    value = json.get(name)
    return value if isinstance(value, list) else []


def _tag(kind: str, entry: object, classes: Classes) -> Tag | None:
    match entry:
        case bool():
            return None
        case int(label):
            return Tag(kind, label, name_of(label, classes))
        case {"id": str(identity), **known}:
            index, name, confidence = (known.get(one) for one in ("class", "name", "confidence"))
            return Tag(
                kind,
                index if type(index) is int else None,
                name if isinstance(name, str) and name else identity,
                float(confidence) if isinstance(confidence, float | int) else None,
            )
    return None
