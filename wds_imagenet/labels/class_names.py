"""`names`: the names of ImageNet's thousand classes in another language, from published lists.

Lists differ in form and in their numbering: the label, the label plus 1, or ILSVRC2012_ID, which is another
order altogether. The length of a list does not reveal its numbering. So one class with a known name, the
anchor, identifies the numbering: tench is label 0, and ILSVRC2012_ID 449. WNIDs need no anchor.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_rows import ClassRow, parse_class_rows
from wds_imagenet.imagenet.devkit import CLASSES, Devkit, read_devkit
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.labels.annotation import Labels
from wds_imagenet.labels.name_column import TENCH, choose_names
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

TENCH_NAMES: Final = ("tench", "tinca", "丁鲷", "丁桂鱼", "テンチ", "التنش")
"""The anchor's names in English, Latin, Chinese (two names), Japanese and Arabic."""
_MAX_BYTES: Final = 32 << 20
_ID_OF_TENCH: Final = 449
_NUMBERINGS: Final = {0: "labels", 1: "labels + 1", _ID_OF_TENCH: "ILSVRC2012_IDs"}
_WNIDS_SHA256: Final = "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15"
"""SHA-256 of the thousand WNIDs in the order of the labels, each followed by a line feed."""
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})?")


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of the thousand classes in one language."""

    url: str
    names: tuple[str | None, ...]
    """By label, 0 to 999; None for a class without a name. Not unique in any language."""
    numbering: str
    """The numbering of the list, as found by the anchor; `WNIDs` for a list by WNID."""
    notes: tuple[str, ...] = ()


def read_class_names(
    url: str,
    language: str | None = None,
    *,
    anchors: Sequence[str] = TENCH_NAMES,
    column: str | None = None,
    devkit: str | None = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> ClassNames:
    """Return the names in a published list by label, for any of the three numberings, or by WNID.

    Without WNIDs, exactly one of the numbers 0, 1 and 449 must have a name that contains an anchor, in any
    case. A list without numbers is numbered by its lines or entries.

    Args:
        url: the list, in one of the forms of `imagenet.class_rows`.
        language: the language to choose from several languages or columns.
        anchors: names of the class tench.
        column: the column of the names: its header, or its number from 1 among the columns of names.
        devkit: the devkit, which only a list by ILSVRC2012_ID, or of a part of the WNIDs, needs.
        storage_options: storage options.

    Raises:
        SourceError: a line is invalid, no anchor or several are found, a number is out of range or listed
            twice, or the column is uncertain.
    """
    data = read_file(url, storage_options, max_bytes=_MAX_BYTES, unzips=True)
    kit = None if devkit is None else read_devkit(devkit, storage_options=storage_options)
    try:
        listed = parse_class_rows(data, language)
        pairs = choose_names(listed, language, anchors, column)
        if listed.rows[0].wnid is not None:
            numbering, by_label = "WNIDs", _by_wnid(pairs, kit)
        else:
            numbering, by_label = _by_number(pairs, anchors, kit)
    except ValueError as error:
        raise SourceError(f"the class names {url} cannot be used: {error}") from error
    names = tuple(map(by_label.get, range(CLASSES)))
    return ClassNames(url, names, numbering, tuple(_notes(names)))


def names(
    url: str,
    *,
    language: Annotated[str | None, "language of the names, such as zh; the field is name_zh"] = None,
    anchor: Annotated[str | None, "the word for tench, in a language not known here"] = None,
    column: Annotated[str | None, "column of the names, by its header or its number from 1"] = None,
    devkit: Annotated[str | None, "the devkit, for a list in the order of ILSVRC2012_IDs"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Labels:
    """Read the names of the thousand classes in another language: `name_zh` and the like, for every class.

    Costs one request.

    Args:
        url: the list, as for `read_class_names`.
        language: the language, as in `zh` or `pt-BR`, which names the field.
        anchor: the word for tench in a language that `TENCH_NAMES` lacks.
        column: the column of the names, if the list has several.
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
    listed = read_class_names(
        url, language, anchors=anchors, column=column, devkit=devkit, storage_options=storage_options
    )
    field = f"name_{language.lower().replace('-', '_')}"
    missing = [label for label, name in enumerate(listed.names) if name is None]
    if missing:
        raise SourceError(
            f"{url} lacks the names of {len(missing):,} classes, the first is label {missing[0]}"
        )
    classes = tuple({field: name} for name in listed.names)
    return Labels(url, lambda _: None, 0, classes=classes, notes=listed.notes)


def _by_number(
    pairs: Sequence[tuple[ClassRow, str]], anchors: Sequence[str], kit: Devkit | None
) -> tuple[str, dict[int, str]]:
    """Return the numbering of a list, and its names by label."""
    numbered = [
        (place if row.number is None else row.number, row, name) for place, (row, name) in enumerate(pairs)
    ]
    counted = pairs[0][0].number is None
    name_by_number: dict[int, str] = {}
    for number, row, name in numbered:
        if number in name_by_number:
            raise ValueError(f"{row.where}: number {number} is listed twice")
        name_by_number[number] = name
    if counted and not _anchored(name_by_number, (0, 1), anchors):  # lines by ID begin with ID 1
        name_by_number = {number + 1: name for number, name in name_by_number.items()}
    start = _find_anchor(name_by_number, anchors)
    if start == 1 and 0 in name_by_number and len(name_by_number) == CLASSES + 1:
        del name_by_number[0]  # "background", or a header line
    first, last = (0, CLASSES - 1) if start == 0 else (1, CLASSES)
    if not first <= min(name_by_number) <= max(name_by_number) <= last:
        raise ValueError(
            f"it numbers its classes {min(name_by_number)} to {max(name_by_number)}, but tench is {start}, "
            f"so the numbers must be {first} to {last}"
        )
    if start != _ID_OF_TENCH:
        return _NUMBERINGS[start], {number - start: name for number, name in name_by_number.items()}
    if kit is None:
        raise ValueError(
            f"it is in the order of ILSVRC2012_IDs, as tench is number {_ID_OF_TENCH}: give the devkit, as "
            "option 'names.devkit'"
        )
    return _NUMBERINGS[start], {
        label: name_by_number[info.ilsvrc2012_id]
        for label, info in enumerate(kit.classes)
        if info.ilsvrc2012_id in name_by_number
    }


def _by_wnid(pairs: Sequence[tuple[ClassRow, str]], kit: Devkit | None) -> dict[int, str]:
    """Return the names by label; raise `ValueError` if the WNIDs or numbers are not those of the classes."""
    listed: dict[str, str] = {}
    for row, name in pairs:
        wnid = row.wnid or ""
        if wnid in listed:
            raise ValueError(f"{row.where}: {wnid} is listed twice")
        listed[wnid] = name
    wnids = sorted(listed) if kit is None else [info.wnid for info in kit.classes]
    if (
        kit is None
        and hashlib.sha256("".join(f"{wnid}\n" for wnid in wnids).encode()).hexdigest() != _WNIDS_SHA256
    ):
        raise ValueError(
            f"its {quantity(len(wnids), 'WNIDs')} are not the thousand of ILSVRC2012; for a part of them, "
            "give the devkit, as option 'names.devkit'"
        )
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    for row, _ in pairs:
        if row.wnid not in label_of:
            raise ValueError(f"{row.where}: {row.wnid} is none of the thousand of ILSVRC2012")
    _check_numbers([row for row, _ in pairs], label_of, kit)
    return {label_of[wnid]: name for wnid, name in listed.items()}


def _check_numbers(rows: Sequence[ClassRow], label_of: Mapping[str, int], kit: Devkit | None) -> None:
    """Raise `ValueError` if a list's numbers contradict its WNIDs."""
    start = next((row.number for row in rows if row.wnid == TENCH), None)
    for row in rows:
        label = label_of[row.wnid or ""]
        if row.number is None or start is None:
            continue
        if start == _ID_OF_TENCH:
            wrong = kit is not None and kit.classes[label].ilsvrc2012_id != row.number
        else:
            wrong = row.number != label + start
        if wrong or start not in _NUMBERINGS:
            raise ValueError(
                f"{row.where}: the number {row.number} is not that of {row.wnid}, as {TENCH} is {start}"
            )


def _anchored(name_by_number: Mapping[int, str], numbers: Sequence[int], anchors: Sequence[str]) -> list[int]:
    """Return the numbers whose names contain an anchor."""
    wanted = [anchor.casefold() for anchor in anchors if anchor]
    return [n for n in numbers if any(anchor in name_by_number.get(n, "").casefold() for anchor in wanted)]


def _find_anchor(name_by_number: Mapping[int, str], anchors: Sequence[str]) -> int:
    found = _anchored(name_by_number, tuple(_NUMBERINGS), anchors)
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
