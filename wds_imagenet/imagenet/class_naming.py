"""Labels of classes that go by numbers or names: folders, and the cells of a table."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.imagenet.devkit import CLASSES, WNID

_NUMBER: Final = re.compile(r"-?[0-9]+")
_MAX_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class ClassNaming:
    """What each name stands for."""

    labels: Mapping[str, int | None]
    """By name; None for `-1`, which is how published sets say that there is no label."""
    classes: tuple[Mapping[str, Any], ...]
    """By label, where more is known of them than the number."""
    notes: tuple[str, ...] = ()


def label_classes(names: Iterable[str], listed: ClassList | None, where: Callable[[str], str]) -> ClassNaming:
    """Decide which label each name stands for.

    With a class list: its place there, or the number itself, if every name is one and none is
    listed. Without: a number is its own label, so the folders 5 and 10 keep 5 and 10; other names are
    numbered from 0 in code-point order, as torchvision's ImageFolder does. Raises `SourceError` for a
    name that the list lacks, and for numbers among names; `where(name)` says where it stands.
    """
    distinct = sorted(set(names))
    numbers = [name for name in distinct if _NUMBER.fullmatch(name)]
    if listed is not None:
        found = {name: listed.find(name) for name in distinct}
        if len(numbers) == len(distinct) and not any(label is not None for label in found.values()):
            return _numbered(distinct, listed, where)
        for name, label in found.items():
            if label is None:
                raise SourceError(f"{where(name)}: the class {name!r} is not in {listed.url}")
        return ClassNaming(found, listed.classes)
    if len(numbers) == len(distinct):
        return _numbered(distinct, None, where)
    if numbers:
        word = next(name for name in distinct if not _NUMBER.fullmatch(name))
        raise SourceError(
            f"{where(numbers[0])}: the class {numbers[0]!r} is a number, but {word!r} ({where(word)}) is "
            "not: name both in a class list, and give it as option 'classes'"
        )
    notes: tuple[str, ...] = ()
    if all(WNID.fullmatch(name) for name in distinct) and len(distinct) != CLASSES:
        note = (
            f"{len(distinct):,} WNIDs are labelled 0 to {len(distinct) - 1} in sorted order, which are "
            f"not ILSVRC's labels 0 to {CLASSES - 1}; a class list, given as option 'classes', fixes others"
        )
        notes = (note,)
    labels = {name: label for label, name in enumerate(distinct)}
    return ClassNaming(labels, tuple({"name": name} for name in distinct), notes)


def _numbered(names: Iterable[str], listed: ClassList | None, where: Callable[[str], str]) -> ClassNaming:
    labels: dict[str, int | None] = {}
    for name in names:
        label = int(name) if len(name) <= _MAX_DIGITS else None
        if label is None or label < -1:
            raise SourceError(
                f"{where(name)}: {name:.30} is no label: they begin at 0 (-1: there is none) and have 9 "
                "digits at most; if it is a name, a class list, given as option 'classes', says so"
            )
        if listed is not None and label >= len(listed):
            raise SourceError(
                f"{where(name)}: the class {name!r} is not in {listed.url}, neither as a name nor as a "
                f"label from 0 to {len(listed) - 1}"
            )
        labels[name] = label if label >= 0 else None
    return ClassNaming(labels, listed.classes if listed else ())
