"""Index shards: read each once, and write one manifest for all."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from wds_imagenet.errors import DataError, ExistsError, NotFoundError, SourceError
from wds_imagenet.format.blocks import block_bytes_for, checksum_blocks, cut_blocks
from wds_imagenet.format.manifest import (
    KEYS_PATH,
    MANIFEST_PATH,
    METADATA_FOLDER,
    Manifest,
    Shard,
    check_shard_name,
)
from wds_imagenet.format.samples import group_members
from wds_imagenet.format.tar import Member, walk
from wds_imagenet.sample import IMAGE_SUFFIXES, Sample
from wds_imagenet.storage import ObjectInfo, Store
from wds_imagenet.storage.os_errors import error_from_os
from wds_imagenet.util.threads import map_ahead

_CHUNK: Final = 16 << 20
_MAX_CLASSES: Final = 1 << 20
_MAX_LABEL_JSON: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class IndexedShard:
    """One shard's entry for the manifest, and the facts that are summed over all shards."""

    shard: Shard
    keys: tuple[str, ...]
    labels: Counter[int]
    suffixes: frozenset[tuple[str, ...]]


def index_shards(
    store: Store,
    names: Iterable[str],
    *,
    name: str,
    split: str,
    block_bytes: int | None = None,
    threads: int = 2,
    on_shard: Callable[[IndexedShard], None] = lambda _: None,
) -> Manifest:
    """Read every shard once, publish a manifest for them that replaces none, and return it.

    `names` are relative to `store`, whose folder gets the manifest. It has the same content as a manifest of
    `pack`: the checksum of each block, the hash of each shard, and unique keys. Raises `CorruptError` for a
    shard that is damaged or no tar, `SourceError` for a compressed shard or a repeated key, and `ExistsError`
    for an existing manifest.
    Costs one read of the shards, and temporary disk space for `threads` shards.
    """
    names = list(names)
    for shard in names:
        check_shard_name(shard)
    _check_absent(store)
    found: list[IndexedShard] = []
    size = block_bytes or block_bytes_for(sum(store.info(shard).size for shard in names))
    for indexed in map_ahead(
        lambda shard: index_shard(store, shard, size),
        names,
        threads=threads,
        ahead=threads,
        name="index_shards",
    ):
        on_shard(indexed)
        found.append(indexed)
    if not found:
        raise SourceError(f"{store.url} has no shards to index")
    _check_unique(found)
    keys = "".join(f"{key}\n" for item in found for key in item.keys).encode()
    labels: Counter[int] = sum((item.labels for item in found), Counter())
    highest = max(labels, default=-1)
    classes = tuple({"name": str(i), "samples": labels[i]} for i in range(highest + 1))
    if highest >= _MAX_CLASSES:  # labels that large are no class indices
        classes = ()
    kinds = frozenset[tuple[str, ...]]().union(*(item.suffixes for item in found))
    manifest = Manifest(
        name=name,
        split=split,
        suffixes=next(iter(kinds)) if len(kinds) == 1 else (),
        keys_sha256=hashlib.sha256(keys).hexdigest(),
        shards=tuple(item.shard for item in found),
        classes=classes,
    )
    store.put(KEYS_PATH, keys)
    store.put(MANIFEST_PATH, manifest.to_json(), create=True)
    return manifest


def index_shard(store: Store, name: str, block_bytes: int) -> IndexedShard:
    """Read one shard, and return its entry. Raises `CorruptError` or `SourceError`."""
    with _temporary(f"{store.url}/{name}") as file:
        size, sha256 = _copy(store, name, file)

        def read(start: int, length: int) -> bytes:
            file.seek(start)
            return file.read(length)

        try:
            if read(0, 2) == b"\x1f\x8b":
                raise SourceError(f"{store.url}/{name} is compressed, but is read at random: gunzip it")
            samples = list(group_members(walk(read, 0, size)))
            described = [_describe(key, members, read) for key, members in samples]
        except DataError as error:
            error.add_note(f"in {store.url}/{name}")
            raise
        ends = (max(member.end for member in members.values()) for _, members in samples)
        blocks = checksum_blocks(
            lambda start, stop: read(start, stop - start), cut_blocks(ends, size, block_bytes)
        )
    return IndexedShard(
        Shard(name, size, len(samples), sha256, blocks),
        tuple(key for key, _ in samples),
        Counter(label for label, _ in described if label is not None and label >= 0),
        frozenset(suffixes for _, suffixes in described),
    )


def shard_infos(store: Store, prefix: str = "") -> list[ObjectInfo]:
    """Return the tars whose path begins with the prefix, in code-point order."""
    return [
        info
        for info in store.list_objects(prefix)
        if info.path.endswith(".tar") and not info.path.startswith(f"{METADATA_FOLDER}/")
    ]


def _check_absent(store: Store) -> None:
    try:
        store.info(MANIFEST_PATH)
    except NotFoundError:
        return
    raise ExistsError(f"{store.url} has a manifest already, which is not touched: index into another folder")


def _describe(
    key: str, members: dict[str, Member], read: Callable[[int, int], bytes]
) -> tuple[int | None, tuple[str, ...]]:
    small: dict[str, bytes | memoryview] = {
        suffix: read(members[suffix].offset, members[suffix].size)
        for suffix in ("cls", "json")
        if suffix in members and members[suffix].size <= _MAX_LABEL_JSON
    }
    suffixes = tuple("image" if suffix in IMAGE_SUFFIXES else suffix for suffix in members)
    if "image" not in suffixes:
        raise SourceError(f"key {key!r} has no image, only {', '.join(suffixes)}")
    return Sample(key, small).label, suffixes


@contextmanager
def _temporary(what: str) -> Iterator[IO[bytes]]:
    try:
        with tempfile.TemporaryFile(prefix="wds-imagenet-") as file:
            yield file
    except OSError as error:
        failure = error_from_os(error, Path(tempfile.gettempdir()))
        failure.add_note(f"a copy of {what} is read there; TMPDIR may name another folder")
        raise failure from error


def _copy(store: Store, name: str, file: IO[bytes]) -> tuple[int, str]:
    info = store.info(name)
    digest = hashlib.sha256()
    for start in range(0, info.size, _CHUNK):
        data = store.read(name, start, min(start + _CHUNK, info.size), etag=info.etag).data
        digest.update(data)
        file.write(data)
    return info.size, digest.hexdigest()


def _check_unique(found: Iterable[IndexedShard]) -> None:
    owner: dict[str, str] = {}
    for key, shard in _keys(found):
        first = owner.setdefault(key, shard)
        if first != shard:
            raise SourceError(f"key {key!r} is in {first} and in {shard}; keys must be unique")


def _keys(found: Iterable[IndexedShard]) -> Iterator[tuple[str, str]]:
    for item in found:
        yield from ((key, f"{item.shard.name} (entry {number})") for number, key in enumerate(item.keys))
