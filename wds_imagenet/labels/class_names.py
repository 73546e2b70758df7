"""`names`: the names of ImageNet's thousand classes in another language, from published lists.

Lists differ in form and in their numbering: the label, the label plus 1, or ILSVRC2012_ID, which is another
order altogether. The length of a list does not reveal its numbering. So one class with a known name, the
anchor, identifies the numbering: tench is label 0, and ILSVRC2012_ID 449.
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
"""The anchor's names in English, Latin, Chinese (two names), Japanese and Arabic."""
_MAX_BYTES: Final = 32 << 20
_NUMBERINGS: Final = {0: "labels", 1: "labels + 1", 449: "ILSVRC2012_IDs"}
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})?")


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of the thousand classes in one language."""

    url: str
    names: tuple[str | None, ...]
    """By label, 0 to 999; None for a class without a name. Not unique in any language."""
    numbering: str
    """The numbering of the list, as found by the anchor."""
    notes: tuple[str, ...] = ()


def read_class_names(
    url: str,
    language: str | None = None,
    *,
    anchors: Sequence[str] = TENCH_NAMES,
    devkit: str | None = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> ClassNames:
    """Return the names in a published list by label, for any of the three numberings.

    Exactly one of the numbers 0, 1 and 449 must have a name that contains an anchor, in any case.

    Args:
        url: the list, in one of the forms of `labels.class_name_lists`.
        language: the language to choose from a JSON with several languages.
        anchors: names of the class tench.
        devkit: the devkit, which only a list by ILSVRC2012_ID needs.
        storage_options: storage options.

    Raises:
        SourceError: a line is invalid, no anchor or several are found, or a number is out of range.
    """
    data = read_file(url, storage_options, max_bytes=_MAX_BYTES)
    try:
        name_by_number = parse_class_names(data, language)
        start = _find_anchor(name_by_number, anchors)
    except ValueError as error:
        raise SourceError(f"the class names {url} cannot be used: {error}") from error
    first, last = (0, CLASSES - 1) if start == 0 else (1, CLASSES)
    if not first <= min(name_by_number) <= max(name_by_number) <= last:
        raise SourceError(
            f"{url} numbers its classes {min(name_by_number)} to {max(name_by_number)}, but tench is "
            f"{start}, so the numbers must be {first} to {last}"
        )
    if start <= 1:
        names = tuple(name_by_number.get(label + start) for label in range(CLASSES))
    elif devkit is None:
        raise SourceError(
            f"{url} is in the order of ILSVRC2012_IDs, as tench is number 449: give the devkit, as option "
            "'names.devkit'"
        )
    else:
        kit = read_devkit(devkit, storage_options=storage_options)
        names = tuple(name_by_number.get(info.ilsvrc2012_id) for info in kit.classes)
    return ClassNames(url, names, _NUMBERINGS[start], tuple(_notes(names)))


def names(
    url: str,
    *,
    language: Annotated[str | None, "language of the names, such as zh; the field is name_zh"] = None,
    anchor: Annotated[str | None, "the word for tench, in a language not known here"] = None,
    devkit: Annotated[str | None, "the devkit, for a list in the order of ILSVRC2012_IDs"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Labels:
    """Read the names of the thousand classes in another language: `name_zh` and the like, for every class.

    Costs one request.

    Args:
        url: the list, as for `read_class_names`.
        language: the language, as in `zh` or `pt-BR`, which names the field.
        anchor: the word for tench in a language that `TENCH_NAMES` lacks.
        devkit: the devkit, which only a list by ILSVRC2012_ID needs.
        storage_options: storage options.

    Raises:
        UsageError: there is no language.
        SourceError: the list lacks classes; and the errors of `read_class_names`.
    """
    if language is None or not _LANGUAGE.fullmatch(language):
        raise UsageError(
            f"give the language of {url}, such as zh or pt-BR, as option 'names.language', not {language!r}"
        )
    anchors = TENCH_NAMES if anchor is None else (anchor,)
    listed = read_class_names(url, language, anchors=anchors, devkit=devkit, storage_options=storage_options)
    field = f"name_{language.lower().replace('-', '_')}"
    missing = [label for label, name in enumerate(listed.names) if name is None]
    if missing:
        raise SourceError(
            f"{url} lacks the names of {len(missing):,} classes, the first is label {missing[0]}"
        )
    classes = tuple({field: name} for name in listed.names)
    return Labels(url, lambda _: None, 0, classes=classes, notes=listed.notes)


def _find_anchor(name_by_number: Mapping[int, str], anchors: Sequence[str]) -> int:
    wanted = [anchor.casefold() for anchor in anchors if anchor]
    found = [
        number
        for number in _NUMBERINGS
        if any(anchor in name_by_number.get(number, "").casefold() for anchor in wanted)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"{' and '.join(map(str, found))} are both called tench, so the numbering is ambiguous"
        )
    candidates = ", ".join(
        f"{number} {name_by_number[number]!r:.40}" for number in _NUMBERINGS if number in name_by_number
    )
    raise ValueError(
        f"none of its classes 0, 1 and 449 is called tench ({', '.join(anchors)}), but "
        f"{candidates or 'nothing'}; for another language, give its word for tench as option 'names.anchor'"
    )


def _notes(names: Sequence[str | None]) -> list[str]:
    counts = Counter(name for name in names if name is not None)
    repeated = sum(count > 1 for count in counts.values())
    notes = [quantity(repeated, "names are shared by several classes")] if repeated else []
    if len(names) > counts.total():
        notes.append(quantity(len(names) - counts.total(), "classes have no name"))
    return notes
