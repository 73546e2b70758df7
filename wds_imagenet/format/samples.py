"""Samples in a tar: neighbouring members of one key."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from wds_imagenet.errors import CorruptError
from wds_imagenet.format.tar import Member, walk_bytes
from wds_imagenet.sample import Sample, split_name

_META: Final = re.compile(r"__[^/]*__($|/)")


def group(members: Iterable[Member]) -> Iterator[tuple[str, dict[str, Member]]]:
    """Yield each key with its members by suffix, in the order of the archive.

    Raises `CorruptError` for a suffix that comes twice under one key. Members named `__…__`, or in
    a folder of such a name, are webdataset's own and passed by, as it does.
    """
    key: str | None = None
    sample: dict[str, Member] = {}
    for member in members:
        if _META.match(member.name):
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
    for key, members in group(walk_bytes(view, ended=ended)):
        yield Sample(key, {s: view[m.offset : m.offset + m.size] for s, m in members.items()})
