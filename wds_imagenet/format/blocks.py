"""Cut a shard into blocks."""

import zlib
from collections.abc import Callable, Iterable, Iterator

from wds_imagenet.format.manifest import Block


def cut(ends: Iterable[int], size: int, block_bytes: int) -> Iterator[tuple[int, int, int]]:
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


def checksum(
    read: Callable[[int, int], bytes | memoryview], cuts: Iterable[tuple[int, int, int]]
) -> tuple[Block, ...]:
    """Return the blocks with their checksums; `read(start, stop)` gives a shard's bytes."""
    return tuple(Block(stop - start, samples, zlib.crc32(read(start, stop))) for start, stop, samples in cuts)
