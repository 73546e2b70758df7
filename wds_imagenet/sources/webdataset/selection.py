"""Which samples of a packed data set are taken, and what their labels become."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.imagenet.class_naming import ClassNaming, label_classes
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.storage.store import StorageOptions

_RANGE: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_MAX_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Selection:
    """Keys and labels that are asked for; None asks for all."""

    keys: frozenset[str] | None = None
    labels: tuple[range, ...] | None = None
    url: str = ""
    """The file of the keys."""

    def takes(self, key: str, label: str | None, where: str) -> bool:
        """Whether a sample is asked for. Raises `SourceError` for a label that is no number."""
        if self.keys is not None and key not in self.keys:
            return False
        if self.labels is None:
            return True
        if label is None or not _NUMBER.fullmatch(label):
            raise SourceError(f"{where}: its label is {label!r:.40}, which is not selected by number")
        return any(int(label) in labels for labels in self.labels)


def select(keys: str | None, labels: str | None, options: StorageOptions) -> Selection:
    """Return what is asked for: a file with keys, one a line, and labels such as `0,5-9`."""
    wanted = None
    if keys is not None:
        wanted = frozenset(line.strip() for line in _lines(keys, options)) - {""}
        if not wanted:
            raise SourceError(f"{keys} lists no keys")
    return Selection(wanted, None if labels is None else tuple(map(_range, labels.split(","))), keys or "")


@dataclass(frozen=True, slots=True)
class Relabelling:
    """What the labels of a packed data set become."""

    listed: ClassList | None = None
    mapping: Mapping[str, str] | None = None
    naming: ClassNaming | None = None
    """Of the mapping's right side."""
    url: str = ""
    """The file of the mapping."""
    _known: dict[str, int | None] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> tuple[Mapping[str, Any], ...] | None:
        """The class table that goes with the new labels; None if they are the old ones."""
        if self.naming is not None:
            return self.naming.classes
        return None if self.listed is None else self.listed.classes

    def label(self, text: str, where: Callable[[], str]) -> int | None:
        """Return the label that a text becomes, None for `-1`.

        Raises `SourceError` for one that the mapping or the class list lacks.
        """
        if text not in self._known:
            self._known[text] = self._find(text, where)
        return self._known[text]

    def _find(self, text: str, where: Callable[[], str]) -> int | None:
        if self.mapping is not None and self.naming is not None:
            if text not in self.mapping:
                raise SourceError(f"{where()}: the label {text!r:.60} is not in {self.url}")
            return self.naming.labels[self.mapping[text]]
        if self.listed is None and not _NUMBER.fullmatch(text):
            raise SourceError(
                f"{where()}: the label {text!r:.60} is not an integer of up to 9 digits; names need a class "
                "list, given as option 'classes', or a file of old and new labels, given as option 'relabel'"
            )
        return label_classes([text], self.listed, lambda _: where()).labels[text]


def relabelling(url: str | None, listed: ClassList | None, options: StorageOptions) -> Relabelling:
    """Return what a file of `old<TAB>new` lines and a class list make of labels.

    What is new is a number or a name, and understood as in `labels.naming`. Raises `SourceError` that
    names the line.
    """
    if url is None:
        return Relabelling(listed)
    mapping: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(_lines(url, options), 1):
        old, new = (part.strip() for part in line.partition("\t")[::2])
        if not line.strip():
            continue
        if not (old and new):
            raise SourceError(f"{url}, line {number:,} is not old<TAB>new: {line!r:.60}")
        if mapping.setdefault(old, new) != new:
            raise SourceError(f"{url}, line {number:,}: {old!r} becomes {new!r}, but {mapping[old]!r} before")
        lines.setdefault(new, number)
    if not mapping:
        raise SourceError(f"{url} is empty")
    naming = label_classes(lines, listed, lambda name: f"{url}, line {lines[name]:,}")
    return Relabelling(listed, mapping, naming, url)


def _lines(url: str, options: StorageOptions) -> list[str]:
    data = read_file(url, options, max_bytes=_MAX_BYTES)
    try:
        return data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise SourceError(f"{url} is not UTF-8: {error}") from error


def _range(text: str) -> range:
    match = _RANGE.fullmatch(text.strip())
    if match is None or int(match[2] or match[1]) < int(match[1]):
        raise UsageError(f"labels to select are numbers and ranges such as 0,5-9, not {text!r}")
    return range(int(match[1]), int(match[2] or match[1]) + 1)
