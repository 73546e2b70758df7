"""From plans to filled batches: the schedule of fetching and decoding.

The consumer's own thread plans. It requests each block when the sequence first needs it, and drops the
block when its last entry is planned. Blocks that have arrived, or wait for their turn, are at most
`prefetch_bytes` ahead of the batches under way.
The batches that still use the block keep it alive, and free it with their last reference.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from wds_imagenet.errors import DataError
from wds_imagenet.reading.batches.batch_builder import BatchBuilder
from wds_imagenet.reading.batches.batch_plan import ActiveBlock, BatchPlan, FetchedBlock
from wds_imagenet.reading.batches.stats import Meter
from wds_imagenet.reading.fetch_blocks import BlockLocation
from wds_imagenet.reading.fetching.open_fetching import open_fetching
from wds_imagenet.reading.layers import BlockReader
from wds_imagenet.util.threads import FIRST_EXCEPTION, Future, ThreadPoolExecutor, thread_pool, wait

DECODED_AHEAD: Final = 3
_LARGEST_CHUNK: Final = 32  # samples a task: enough to hide the cost of a task


class FillSeconds(NamedTuple):
    """Seconds that filling some rows took."""

    cpu: float
    native: float
    """The part of `cpu` in the native engine, without the GIL."""
    own: float
    """The part of `cpu` in the user's own transform."""
    wall: float
    """Wall time, without `starved`."""
    starved: float
    """Wall time spent waiting for the rows' blocks."""


def filled_batches(
    plans: Callable[[Callable[[BlockLocation], FetchedBlock]], Iterator[BatchPlan]],
    new_builder: Callable[[BatchPlan], BatchBuilder],
    *,
    blocks: BlockReader,
    threads: int,
    prefetch_bytes: int,
    meter: Meter,
) -> Iterator[tuple[BatchPlan, BatchBuilder]]:
    """Yield every plan with its filled builder, in order. No thread outlives the iterator.

    When the current token is cancelled, requests under way end, and their error is raised in its turn.
    Holds the blocks that lanes read, `prefetch_bytes` of further ones, and four builders.
    """
    # Left in reverse: waiting fetches are dropped before the threads that wait for them are joined.
    with thread_pool(threads, "decode") as decoding, open_fetching(blocks, meter) as fetching:
        coming = plans(fetching.submit)
        planned: deque[BatchPlan] = deque()
        started: deque[tuple[BatchPlan, BatchBuilder, list[Future[FillSeconds]]]] = deque()
        while True:
            while len(started) < DECODED_AHEAD and (plan := _next_plan(planned, coming)):
                builder = new_builder(plan)
                started.append((plan, builder, _start(decoding, builder, plan, threads)))
            _plan_ahead(planned, coming, prefetch_bytes + fetching.running_bytes)
            if not started:
                return
            plan, builder, tasks = started.popleft()
            _await(tasks, meter)
            del tasks
            yield plan, builder
            del plan, builder  # the consumer alone decides how long a batch lives


def _next_plan(planned: deque[BatchPlan], coming: Iterator[BatchPlan]) -> BatchPlan | None:
    return planned.popleft() if planned else next(coming, None)


def _plan_ahead(planned: deque[BatchPlan], coming: Iterator[BatchPlan], prefetch_bytes: int) -> None:
    requested = sum(plan.fetched_bytes for plan in planned)
    while requested < prefetch_bytes and (plan := next(coming, None)):
        planned.append(plan)
        requested += plan.fetched_bytes


def chunks_of(rows: range, threads: int) -> list[range]:
    """Cut a batch's rows into tasks, about four a thread over the batches under way, to end evenly."""
    size = min(_LARGEST_CHUNK, 1 + len(rows) * DECODED_AHEAD // (4 * threads))
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _start(
    decoding: ThreadPoolExecutor, builder: BatchBuilder, plan: BatchPlan, threads: int
) -> list[Future[FillSeconds]]:
    chunks = chunks_of(range(len(plan.blocks)), threads)
    return [decoding.submit(_fill, builder, plan.blocks, chunk) for chunk in chunks]


def _fill(builder: BatchBuilder, blocks: Sequence[ActiveBlock], rows: range) -> FillSeconds:
    began, cpu = time.perf_counter(), time.thread_time()
    present, samples = [], []
    for row in rows:
        try:
            samples.append(blocks[row].samples())
            present.append(row)
        except DataError as error:
            builder.fail(row, error)
    fetched = time.perf_counter()
    native, own = builder.fill(present, samples)
    wall = time.perf_counter() - fetched
    return FillSeconds(time.thread_time() - cpu, native, own, wall, fetched - began)


def _await(tasks: Sequence[Future[FillSeconds]], meter: Meter) -> None:
    wait(tasks, return_when=FIRST_EXCEPTION)  # wakes this thread once, not once a task
    for cpu, native, own, wall, starved in [task.result() for task in tasks]:
        meter.add(transform_cpu_seconds=cpu, native_cpu_seconds=native, own_cpu_seconds=own)
        meter.add(transform_seconds=wall, starved_seconds=starved)
