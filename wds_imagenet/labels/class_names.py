"""`names`: what ImageNet's thousand classes are called in another language, as people have published it.

Lists differ in form, and worse, in what their numbers mean: the label, the label plus 1, or
ILSVRC2012_ID, which is another order altogether. Their lengths do not tell. So a list is understood by
its anchor, a class that is known by name: tench is label 0, and ILSVRC2012_ID 449.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.devkit import CLASSES, read_devkit
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.labels.annotation import Labels
from wds_imagenet.labels.class_name_lists import parse_class_names
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

TENCH_NAMES: Final = ("tench", "tinca", "丁鲷", "丁桂鱼", "テンチ", "التنش")
"""The anchor in English and Latin, Chinese (two ways), Japanese and Arabic."""
_MAX_BYTES: Final = 32 << 20
_NUMBERINGS: Final = {0: "labels", 1: "labels + 1", 449: "ILSVRC2012_IDs"}
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})?")


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of the thousand classes in one language."""

    url: str
    names: tuple[str | None, ...]
    """By label, 0 to 999; None where the list has none. Not unique in any language."""
    numbering: str
    """What the list's numbers were found to be."""
    notes: tuple[str, ...] = ()


def read_class_names(
    url: str,
    language: str | None = None,
    *,
    anchors: Sequence[str] = TENCH_NAMES,
    devkit: str | None = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> ClassNames:
    """Return the names in a published list by label, whichever way the list numbers its classes.

    The forms are those of `labels.numbered`; in one JSON for many languages, `language` chooses. What the
    numbers mean is told by the one place among 0, 1 and 449 whose name contains an anchor, in any case: a
    name of the tench. A list by ILSVRC2012_ID needs the devkit. Raises `SourceError` that names the line,
    or says that there is no anchor, or two, or that numbers are beyond what they were found to mean.
    """
    data = read_file(url, storage_options, max_bytes=_MAX_BYTES)
    try:
        numbered = parse_class_names(data, language)
        start = _find_anchor(numbered, anchors)
    except ValueError as error:
        raise SourceError(f"the class names {url} cannot be used: {error}") from error
    first, last = (0, CLASSES - 1) if start == 0 else (1, CLASSES)
    if not first <= min(numbered) <= max(numbered) <= last:
        raise SourceError(
            f"{url} numbers its classes {min(numbered)} to {max(numbered)}, but tench is {start}, so "
            f"that they should be {first} to {last}"
        )
    if start <= 1:
        names = tuple(numbered.get(label + start) for label in range(CLASSES))
    elif devkit is None:
        raise SourceError(
            f"{url} goes by ILSVRC2012_ID, since tench is number 449: give the devkit too, as option "
            "'names.devkit'"
        )
    else:
        kit = read_devkit(devkit, storage_options=storage_options)
        names = tuple(numbered.get(info.ilsvrc2012_id) for info in kit.classes)
    return ClassNames(url, names, _NUMBERINGS[start], tuple(_notes(names)))


def names(
    url: str,
    *,
    language: Annotated[str | None, "language of the names, such as zh; the field is name_zh"] = None,
    anchor: Annotated[str | None, "what the tench is called, in a language not known here"] = None,
    devkit: Annotated[str | None, "the devkit, for a list that goes by ILSVRC2012_ID"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Labels:
    """Read the names of the thousand classes in another language: `name_zh` and the like, for every class.

    Costs one request. Raises `UsageError` without a language, else what `read_class_names` does, and
    `SourceError` for a list that lacks classes.
    """
    if language is None or not _LANGUAGE.fullmatch(language):
        raise UsageError(f"say the language of {url}, as zh or pt-BR, and not {language!r}")
    anchors = TENCH_NAMES if anchor is None else (anchor,)
    found = read_class_names(url, language, anchors=anchors, devkit=devkit, storage_options=storage_options)
    field = f"name_{language.lower().replace('-', '_')}"
    missing = [label for label, name in enumerate(found.names) if name is None]
    if missing:
        raise SourceError(f"{url} has no names of {len(missing):,} classes, the first is label {missing[0]}")
    classes = tuple({field: name} for name in found.names)
    return Labels(url, lambda _: None, 0, classes=classes, notes=found.notes)


def _find_anchor(numbered: Mapping[int, str], anchors: Sequence[str]) -> int:
    wanted = [anchor.casefold() for anchor in anchors if anchor]
    found = [
        number
        for number in _NUMBERINGS
        if any(anchor in numbered.get(number, "").casefold() for anchor in wanted)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"{' and '.join(map(str, found))} are both called tench, so the order is not certain"
        )
    there = ", ".join(f"{number} {numbered[number]!r:.40}" for number in _NUMBERINGS if number in numbered)
    raise ValueError(
        f"none of its classes 0, 1 and 449 is called tench ({', '.join(anchors)}) but {there or 'nothing'}; "
        "if it is in another language, give that language's word as option 'names.anchor'"
    )


def _notes(names: Sequence[str | None]) -> list[str]:
    known = Counter(name for name in names if name is not None)
    repeated = sum(count > 1 for count in known.values())
    notes = [quantity(repeated, "names are shared by several classes")] if repeated else []
    if len(names) > known.total():
        notes.append(quantity(len(names) - known.total(), "classes have no name"))
    return notes
