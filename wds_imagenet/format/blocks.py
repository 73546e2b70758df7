"""A shard cut into blocks, each with its checksum. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from wds_imagenet.format.crc import crc32
from wds_imagenet.format.manifest import MAX_BLOCK_SAMPLES, Block

MAX_TARGET: Final = 1 << 30
"""The largest size that a user may choose, in bytes."""
LARGEST_BLOCK: Final = 2 << 20
"""In bytes. A store sends as much in the time that a request takes, so larger blocks only cost memory."""
_SMALLEST_BLOCK: Final = 128 << 10


def block_bytes_for(total: int) -> int:
    """Return the block size, in bytes, for a data set of `total` bytes: 2 MiB from 2 GB on.

    A smaller data set gets smaller blocks, down to 128 KiB, to have at least a thousand. So each of the 240
    lanes of an epoch has several blocks, and few blocks are fetched twice.
    """
    size = LARGEST_BLOCK
    while size > _SMALLEST_BLOCK and size * 1000 > total:
        size //= 2
    return size


def cut_blocks(ends: Iterable[int], size: int, block_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, stop, samples) of the blocks that tile a shard.

    A block ends with the first sample that reaches `block_bytes`, or that is its 65,536th. The last block
    extends to the end of the archive; no block of a shard with samples is without samples.

    Args:
        ends: offsets at which the samples end, in rising order.
        size: size of the shard, in bytes.
        block_bytes: size that a block reaches before it ends, in bytes.
    """
    start = samples = 0
    pending: tuple[int, int, int] | None = None
    for end in ends:
        samples += 1
        if end - start >= block_bytes or samples == MAX_BLOCK_SAMPLES:
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
    """Return the blocks of a shard with their checksums.

    Args:
        read: `read(start, stop)` returns these bytes of the shard.
        cuts: (start, stop, samples) of each block, as `cut_blocks` yields them.
    """
    return tuple(Block(stop - start, samples, crc32(read(start, stop))) for start, stop, samples in cuts)
