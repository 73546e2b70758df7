"""Cut a shard into blocks."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from wds_imagenet.format.crc import crc32
from wds_imagenet.format.manifest import Block

LARGEST_BLOCK: Final = 2 << 20
"""A store sends so much in the time that a request takes; larger blocks only cost memory."""
_SMALLEST: Final = 128 << 10


def block_bytes_for(total: int) -> int:
    """Return the block size, in bytes, that suits a data set of so many: 2 MiB from 2 GB on.

    A smaller one gets smaller blocks, a thousand or more down to 128 KiB, so that the 240 lanes of an
    epoch have several blocks each and fetch few of them twice.
    """
    size = LARGEST_BLOCK
    while size > _SMALLEST and size * 1000 > total:
        size //= 2
    return size


def cut_blocks(ends: Iterable[int], size: int, block_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, stop, samples) of blocks that tile a shard of `size` bytes.

    `ends` are the offsets at which its samples end. A block ends with the first sample that reaches
    `block_bytes`; the last one takes what is left, end-of-archive included, so that a shard with
    samples has no block without.
    """
    start = samples = 0
    pending: tuple[int, int, int] | None = None
    for end in ends:
        samples += 1
        if end - start >= block_bytes:
            if pending:
                yield pending
            pending = (start, end, samples)
            start, samples = end, 0
    if pending and not samples:
        yield (pending[0], size, pending[2])
        return
    if pending:
        yield pending
    yield (start, size, samples)


def checksum_blocks(
    read: Callable[[int, int], bytes | memoryview], cuts: Iterable[tuple[int, int, int]]
) -> tuple[Block, ...]:
    """Return the blocks with their checksums; `read(start, stop)` gives a shard's bytes."""
    return tuple(Block(stop - start, samples, crc32(read(start, stop))) for start, stop, samples in cuts)
