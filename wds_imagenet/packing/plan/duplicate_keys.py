"""Keys of many shards that are the same, found in 8 bytes a key. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError
from wds_imagenet.packing.publish.receipt import Receipt

Hashes = npt.NDArray[np.uint64]


def hash_keys(keys: Iterable[str]) -> Hashes:
    """Return 64 bits of each key, whatever its case. Costs a microsecond a key."""
    digests = (hashlib.blake2b(key.lower().encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(b"".join(digests), np.uint64)


def check_keys(hashes: Sequence[Hashes], receipts: Callable[[], Iterable[Receipt]]) -> tuple[str, ...]:
    """Refuse two samples of one key; return a note where keys differ in case alone.

    `hashes` are those of all shards, and `receipts` gives the shards' receipts, which are looked into only
    where hashes are the same. Raises `SourceError` that names the key and its shards.
    """
    values, counts = np.unique(np.concatenate(hashes), return_counts=True)
    repeated = values[counts > 1]
    if not len(repeated):
        return ()
    where: dict[str, str] = {}
    folded: dict[str, str] = {}
    clashes = []
    for receipt in receipts():
        for i in np.flatnonzero(np.isin(hash_keys(receipt.keys), repeated)).tolist():
            key, shard = receipt.keys[i], receipt.shard.name
            if key in where:
                raise SourceError(
                    f"two images have the same key {key!r}: one is in {where[key]}, the other in {shard}; "
                    "name them apart in the source, and choose another destination"
                )
            where[key] = shard
            first = folded.setdefault(key.lower(), key)
            if first != key:
                clashes.append(f"{first!r} and {key!r}")
    return case_note(clashes)


def case_note(clashes: Sequence[str]) -> tuple[str, ...]:
    """Return the note, if there is need for one, that keys differ in case alone."""
    if not clashes:
        return ()
    note = (
        f"{len(clashes):,} keys differ from another in case alone, such as {clashes[0]}: unpacked on "
        "a file system that ignores case, one overwrites the other"
    )
    return (note,)
