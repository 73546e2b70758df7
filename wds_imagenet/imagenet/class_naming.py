"""Labels of classes that a data set calls by number or name, in folders or in cells of a table."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.imagenet.devkit import CLASSES, WNID
from wds_imagenet.inputs.label_range import are_far

_NUMBER: Final = re.compile(r"-?[0-9]+")
_MAX_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class ClassNaming:
    """The label of each class name in a data set."""

    labels: Mapping[str, int | None]
    """By name or number, as text. None for `-1`, with which published sets mark images without a label."""
    classes: tuple[Mapping[str, Any], ...]
    """Metadata by label; empty if the classes have only numbers."""
    notes: tuple[str, ...] = ()


def label_classes(
    names: Iterable[str], listed: ClassList | None, where: Callable[[str], str], *, far_numbers: bool = True
) -> ClassNaming:
    """Return the label of each class name.

    With a class list, the label is the class's position in the list. Numbers are labels themselves if every
    name is a number and the list has none of them.

    Without a class list, numbers are labels: the folders 5 and 10 keep the labels 5 and 10. Other names are
    numbered from 0 in code-point order, as by torchvision's ImageFolder.

    Args:
        names: the names of all classes, in any order; repetitions do not matter.
        listed: the class list, if the user gave one.
        where: returns the place of a name, for errors.
        far_numbers: False to number names such as 20230101 in their order, as `are_far` finds them.

    Raises:
        SourceError: the list lacks a name, or numbers and other names are mixed.
    """
    distinct = sorted(set(names))
    numbers = [name for name in distinct if _NUMBER.fullmatch(name)]
    if listed is not None:
        found = {name: listed.find(name) for name in distinct}
        if len(numbers) == len(distinct) and not any(label is not None for label in found.values()):
            return _number_labels(distinct, listed, where)
        for name, label in found.items():
            if label is None:
                raise SourceError(f"{where(name)}: the class {name!r} is not in {listed.url}")
        return ClassNaming(found, listed.classes)
    if len(numbers) == len(distinct):
        if far_numbers or not are_far([int(name) for name in distinct]):
            return _number_labels(distinct, None, where)
        ordered = sorted(distinct, key=lambda name: (int(name), name))
        note = (
            f"the numbers {ordered[0]} to {ordered[-1]} are too far apart for labels: they name classes, "
            f"labelled 0 to {len(ordered) - 1} in their order; option 'numeric_classes' takes them as labels"
        )
        return ClassNaming(_positions(ordered), tuple({"name": name} for name in ordered), (note,))
    if numbers:
        word = next(name for name in distinct if not _NUMBER.fullmatch(name))
        raise SourceError(
            f"{where(numbers[0])}: the class {numbers[0]!r} is a number, but {word!r} ({where(word)}) is "
            "not: put both into a class list, given as option 'classes'"
        )
    notes: tuple[str, ...] = ()
    if all(WNID.fullmatch(name) for name in distinct) and len(distinct) != CLASSES:
        note = (
            f"{len(distinct):,} WNIDs are labelled 0 to {len(distinct) - 1} in sorted order, which differs "
            f"from ILSVRC's labels 0 to {CLASSES - 1}; option 'classes' takes a class list for others"
        )
        notes = (note,)
    return ClassNaming(_positions(distinct), tuple({"name": name} for name in distinct), notes)


def _positions(names: Sequence[str]) -> dict[str, int | None]:
    return {name: label for label, name in enumerate(names)}


def _number_labels(
    names: Iterable[str], listed: ClassList | None, where: Callable[[str], str]
) -> ClassNaming:
    labels: dict[str, int | None] = {}
    for name in names:
        label = int(name) if len(name) <= _MAX_DIGITS else None
        if label is None or label < -1:
            raise SourceError(
                f"{where(name)}: {name:.30} is not a label: labels are 0 to 999999999, and -1 for none; "
                "if it is the name of a class, give a class list as option 'classes'"
            )
        if listed is not None and label >= len(listed):
            raise SourceError(
                f"{where(name)}: the class {name!r} is not in {listed.url}, neither as a name nor as a "
                f"label from 0 to {len(listed) - 1}"
            )
        labels[name] = label if label >= 0 else None
    return ClassNaming(labels, listed.classes if listed else ())
