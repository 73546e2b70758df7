"""Finished shards, compared with their manifest entries: by size always, byte for byte on request."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

from wds_imagenet.errors import ChangedError, CorruptError, NotFoundError
from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.storage import Store
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 4
_READ_BYTES: Final = 8 << 20


def check_sizes(store: Store, layout: Layout, manifest: Manifest, sizes: Mapping[str, int]) -> None:
    """Raise `CorruptError` if a shard of a finished manifest is missing or has another size.

    Args:
        store: that of the data set, for the message.
        layout: the paths, for the message.
        manifest: the finished manifest.
        sizes: the size of each shard at the destination, by name.
    """
    checked = [_difference(shard, sizes.get(shard.name)) for shard in manifest.shards]
    wrong = [text for text in checked if text]
    if wrong:
        raise CorruptError(
            f"{layout.url(store)} is finished, but {len(wrong)} of its {len(checked)} shards "
            f"are missing or damaged ({wrong[0]}): run the same {layout.verb!r} again with --check, which "
            "rebuilds them"
        )


def intact_shards(store: Store, layout: Layout, shards: Sequence[Shard]) -> Iterator[Shard]:
    """Yield the shards that hold the right bytes, every one of which is read.

    Costs one read of the shards, and 32 MiB of memory.
    """

    def is_intact(shard: Shard) -> bool:
        return _is_intact(store, layout.shard(shard.name), shard)

    with closing(map_ahead(is_intact, shards, threads=_THREADS, name="verify")) as results:
        for shard, intact in zip(shards, results, strict=True):
            if intact:
                yield shard


def _difference(shard: Shard, size: int | None) -> str:
    if size is None:
        return f"{shard.name} is missing"
    return "" if size == shard.size else f"{shard.name} has {size:,} bytes instead of {shard.size:,}"


def _is_intact(store: Store, path: str, shard: Shard) -> bool:
    digest = hashlib.sha256()
    try:
        for start in range(0, shard.size, _READ_BYTES):
            digest.update(store.read(path, start, min(start + _READ_BYTES, shard.size)).data)
        return digest.hexdigest() == shard.sha256 and store.info(path).size == shard.size
    except (CorruptError, ChangedError, NotFoundError):
        return False
