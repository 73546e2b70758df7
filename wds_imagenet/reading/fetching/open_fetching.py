"""Start the fetch of blocks, and forget none: by threads from a disk, in one event loop from a bucket."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol

from wds_imagenet.reading.batches.stats import Meter
from wds_imagenet.reading.fetch_blocks import BlockLocation, Data
from wds_imagenet.reading.fetching.gate import Gate
from wds_imagenet.reading.layers import BlockReader
from wds_imagenet.sample import Sample
from wds_imagenet.storage import ObjectInfo, Store
from wds_imagenet.storage.event_loop import LoopThread, loop_thread
from wds_imagenet.util.threads import Future, ThreadPoolExecutor, thread_pool

THREADS: Final = 16
"""Threads that read a disk, or a file system whose calls block."""


class Fetching(Protocol):
    """Blocks on their way. Its threads end with the `with` of `open_fetching`."""

    @property
    def running_bytes(self) -> int:
        """Bytes of the requests under way, which need memory only as they arrive; 0 for a disk."""

    def submit(self, location: BlockLocation) -> Future[Sequence[Sample]]:
        """Request a block after those that were submitted before; return its samples in future."""


@contextmanager
def open_fetching(blocks: BlockReader, meter: Meter) -> Iterator[Fetching]:
    """Yield a way to fetch blocks. On every way out, requests are cancelled and threads joined.

    Args:
        blocks: reads a block, with those of its layers.
        meter: gets the bytes and the time of each block.
    """
    if blocks.awaitable:
        with loop_thread("fetch") as loop:
            yield _ByLoop(blocks, meter, loop)
    else:
        with thread_pool(THREADS, "fetch") as pool:
            yield _ByThreads(blocks, meter, pool)


class _ByThreads:
    """Each block is read by a thread of a pool, into memory that is used again."""

    running_bytes = 0

    def __init__(self, blocks: BlockReader, meter: Meter, pool: ThreadPoolExecutor) -> None:
        self._blocks, self._meter, self._pool = blocks, meter, pool

    def submit(self, location: BlockLocation) -> Future[Sequence[Sample]]:
        return self._pool.submit(self._fetch, location)

    def _fetch(self, location: BlockLocation) -> Sequence[Sample]:
        wall, cpu = time.perf_counter(), time.thread_time()
        data = self._blocks.read(location)
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        return _split(self._blocks, location, data, self._meter, wall=wall, cpu=cpu)


class _ByLoop:
    """All blocks are requested in one event loop, and stay in the memory into which the client wrote them."""

    def __init__(self, blocks: BlockReader, meter: Meter, loop: LoopThread) -> None:
        self._blocks, self._meter, self._loop = blocks, meter, loop
        self._gate: Final = Gate()
        self._cpu = 0.0  # of the loop's thread, at the end of the latest block

    @property
    def running_bytes(self) -> int:
        return self._gate.running_bytes

    def submit(self, location: BlockLocation) -> Future[Sequence[Sample]]:
        return self._loop.submit(partial(self._fetch, location))

    async def _fetch(self, location: BlockLocation) -> Sequence[Sample]:
        wall = time.perf_counter()
        data = await self._blocks.read_async(location, self._request)
        cpu = time.thread_time() - self._cpu  # of all requests since the latest block
        wall = time.perf_counter() - wall
        samples = _split(self._blocks, location, data, self._meter, wall=wall, cpu=cpu)
        self._cpu = time.thread_time()
        return samples

    async def _request(
        self, store: Store, path: str, start: int, size: int, etag: str | None
    ) -> tuple[Data, ObjectInfo | None]:
        async with self._gate.request(size):
            view = await store.read_async(path, start, start + size, etag=etag, on_failure=self._gate.failed)
        return view.data, view.info


def _split(
    blocks: BlockReader,
    location: BlockLocation,
    data: Sequence[Data],
    meter: Meter,
    *,
    wall: float,
    cpu: float,
) -> Sequence[Sample]:
    """Return the samples of a block, and add its costs to the meter."""
    began = time.thread_time()
    samples = blocks.split(location, data)
    meter.add(
        blocks=len(data),
        bytes=sum(map(len, data)),
        fetch_seconds=wall,
        fetch_cpu_seconds=cpu,
        walk_cpu_seconds=time.thread_time() - began,
    )
    return samples
