"""Finished shards, held against what is known of them: by size always, by every byte on demand."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Final

from wds_imagenet.errors import ChangedError, CorruptError, NotFoundError
from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.packing.publish.receipt import Receipt
from wds_imagenet.storage import Store
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 4
_WINDOW: Final = 8 << 20


def check_sizes(url: str, manifest: Manifest, sizes: Mapping[str, int], verb: str = "pack") -> None:
    """Raise `CorruptError` if a shard of a finished data set is missing or of another size.

    `url` is where they lie, `verb` what put them there.
    """
    wrong = [_wrong(shard, sizes.get(shard.name)) for shard in manifest.shards]
    told = [text for text in wrong if text]
    if told:
        raise CorruptError(
            f"{url} is finished, but {len(told)} of its {len(wrong)} shards are not as they were "
            f"packed ({told[0]}): run the same {verb!r} again with --check, which rebuilds what is missing "
            "or damaged"
        )


def sound(store: Store, receipts: Iterable[Receipt], folder: str = "") -> Iterator[Receipt]:
    """Yield the receipts whose shards, in that folder, hold, byte for byte, what they say.

    Costs one reading of the shards, and the memory of four windows of 8 MiB.
    """
    listed = list(receipts)

    def answer_of(receipt: Receipt) -> bool:
        return _is_sound(store, f"{folder}{receipt.shard.name}", receipt.shard)

    with closing(map_ahead(answer_of, listed, threads=_THREADS, name="verify")) as answers:
        for receipt, answer in zip(listed, answers, strict=True):
            if answer:
                yield receipt


def _wrong(shard: Shard, size: int | None) -> str:
    if size is None:
        return f"{shard.name} is missing"
    return "" if size == shard.size else f"{shard.name} has {size:,} bytes instead of {shard.size:,}"


def _is_sound(store: Store, path: str, shard: Shard) -> bool:
    digest = hashlib.sha256()
    try:
        for start in range(0, shard.size, _WINDOW):
            digest.update(store.read(path, start, min(start + _WINDOW, shard.size)).data)
        return digest.hexdigest() == shard.sha256 and store.info(path).size == shard.size
    except (CorruptError, ChangedError, NotFoundError):
        return False
