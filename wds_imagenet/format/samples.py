"""Samples in a tar: neighbouring members of one key."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, overload

from wds_imagenet.errors import CorruptError
from wds_imagenet.format.tar import Member, walk_bytes
from wds_imagenet.sample import Sample, split_name

Place = tuple[Any, ...]
"""A key, and then for each of its members the suffix, and the offsets at which it begins and ends."""
Walk = Callable[[memoryview, bool], list[Place] | None]


def _load() -> Walk | None:
    try:
        from wds_imagenet.format._walk import walk  # noqa: PLC0415 - it may not be there
    except ImportError:  # it was installed where there is no C compiler
        return None
    return walk


_walk: Final = _load()
_META: Final = re.compile(r"__[^/]*__($|/)")


def engine() -> str:
    """Return what walks over plain headers: `native`, or `Python` where the C module was not built."""
    return "Python" if _walk is None else "native"


def group(members: Iterable[Member]) -> Iterator[tuple[str, dict[str, Member]]]:
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


def read_samples(data: bytes | memoryview, *, ended: bool = True) -> Iterator[Sample]:
    """Yield the samples of an archive in memory, their members as views into it: nothing is copied."""
    view = memoryview(data)
    for place in _places(view, ended=ended):
        yield _sample(view, place)


class Samples(Sequence[Sample]):
    """The same, all of them found, each made when it is asked for.

    What is kept of those that wait is flat tuples of names and numbers: thousands of objects that refer to
    others cost Python's garbage collector more time than finding the samples takes.
    """

    __slots__ = ("_found", "_view")

    def __init__(self, data: bytes | memoryview, *, ended: bool = True) -> None:
        self._view = memoryview(data)
        self._found = list(_places(self._view, ended=ended))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._found)

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> list[Sample]: ...
    def __getitem__(self, at: int | slice) -> Sample | list[Sample]:
        """Return one of them, or some."""
        if isinstance(at, slice):
            return [_sample(self._view, place) for place in self._found[at]]
        return _sample(self._view, self._found[at])


def _places(view: memoryview, *, ended: bool) -> Iterable[Place]:
    """Find the samples of an archive, in C where every header is plain, which takes a tenth of the time."""
    plain = None if _walk is None else _walk(view, ended)
    return _places_in_python(view, ended=ended) if plain is None else plain


def _places_in_python(view: memoryview, *, ended: bool) -> Iterator[Place]:
    for key, members in group(walk_bytes(view, ended=ended)):
        ends = ((suffix, m.offset, m.offset + m.size) for suffix, m in members.items())
        yield key, *chain.from_iterable(ends)


def _sample(view: memoryview, place: Place) -> Sample:
    key, *ends = place
    members = zip(ends[::3], ends[1::3], ends[2::3], strict=True)
    return Sample(key, {suffix: view[start:stop] for suffix, start, stop in members})
