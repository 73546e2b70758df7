"""Class lists: a file that fixes the label of each class, in one of the forms of `class_rows`.

Numbers are the labels, in any order. They must be 0, 1, … without a gap: the labels of a list that begins at
1 may be off by one, or lack class 0. In a list without numbers, the position of each class is its label.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_rows import ClassRow, ClassRows, parse_class_rows
from wds_imagenet.imagenet.packed_classes import read_packed_classes
from wds_imagenet.inputs.small_files import find_file, read_file
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

_MAX_BYTES: Final = 16 << 20
_NAME_COLUMNS: Final = (
    "name",
    "names",
    "class_name",
    "classname",
    "synset",
    "words",
    "label",
    "class",
    "category",
)


@dataclass(frozen=True, slots=True)
class ClassList:
    """The classes of a class list, by label."""

    url: str
    """The file, for errors."""
    classes: tuple[Mapping[str, str], ...]
    """By label: the `name`, and the `wnid` if every class has one."""
    _labels: dict[str, list[int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        labels: dict[str, list[int]] = {}
        for label, info in enumerate(self.classes):
            for name in set(info.values()):
                labels.setdefault(name, []).append(label)
        object.__setattr__(self, "_labels", labels)

    def __len__(self) -> int:
        return len(self.classes)

    def find(self, name: str) -> int | None:
        """Return the label of a WNID or name, None if it is not listed.

        Raises `SourceError` for a name that two classes share, such as `crane`.
        """
        labels = self._labels.get(name, [])
        if len(labels) > 1:
            raise SourceError(f"{self.url}: {name!r} is the name of several classes, {labels}: use WNIDs")
        return labels[0] if labels else None


def read_classes(url: str, storage_options: StorageOptions = NO_OPTIONS) -> ClassList:
    """Return the class list in a file, or the classes of a packed data set.

    Args:
        url: the file, or the data set.
        storage_options: storage options.

    Raises:
        SourceError: the file is in no form of `class_rows`, its labels are not 0, 1, …, or it has several
            columns of names; the message gives the line or class.
    """
    if find_file(url, storage_options) is None:
        packed = read_packed_classes(url, storage_options)
        if packed is not None:
            return ClassList(url, packed)
    data = read_file(url, storage_options, max_bytes=_MAX_BYTES, unzips=True)
    try:
        listed = parse_class_rows(data)
        column = _choose_column(listed)
        names = [row.wnid or "" for row in listed.rows] if column is None else listed.names(column)
        classes = _class_infos(_in_order(list(zip(listed.rows, names, strict=True))))
        return ClassList(url, tuple(classes))
    except ValueError as error:
        raise SourceError(f"the class list {url} cannot be used: {error}") from error


def _choose_column(listed: ClassRows) -> int | None:
    """Return the column of the names; None if there are only WNIDs."""
    if len(listed.columns) <= 1:
        return 0 if listed.columns else None
    headers = [header.casefold() for header in listed.columns]
    usual = next((name for name in _NAME_COLUMNS if name in headers), None)
    if usual is None:
        example = listed.rows[0]
        raise ValueError(
            f"it has {len(headers)} columns of names, such as {', '.join(map(repr, example.names)):.100} in "
            f"{example.where}: leave one, or call one 'name' in the header line"
        )
    return headers.index(usual)


def _in_order(entries: Sequence[tuple[ClassRow, str]]) -> Iterator[tuple[ClassRow, str]]:
    rows = [row for row, _ in entries]
    if _is_by_ilsvrc_id(rows):
        raise ValueError(
            "it is a map_clsloc.txt, in the order of ILSVRC2012_IDs, not of labels; give the devkit"
        )
    if rows[0].number is None:
        wnids = [row.wnid or "" for row in rows]
        if rows[0].where.startswith("entry 'n") and wnids != sorted(wnids):
            raise ValueError("it is by WNID, but not in the order of WNIDs: give the labels, too")
        yield from entries
        return
    ordered = sorted(entries, key=lambda entry: entry[0].number or 0)
    for expected, (row, name) in enumerate(ordered):
        if row.number != expected:
            base = "; its numbers begin at 1: subtract 1 from each" if ordered[0][0].number == 1 else ""
            raise ValueError(
                f"{row.where}: its labels are not 0, 1, …: {row.number} is in the place of {expected}{base}"
            )
        yield row, name


def _is_by_ilsvrc_id(rows: Sequence[ClassRow]) -> bool:
    """Return True for numbers from 1, and WNIDs in another order."""
    if len(rows) < 2 or any(row.number is None or row.wnid is None for row in rows):
        return False
    ordered = sorted(rows, key=lambda row: row.number or 0)
    wnids = [row.wnid or "" for row in ordered]
    return ordered[0].number == 1 and wnids != sorted(wnids)


def _class_infos(entries: Iterator[tuple[ClassRow, str]]) -> Iterator[Mapping[str, str]]:
    seen: dict[str, int] = {}
    for label, (row, name) in enumerate(entries):
        if row.wnid is None:
            wnid = re.fullmatch("n[0-9]{8}", name)
            yield {"name": name, "wnid": name} if wnid else {"name": name}
        elif seen.setdefault(row.wnid, label) != label:
            raise ValueError(f"{row.where}: {row.wnid} is class {seen[row.wnid]} and class {label}")
        else:
            yield {"name": name, "wnid": row.wnid}
