"""Finished shards, compared with their manifest entries: by size always, byte for byte on request."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

from wds_imagenet.errors import ChangedError, CorruptError, NotFoundError, PlanError
from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import MAX_METADATA
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 4
_READ_BYTES: Final = 8 << 20


def shard_sizes(store: Store, layout: Layout) -> dict[str, int]:
    """Return the size of each tar at the destination, by name. Costs a listing."""
    infos = store.list_objects(f"{layout.shard_folder}{layout.shard_prefix}")
    named = ((info.path.removeprefix(layout.shard_folder), info.size) for info in infos)
    return {name: size for name, size in named if layout.is_shard(name)}


def check_sizes(store: Store, layout: Layout, manifest: Manifest) -> None:
    """Raise `CorruptError` if a shard of a finished manifest is missing or has another size.

    Costs a listing.
    """
    wrong = _differences(manifest.shards, shard_sizes(store, layout))
    if wrong:
        raise CorruptError(
            f"{layout.url(store)} is finished, but {len(wrong)} of its {len(manifest.shards)} shards "
            f"are missing or damaged ({wrong[0]}): run the same {layout.verb!r} again with --check, which "
            "rebuilds them"
        )


def check_published(store: Store, layout: Layout, plan: bytes, shards: Sequence[Shard]) -> None:
    """Check that the plan and all shards, and no other, are at the destination. Costs a listing and a read.

    Raises:
        CorruptError: a shard is missing or has another size.
        PlanError: the plan is missing or another one, or the destination has a further shard.
    """
    try:
        found = store.read(layout.plan, limit=MAX_METADATA).data
    except NotFoundError:
        found = b""
    sizes = shard_sizes(store, layout)
    wrong = _differences(shards, sizes)
    if found != plan:
        also = f", and {len(wrong)} of the {len(shards)} shards ({wrong[0]})" if wrong else ""
        change = "replaced" if found else "removed"
        raise PlanError(
            f"another program {change} {store.url}/{layout.plan} during this run{also}, so no manifest was "
            f"put. Remove what is left of this run at {layout.url(store)}, and run the same "
            f"{layout.verb!r} again"
        )
    if wrong:
        raise CorruptError(
            f"another program changed {layout.url(store)} during this run: {len(wrong)} of its {len(shards)} "
            f"shards are missing or damaged ({wrong[0]}), so no manifest was put. Run the same "
            f"{layout.verb!r} again, which rebuilds them"
        )
    further = sizes.keys() - {shard.name for shard in shards}
    if further:
        raise PlanError(
            f"{layout.url(store)} has {min(further)!r}, which this {layout.verb!r} does not give, so no "
            f"manifest was put: readers would take it for a shard. {layout.alternative}, or move that file "
            "away and run again"
        )


def intact_shards(store: Store, layout: Layout, shards: Sequence[Shard]) -> Iterator[Shard]:
    """Yield the shards that hold the right bytes, every one of which is read.

    Costs one read of the shards, and 32 MiB of memory.
    """

    def check(shard: Shard) -> bool:
        return is_intact(store, layout.shard(shard.name), shard)

    with closing(map_ahead(check, shards, threads=_THREADS, name="verify")) as results:
        for shard, intact in zip(shards, results, strict=True):
            if intact:
                yield shard


def _differences(shards: Iterable[Shard], sizes: Mapping[str, int]) -> list[str]:
    return [text for shard in shards if (text := _difference(shard, sizes.get(shard.name)))]


def _difference(shard: Shard, size: int | None) -> str:
    if size is None:
        return f"{shard.name} is missing"
    return "" if size == shard.size else f"{shard.name} has {size:,} bytes instead of {shard.size:,}"


def is_intact(store: Store, path: str, shard: Shard) -> bool:
    """Return True if the object has exactly the shard's bytes. Costs one read of it."""
    digest = hashlib.sha256()
    try:
        for start in range(0, shard.size, _READ_BYTES):
            digest.update(store.read(path, start, min(start + _READ_BYTES, shard.size)).data)
        return digest.hexdigest() == shard.sha256 and store.info(path).size == shard.size
    except (CorruptError, ChangedError, NotFoundError):
        return False
