"""Samples of a tar archive: neighbouring members of one key."""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeAlias, overload

from wds_imagenet.errors import CorruptError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.tar import Member, walk_bytes
from wds_imagenet.sample import IMAGE_SUFFIXES, Sample, split_name

Found: TypeAlias = tuple[list[str], list[tuple[str, ...]], bytes, bytes]
"""Samples as `native/walk.c` returns them: keys, suffixes, heads, spans.

Heads are int64[4] a sample: begin and end of its image (-1 without one), its label, the index of its first
span. Spans are int64[2] a member: begin and end of its content. All offsets count from the data's begin.
"""
Walk = Callable[[memoryview, bool, AbstractSet[str]], Found | None]
KeyLabelImage: TypeAlias = tuple[str, int | None, bytes | memoryview]
"""Key, label and encoded image of a sample."""

_HEAD_LENGTH: Final = 4
_NO_LABEL: Final = -(1 << 63)


def _load() -> Walk | None:
    try:
        from wds_imagenet.format._walk import walk  # noqa: PLC0415 - built only where there is a C compiler
    except ImportError:
        return None
    return walk


_walk: Final = _load()
_METADATA_NAME: Final = re.compile(r"__[^/]*__($|/)")


def is_metadata(name: str) -> bool:
    """Return True for a member named `__…__`, or in a folder of such a name: webdataset's metadata."""
    return "__" in name and _METADATA_NAME.match(name) is not None


def walk_engine() -> str:
    """Return the engine of the walk: `native`, or `Python` if the C module was not built."""
    return "Python" if _walk is None else "native"


def group_members(members: Iterable[Member]) -> Iterator[tuple[str, dict[str, Member]]]:
    """Yield each key with its members by suffix, in the order of the archive.

    Skipped, as by webdataset, are members without suffix and members of `is_metadata`; so are hidden and
    system files.

    Raises:
        CorruptError: for a member without a key, and for a key with two members of one suffix.
    """
    key: str | None = None
    sample: dict[str, Member] = {}
    for member in members:
        member_key, suffix = split_name(member.name)
        if not suffix or is_metadata(member.name) or is_ignored(member.name):
            continue
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
    """The samples of an archive in memory, found at once; each `Sample` is created on access.

    Their members are views into the archive, without a copy. Finding costs about 1 µs a sample in C, which
    handles plain headers, and ten times that in Python. Only keys and flat numbers are stored: thousands of
    objects that refer to others would cost Python's garbage collector more time than the walk takes.

    Args:
        data: the archive, or a part of it that begins and ends between samples.
        ended: True if the data must have the archive's end marker.

    Raises:
        CorruptError: as `tar.walk` and `group_members` do.
    """

    __slots__ = ("_heads", "_keys", "_spans", "_suffixes", "_view")

    def __init__(self, data: bytes | memoryview, *, ended: bool = True) -> None:
        self._view = memoryview(data)
        found = None if _walk is None else _walk(self._view, ended, IMAGE_SUFFIXES)
        keys, suffixes, heads, spans = _walk_in_python(self._view, ended=ended) if found is None else found
        self._keys, self._suffixes = keys, suffixes
        self._heads, self._spans = memoryview(heads).cast("q"), memoryview(spans).cast("q")

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Return a sample, or a list of them for a slice. Costs about 3 µs a sample."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        key, suffixes, view = self._keys[index], self._suffixes[index], self._view
        first = 2 * self._heads[_HEAD_LENGTH * index + 3]
        ends = self._spans[first : first + 2 * len(suffixes)].tolist()
        spans = zip(suffixes, ends[::2], ends[1::2], strict=True)
        return Sample(key, {suffix: view[begin:end] for suffix, begin, end in spans})

    def key_label_image(self, index: int) -> KeyLabelImage:
        """Return key, label and encoded image of a sample. Costs about 0.4 µs: no `Sample` is created.

        Raises:
            CorruptError: as `Sample.suffix` and `Sample.label` do.
        """
        heads, first = self._heads, _HEAD_LENGTH * index
        begin, label = heads[first], heads[first + 2]
        if begin < 0 or label < 0:  # -1 stands for no label
            return _from_sample(self[index])
        return self._keys[index], label, self._view[begin : heads[first + 1]]


def key_label_image(samples: Sequence[Sample], index: int) -> KeyLabelImage:
    """Return key, label and encoded image of one of the samples. Raises `CorruptError` if it lacks them."""
    return (
        samples.key_label_image(index)
        if isinstance(samples, ArchiveSamples)
        else _from_sample(samples[index])
    )


def _from_sample(sample: Sample) -> KeyLabelImage:
    return sample.key, sample.label, sample.members[sample.suffix]


def _walk_in_python(view: memoryview, *, ended: bool) -> Found:
    keys, suffixes, heads, spans = [], [], array("q"), array("q")
    for key, members in group_members(walk_bytes(view, ended=ended)):
        keys.append(key)
        suffixes.append(tuple(members))
        heads.extend((-1, -1, _NO_LABEL, len(spans) // 2))  # image and label are read later, from the members
        for member in members.values():
            spans.extend((member.offset, member.offset + member.size))
    return keys, suffixes, heads.tobytes(), spans.tobytes()
