"""Class lists: a file that fixes the label of each class.

As text, UTF-8, one class a line. The number of the line, from 0, is the label::

    tench                               a name
    n01440764                           a WNID
    n01440764 tench, Tinca tinca        a WNID and its names (Kaggle's LOC_synset_mapping.txt)
    0<TAB>tench                         an explicit label, on every line then, in any order

As JSON, an array in the order of the labels, or an object by label; each entry is a name or
`[WNID, name]`. Or ImageNet-V2's `class_info.json`, an array of objects in any order.

Explicit labels must be 0, 1, … without a gap. A list that begins at 1 is rejected, because its labels may be
off by one or lack class 0.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

_T = TypeVar("_T")
_MAX_BYTES: Final = 16 << 20
_WNID_LINE: Final = re.compile(r"(n[0-9]{8})(?:\s*:\s*|\s+|$)(.*)")
_LABEL_LINE: Final = re.compile(r"([0-9]{1,7})\t(.*)")
_CLSLOC_LINE: Final = re.compile(r"n[0-9]{8} ([0-9]+) \S+")


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
    """Return the class list in a file, in one of the forms above.

    Args:
        url: the file.
        storage_options: storage options.

    Raises:
        SourceError: the file is in no such form; the message gives the line or class.
    """
    data = read_file(url, storage_options, max_bytes=_MAX_BYTES)
    try:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
            entries = list(_from_json(data.removeprefix(b"\xef\xbb\xbf")))
        else:
            entries = list(_from_text(data.decode("utf-8-sig")))
        return ClassList(url, tuple(_class_infos(entries)))
    except ValueError as error:
        raise SourceError(f"the class list {url} cannot be used: {error}") from error


def _from_text(text: str) -> Iterator[tuple[str | None, str]]:
    lines = [line.rstrip() for line in text.rstrip().split("\n")] if text.strip() else []
    for number, line in enumerate(lines, 1):
        if not line:
            raise ValueError(f"line {number} is empty, which would shift the labels after it: remove it")
    if len(lines) > 1 and all(
        (match := _CLSLOC_LINE.fullmatch(line)) and int(match[1]) == number
        for number, line in enumerate(lines, 1)
    ):
        raise ValueError(
            "it is a map_clsloc.txt, in the order of ILSVRC2012_IDs, not of labels; give the devkit"
        )
    explicit = [_LABEL_LINE.fullmatch(line) for line in lines]
    if any(explicit):
        if not all(explicit):
            number = explicit.index(None) + 1
            raise ValueError(f"line {number} has no 'label<TAB>', but others have: {lines[number - 1]!r:.60}")
        lines = list(_in_order((int(match[1]), match[2]) for match in explicit if match))
    for line in lines:
        match = _WNID_LINE.fullmatch(line)
        yield (match[1], match[2] or match[1]) if match else (None, line)


def _from_json(data: bytes) -> Iterator[tuple[str | None, str]]:
    value = strict_json.loads(data, max_bytes=_MAX_BYTES)
    if isinstance(value, dict):
        for name in value:
            if not re.fullmatch("[0-9]{1,7}", name):
                raise ValueError(
                    f"{name!r:.60} is not a label; the names of a JSON object must be the labels 0, 1, …"
                )
        value = list(_in_order((int(name), entry) for name, entry in value.items()))
    elif value and all(isinstance(entry, dict) for entry in value):
        value = list(_in_order(map(_from_class_info, value)))
    for label, entry in enumerate(value):
        match entry:
            case str(name):
                yield (name, name) if re.fullmatch("n[0-9]{8}", name) else (None, name)
            case [str(wnid), str(name)] if re.fullmatch("n[0-9]{8}", wnid):
                yield wnid, name
            case _:
                raise ValueError(f"class {label} is {entry!r:.60}, neither a name nor [WNID, name]")


def _from_class_info(entry: Mapping[str, object]) -> tuple[int, list[str]]:
    match entry:
        case {"cid": int(label), "wnid": str(wnid), "synset": [*lemmas]} if lemmas:
            return label, [wnid, ", ".join(map(str, lemmas))]
    raise ValueError(f"{entry!r:.60} is not an object with 'cid', 'wnid' and 'synset'")


def _in_order(entries: Iterable[tuple[int, _T]]) -> Iterator[_T]:
    ordered = sorted(entries, key=lambda entry: entry[0])
    for expected, (label, entry) in enumerate(ordered):
        if label != expected:
            raise ValueError(f"its labels are not 0, 1, …: {label} is in the place of {expected}")
        yield entry


def _class_infos(entries: list[tuple[str | None, str]]) -> Iterator[Mapping[str, str]]:
    if not entries:
        raise ValueError("it is empty")
    seen: dict[str, int] = {}
    with_wnids = any(wnid for wnid, _ in entries)
    for label, (wnid, name) in enumerate(entries):
        if wnid is None:
            if with_wnids:
                raise ValueError(f"class {label} ({name!r:.60}) has no WNID, but others have")
            yield {"name": name}
        elif seen.setdefault(wnid, label) != label:
            raise ValueError(f"{wnid} is class {seen[wnid]} and class {label}")
        else:
            yield {"name": name, "wnid": wnid}
