"""Selection of samples by key and label, and the mapping from their labels to new ones."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import ClassList
from wds_imagenet.imagenet.class_naming import ClassNaming, label_classes
from wds_imagenet.inputs.shards.content import class_name_error
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.sources.webdataset.key_list import KeyList
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.messages import quantity

_RANGE: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_MAX_BYTES: Final = 1 << 30


@dataclass(slots=True)
class Selection:
    """The keys and labels of the samples to take; None takes all."""

    keys: KeyList | None = None
    labels: tuple[range, ...] | None = None
    names: frozenset[str] = frozenset()
    """Names of the classes to take, besides the labels."""
    _found: set[str] = field(default_factory=set, repr=False)

    def has_key(self, key: str) -> bool:
        """Return True if the samples of this key are selected. Raises `SourceError` as `KeyList.has` does."""
        return self.keys is None or self.keys.has(key)

    def has_label(self, label: str | None, names: Callable[[], Iterable[str]], where: str) -> bool:
        """Return True if the samples of this label are selected.

        Args:
            label: the label; None if the sample has none.
            names: returns the names of the sample's class, each with synonyms or not.
            where: the location of the label, for errors.

        Raises:
            SourceError: the label is no number, and no names are selected.
        """
        if self.labels is None:
            return True
        if label is not None and _NUMBER.fullmatch(label):
            if any(int(label) in labels for labels in self.labels):
                return True
        elif not self.names:
            raise SourceError(f"{where}: the label is {label!r:.40}, which no number selects")
        if not self.names:
            return False
        known = {part.strip() for name in names() for part in (name, *name.split(","))}
        self._found |= known & self.names
        return not known.isdisjoint(self.names)

    def advice(self) -> str:
        """Return how to select classes by names that no sample has, as the end of a sentence."""
        missing = self.names - self._found
        return f"; to select {min(missing)!r}, give the class list as option 'classes'" if missing else ""

    def notes(self) -> Iterator[str]:
        """Yield a note on keys and on names that no sample has."""
        if self.keys is not None and (missing := self.keys.missing()):
            yield f"{quantity(len(missing), 'keys')} of {self.keys.url} in no shard, such as {min(missing)!r}"
        if missing := sorted(self.names - self._found):
            yield f"{quantity(len(missing), 'classes')} to select in no shard, such as {missing[0]!r}"


def select(keys: str | None, labels: str | None, options: StorageOptions) -> Selection:
    """Read the selection.

    Args:
        keys: URL of a file with keys, file names or paths, one a line; None selects all.
        labels: numbers, ranges, WNIDs and names such as `0,5-9,n01440764`; None selects all.
        options: options of the file's store.

    Raises:
        SourceError: the file has no keys, or is not UTF-8.
        UsageError: the labels are malformed.
    """
    listed = None if keys is None else KeyList(_lines(keys, options), keys)
    if labels is None:
        return Selection(listed)
    parts = [part.strip() for part in labels.split(",")]
    names = frozenset(part for part in parts if any(letter.isalpha() for letter in part))
    return Selection(listed, tuple(_range(part) for part in parts if part not in names), names)


@dataclass(frozen=True, slots=True)
class LabelMap:
    """The mapping from the labels in the shards to new ones."""

    listed: ClassList | None = None
    mapping: Mapping[str, str] | None = None
    naming: ClassNaming | None = None
    """The labels of the mapping's new names."""
    url: str = ""
    """The URL of the file of the mapping."""
    old_classes: tuple[Mapping[str, Any], ...] = ()
    """The class table of the shards: the mapping may have its names, and numbers keep them."""
    _cache: dict[str, int | None] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> tuple[Mapping[str, Any], ...] | None:
        """The class table of the new labels; None if the labels stay unchanged."""
        if self.naming is not None:
            return self.naming.classes or self._kept_names()
        return None if self.listed is None else self.listed.classes

    def _kept_names(self) -> tuple[Mapping[str, Any], ...]:
        """Return the class table of new labels that are numbers, named after the old ones.

        A class that several old ones became has their names, with ", " between. The table is empty if the
        shards have none, or if the new labels are not 0, 1, … without a gap.
        """
        if not self.old_classes or self.naming is None or self.mapping is None:
            return ()
        old_of: dict[int, list[str]] = {}
        for old, name in self.mapping.items():
            new = self.naming.labels[name]
            label = int(old) if _NUMBER.fullmatch(old) else None
            if new is not None and label is not None and 0 <= label < len(self.old_classes):
                old_of.setdefault(new, []).append(str(self.old_classes[label].get("name", label)))
        if sorted(old_of) != list(range(len(old_of))):
            return ()
        return tuple({"name": ", ".join(old_of[label])} for label in range(len(old_of)))

    def label(self, text: str | None, label: int | str | None, where: Callable[[], str]) -> int | None:
        """Return the new label of a sample, None for none.

        Args:
            text: the label as the shard has it; None if the shard has none.
            label: the label as `label_of` reads it.
            where: returns the location of the label, for errors.

        Raises:
            SourceError: the mapping or the class list lacks the label.
        """
        if text is None:
            return None
        if text not in self._cache:
            self._cache[text] = self._find(text, label, where)
        return self._cache[text]

    def _find(self, text: str, label: int | str | None, where: Callable[[], str]) -> int | None:
        number = text if label is None else str(label)
        if self.mapping is not None and self.naming is not None:
            known = self.old_classes[label] if type(label) is int and label < len(self.old_classes) else {}
            names = [text, number, *(str(known[name]) for name in ("name", "wnid") if name in known)]
            old = next((name for name in names if name in self.mapping), None)
            if old is None:
                raise SourceError(f"{where()}: the label {text!r:.60} is not in {self.url}")
            return self.naming.labels[self.mapping[old]]
        if self.listed is None:
            if isinstance(label, str):
                raise class_name_error(label, where())
            return label
        listed = number if self.listed.find(text) is None else text
        return label_classes([listed], self.listed, lambda _: where()).labels[listed]


def read_label_map(
    url: str | None,
    listed: ClassList | None,
    options: StorageOptions,
    old_classes: tuple[Mapping[str, Any], ...] = (),
) -> LabelMap:
    """Read the mapping from old labels to new ones.

    Args:
        url: file of `old<TAB>new` lines, of which the new label is a number or a name; None maps none.
        listed: class list that gives each name its label.
        options: options of the file's store.
        old_classes: class table of the shards.

    Raises:
        SourceError: a line is malformed or contradicts another; the message names its line.
    """
    if url is None:
        return LabelMap(listed)
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
    return LabelMap(listed, mapping, naming, url, old_classes)


def _lines(url: str, options: StorageOptions) -> list[str]:
    data = read_file(url, options, max_bytes=_MAX_BYTES, unzips=True)
    try:
        return data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise SourceError(f"{url} is not UTF-8: {error}") from error


def _range(text: str) -> range:
    match = _RANGE.fullmatch(text.strip())
    if match is None or int(match[2] or match[1]) < int(match[1]):
        raise UsageError(
            f"option 'select_labels' is numbers, ranges and names such as 0,5-9,n01440764, not {text!r}"
        )
    return range(int(match[1]), int(match[2] or match[1]) + 1)
