"""Equal keys among many, found in 8 bytes of memory a key. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.keys import repeated_positions
from wds_imagenet.inputs.reference import Reference

if TYPE_CHECKING:
    from array import array

KeyHashes = npt.NDArray[np.uint64]


def hash_keys(keys: Iterable[str]) -> KeyHashes:
    """Return 64 bits of each key, its case ignored. Costs a microsecond a key."""
    digests = (hashlib.blake2b(key.lower().encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(b"".join(digests), np.uint64)


def check_listed_keys(references: Sequence[Reference], hashes: "array[int]") -> tuple[str, ...]:
    """Reject two references with the same key; return a note if keys differ only in case.

    Args:
        references: the listing.
        hashes: `hash(key.lower())` of each reference.

    Raises:
        SourceError: two references have the same key; the message names both.
    """
    names: dict[str, str] = {}
    folded: dict[str, str] = {}
    clashes = []
    for index in repeated_positions(hashes):
        key, name = references[index].key, references[index].name
        if key in names:
            raise SourceError(f"{names[key]!r} and {name!r} have the same key {key!r}: rename one of the two")
        names[key] = name
        first = folded.setdefault(key.lower(), key)
        if first != key:
            clashes.append(f"{first!r} and {key!r}")
    return _case_note(clashes)


def check_packed_keys(
    hashes: Sequence[KeyHashes], shards: Callable[[], Iterable[tuple[str, Sequence[str]]]]
) -> tuple[str, ...]:
    """Reject two samples with the same key in different shards; return a note if keys differ only in case.

    Args:
        hashes: `hash_keys` of each shard.
        shards: returns the name and the keys of each shard; called only if hashes are equal.

    Raises:
        SourceError: two samples have the same key; the message names the key and both shards.
    """
    values, counts = np.unique(np.concatenate(hashes), return_counts=True)
    equal = values[counts > 1]
    if not len(equal):
        return ()
    shard_of: dict[str, str] = {}
    folded: dict[str, str] = {}
    clashes = []
    for shard, keys in shards():
        for i in np.flatnonzero(np.isin(hash_keys(keys), equal)).tolist():
            key = keys[i]
            if key in shard_of:
                raise SourceError(
                    f"two images have the same key {key!r}: one is in {shard_of[key]}, the other in {shard}; "
                    "rename one in the source, and choose another destination"
                )
            shard_of[key] = shard
            first = folded.setdefault(key.lower(), key)
            if first != key:
                clashes.append(f"{first!r} and {key!r}")
    return _case_note(clashes)


def _case_note(clashes: Sequence[str]) -> tuple[str, ...]:
    if not clashes:
        return ()
    note = (
        f"{len(clashes):,} keys differ from another in case alone, such as {clashes[0]}: unpacked on "
        "a file system that ignores case, one overwrites the other"
    )
    return (note,)
