"""Entries of shards in a manifest: each shard is read once, and one manifest is written for all."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from wds_imagenet.errors import ExistsError, NotFoundError, SourceError
from wds_imagenet.format.blocks import block_bytes_for, checksum_blocks, cut_blocks
from wds_imagenet.format.manifest import (
    KEYS_PATH,
    MANIFEST_PATH,
    PARENT,
    Manifest,
    Shard,
    check_shard_name,
)
from wds_imagenet.format.tar import RECORD
from wds_imagenet.indexing.class_table import ClassCounts
from wds_imagenet.inputs.archives.tar_listing import check_plain
from wds_imagenet.inputs.image_files import ignored_notes
from wds_imagenet.inputs.shards.begun_pack import check_no_begun_pack
from wds_imagenet.inputs.shards.content import Content, Fault, ShardSample, class_name_error, content_of
from wds_imagenet.inputs.shards.member_notes import MemberNotes
from wds_imagenet.inputs.shards.member_rules import DEFAULT_RULES, MemberRules
from wds_imagenet.inputs.shards.shard_reader import read_samples
from wds_imagenet.sample import IMAGE_SUFFIXES
from wds_imagenet.storage import Store
from wds_imagenet.storage.os_errors import error_from_os
from wds_imagenet.util.messages import quantity
from wds_imagenet.util.threads import map_ahead

_CHUNK: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class IndexedShard:
    """One shard's entry for the manifest, and the facts that are summed over all shards."""

    shard: Shard | None
    """None for a shard without samples, which no manifest lists."""
    size: int
    keys: tuple[str, ...]
    classes: ClassCounts
    suffixes: frozenset[tuple[str, ...]]
    members: MemberNotes


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of all shards, and the sums over them."""

    shards: tuple[Shard, ...]
    """The shards with samples."""
    keys: bytes
    """The content of `keys.txt`."""
    classes: ClassCounts
    suffixes: tuple[str, ...]
    """The suffixes of every sample's members; empty if samples differ."""
    members: MemberNotes
    empty: tuple[str, ...]
    """The names of the shards without samples."""


def index_shards(
    store: Store,
    names: Sequence[str],
    *,
    name: str,
    split: str,
    rules: MemberRules = DEFAULT_RULES,
    above: Store | None = None,
    block_bytes: int | None = None,
    threads: int = 2,
    on_shard: Callable[[IndexedShard], None] = lambda _: None,
) -> tuple[Manifest, tuple[str, ...]]:
    """Read every shard once, publish a manifest for them that replaces none, and return it with notes.

    It has the same content as a manifest of `pack`: the checksum of each block, the hash of each shard, and
    unique keys. Costs one read of the shards, and temporary disk space for `threads` shards.

    Args:
        store: the folder of the manifest.
        names: the shards, relative to the store.
        name: name of the data set.
        split: name of the split.
        above: the folder above, if the shards lie there and the names are relative to it.
        rules: limits of what is read; a reader has the default rules for everything else.
        block_bytes: target size of a block.
        threads: number of shards that are read at the same time.
        on_shard: called after each shard, in order.

    Raises:
        CorruptError: a shard is damaged or no tar.
        SourceError: a shard is compressed, a sample cannot be used, or a key is repeated.
        ExistsError: there is a manifest already.
        ManifestError: packing was begun in the folder, or in one of the shards, and not finished.
    """
    for shard in names:
        check_shard_name(shard)
    _check_absent(store)
    holder = store if above is None else above
    check_no_begun_pack(holder, names)
    found = read_entries(holder, names, rules, block_bytes=block_bytes, threads=threads, on_shard=on_shard)
    if not found.shards:
        raise SourceError(f"{store.url} has no samples to index: {quantity(len(names), 'shards are')} empty")
    manifest = Manifest(
        name=name,
        split=split,
        suffixes=found.suffixes,
        keys_sha256=hashlib.sha256(found.keys).hexdigest(),
        shards=found.shards,
        classes=found.classes.table(),
        shards_in=None if above is None else PARENT,
    )
    store.put(KEYS_PATH, found.keys)
    store.put(MANIFEST_PATH, manifest.to_json(), create=True)
    return manifest, (
        *ignored_notes(found.empty, "shards without samples"),
        *found.classes.notes(manifest.samples),
        *found.members.notes(),
    )


def read_entries(
    store: Store,
    names: Sequence[str],
    rules: MemberRules,
    *,
    block_bytes: int | None,
    threads: int,
    on_shard: Callable[[IndexedShard], None] = lambda _: None,
) -> Entries:
    """Read every shard once, and return the entries of a manifest. Writes nothing.

    Args:
        store: the folder of the shards.
        names: the shards.
        rules: limits of what is read.
        block_bytes: target size of a block; None for the default.
        threads: number of shards that are read at the same time.
        on_shard: called after each shard, in order.

    Raises:
        CorruptError: a shard is damaged or no tar.
        SourceError: a shard is compressed, a sample cannot be used, or a key is repeated.
    """
    size = block_bytes or block_bytes_for(sum(store.info(shard).size for shard in names))
    found: list[IndexedShard] = []
    for indexed in map_ahead(
        lambda shard: index_shard(store, shard, size, rules),
        names,
        threads=threads,
        ahead=threads,
        name="index_shards",
    ):
        on_shard(indexed)
        found.append(indexed)
    _check_unique(found)
    classes, members = ClassCounts(), MemberNotes(rules)
    for item in found:
        classes.update(item.classes)
        members.update(item.members)
    kinds = frozenset[tuple[str, ...]]().union(*(item.suffixes for item in found))
    return Entries(
        shards=tuple(item.shard for item in found if item.shard is not None),
        keys="".join(f"{key}\n" for item in found for key in item.keys).encode(),
        classes=classes,
        suffixes=next(iter(kinds)) if len(kinds) == 1 else (),
        members=members,
        empty=tuple(name for name, item in zip(names, found, strict=True) if item.shard is None),
    )


def index_shard(store: Store, name: str, block_bytes: int, rules: MemberRules) -> IndexedShard:
    """Read one shard, and return its entry. Raises `CorruptError` or `SourceError`."""
    url = f"{store.url}/{name}"
    with _temporary(url) as file:
        size, sha256 = _copy(store, name, file)

        def read(start: int, length: int) -> bytes:
            file.seek(start)
            return file.read(length)

        check_plain(read(0, RECORD), url, remedy="pack the shards")
        members, classes = MemberNotes(rules), ClassCounts()
        keys: list[str] = []
        ends: list[int] = []
        suffixes: set[tuple[str, ...]] = set()
        for sample in read_samples(lambda: nullcontext((read, size)), url, members):
            content = _usable(sample)
            members.add(sample, content)
            label = content.label if isinstance(content.label, int) else None
            classes.add(label, content.record.get("class_name"))
            keys.append(sample.key)
            ends.append(max(member.end for member in sample.members.values()))
            suffixes.add(tuple("image" if s in IMAGE_SUFFIXES else s for s in sample.members))
        shard = None
        if keys:
            blocks = checksum_blocks(
                lambda start, stop: read(start, stop - start), cut_blocks(ends, size, block_bytes)
            )
            shard = Shard(name, size, len(keys), sha256, blocks)
    return IndexedShard(shard, size, tuple(keys), classes, frozenset(suffixes), members)


def _usable(sample: ShardSample) -> Content:
    """Return the content of a sample. Raises `SourceError` for one that a reader would reject."""
    content = content_of(sample)
    if isinstance(content, Fault):
        raise SourceError(
            f"{sample.where(content.member)}: {content}; index changes no shard, so pack the shards: "
            "option on_bad='skip' leaves out every such sample"
        )
    where = sample.where(content.labelled_by)
    if isinstance(content.label, str):
        raise class_name_error(content.label, where)
    if "\n" in sample.key:
        raise SourceError(f"{sample.where()}: the key {sample.key!r} has a line break: pack the shards")
    return content


def _check_absent(store: Store) -> None:
    try:
        store.info(MANIFEST_PATH)
    except NotFoundError:
        check_no_begun_pack(store, [""])
        return
    raise ExistsError(f"{store.url} has a manifest already, which is not touched: index into another folder")


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
    owner: dict[str, tuple[str, int]] = {}
    for key, entry in _keys(found):
        first = owner.setdefault(key, entry)
        if first != entry:
            places = " and in ".join(f"{shard} (entry {number})" for shard, number in (first, entry))
            cure = ": pack the shards with option keys='shard', which puts the shard's name in front of each"
            raise SourceError(
                f"key {key!r} is in {places}; keys must be unique{cure if first[0] != entry[0] else ''}"
            )


def _keys(found: Iterable[IndexedShard]) -> Iterator[tuple[str, tuple[str, int]]]:
    for item in found:
        if item.shard is not None:
            name = item.shard.name
            yield from ((key, (name, number)) for number, key in enumerate(item.keys))
