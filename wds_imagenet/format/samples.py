"""Samples in a tar: neighbouring members of one key."""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias, overload

from wds_imagenet.errors import CorruptError
from wds_imagenet.format.tar import Member, walk_bytes
from wds_imagenet.sample import IMAGE_SUFFIXES, Sample, split_name

Found: TypeAlias = tuple[list[str], list[tuple[str, ...]], bytes, bytes]
"""Samples as `native/walk.c` describes them: keys, suffixes, heads, spans."""
Walk = Callable[[memoryview, bool, AbstractSet[str]], Found | None]
KeyLabelImage: TypeAlias = tuple[str, int | None, bytes | memoryview]
"""A sample's key, its label, and its encoded image."""

_HEAD: Final = 4  # numbers a sample
_NO_LABEL: Final = -(1 << 63)


def _load() -> Walk | None:
    try:
        from wds_imagenet.format._walk import walk  # noqa: PLC0415 - it may not be there
    except ImportError:  # it was installed where there is no C compiler
        return None
    return walk


_walk: Final = _load()
_META: Final = re.compile(r"__[^/]*__($|/)")


def walk_engine() -> str:
    """Return what walks over plain headers: `native`, or `Python` where the C module was not built."""
    return "Python" if _walk is None else "native"


def group_members(members: Iterable[Member]) -> Iterator[tuple[str, dict[str, Member]]]:
    """Yield each key with its members by suffix, in the order of the archive.

    Raises `CorruptError` for a suffix that comes twice under one key. Members named `__…__`, or in
    a folder of such a name, are webdataset's own and passed by, as it does.
    """
    key: str | None = None
    sample: dict[str, Member] = {}
    for member in members:
        if "__" in member.name and _META.match(member.name):
            continue
        member_key, suffix = split_name(member.name)
        if not member_key.rpartition("/")[2]:
            raise CorruptError(f"the member {member.name!r} at offset {member.start:,} has no key")
        if member_key != key:
            if key is not None:
                yield key, sample
            key, sample = member_key, {}
        if suffix in sample:
            raise CorruptError(
                f"key {member_key!r} has two members {suffix!r}, at offsets "
                f"{sample[suffix].start:,} and {member.start:,}"
            )
        sample[suffix] = member
    if key is not None:
        yield key, sample


class ArchiveSamples(Sequence[Sample]):
    """The samples of an archive in memory, each made when it is asked for.

    C finds them where every header is plain, in a tenth of the time. Raises the errors of `group_members`
    and of the walk. Waiting samples are kept as keys and flat numbers: thousands of objects with references
    cost Python's garbage collector more time than finding the samples takes.
    """

    __slots__ = ("_heads", "_keys", "_spans", "_suffixes", "_view")

    def __init__(self, data: bytes | memoryview, *, ended: bool = True) -> None:
        self._view = memoryview(data)
        found = None if _walk is None else _walk(self._view, ended, IMAGE_SUFFIXES)
        keys, suffixes, heads, spans = _walk_in_python(self._view, ended=ended) if found is None else found
        self._keys, self._suffixes = keys, suffixes
        self._heads, self._spans = memoryview(heads).cast("q"), memoryview(spans).cast("q")

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> list[Sample]: ...
    def __getitem__(self, at: int | slice) -> Sample | list[Sample]:
        """Return one of them, or some. Costs about 3 µs each."""
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        key, suffixes, view = self._keys[at], self._suffixes[at], self._view
        first = 2 * self._heads[_HEAD * at + 3]
        ends = self._spans[first : first + 2 * len(suffixes)].tolist()
        spans = zip(suffixes, ends[::2], ends[1::2], strict=True)
        return Sample(key, {suffix: view[begin:end] for suffix, begin, end in spans})

    def key_label_image(self, at: int) -> KeyLabelImage:
        """Return what most batches need of a sample, without making it. Costs about 0.4 µs.

        Raises `CorruptError` as the sample's own `suffix` and `label` do.
        """
        heads, first = self._heads, _HEAD * at
        begin, label = heads[first], heads[first + 2]
        if begin < 0 or label == _NO_LABEL:
            return _look(self[at])
        return self._keys[at], label, self._view[begin : heads[first + 1]]


def key_label_image(samples: Sequence[Sample], at: int) -> KeyLabelImage:
    """Return key, label and image of one of some samples. Raises `CorruptError` where they cannot be had."""
    return samples.key_label_image(at) if isinstance(samples, ArchiveSamples) else _look(samples[at])


def _look(sample: Sample) -> KeyLabelImage:
    return sample.key, sample.label, sample.members[sample.suffix]


def _walk_in_python(view: memoryview, *, ended: bool) -> Found:
    keys, suffixes, heads, spans = [], [], array("q"), array("q")
    for key, members in group_members(walk_bytes(view, ended=ended)):
        keys.append(key)
        suffixes.append(tuple(members))
        pictures = [
            (m.offset, m.offset + m.size) for suffix, m in members.items() if suffix in IMAGE_SUFFIXES
        ]
        heads.extend((*(pictures or [(-1, -1)])[0], _NO_LABEL, len(spans) // 2))  # labels are read later
        for member in members.values():
            spans.extend((member.offset, member.offset + member.size))
    return keys, suffixes, heads.tobytes(), spans.tobytes()
