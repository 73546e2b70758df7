"""From an order to filled batches: what is fetched when, what is kept how long, who decodes it.

The consumer's own thread plans. It asks for each block when the sequence first needs it, at most
`prefetch_bytes` beyond the batches that are being decoded, and forgets it when its last entry is
planned; the batches that still use the block keep it alive, and free it with their last reference.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import DataError
from wds_imagenet.reading.fetch import BlockLocation
from wds_imagenet.reading.layers import Blocks
from wds_imagenet.reading.loader.stats import Meter
from wds_imagenet.reading.order.epoch_order import Order, Share
from wds_imagenet.sample import Sample
from wds_imagenet.util.threads import FIRST_EXCEPTION, Future, ThreadPoolExecutor, thread_pool, wait

FETCHERS: Final = 16  # enough to hide 50 ms of latency behind blocks of 2 MiB at 500 MB/s
DECODED_AHEAD: Final = 3
_LARGEST_CHUNK: Final = 32  # samples a task: enough for its own cost to not show
_NOWHERE: Final = -1

Block = Future[Sequence[Sample]]


@dataclass(slots=True)
class Stay:
    """A block that lanes are in."""

    location: BlockLocation
    block: Block
    # Kept beside the future, whose lock would otherwise be taken for every sample.
    _samples: Sequence[Sample] | None = field(default=None, init=False, repr=False)

    def samples(self) -> Sequence[Sample]:
        """Return its samples when they have come. Raises what fetching it raised."""
        samples = self._samples
        if samples is None:
            samples = self._samples = self.block.result()
        return samples


class Spent(NamedTuple):
    """Seconds that filling some rows took."""

    cpu: float
    native: float
    """Of these, without the GIL."""
    starved: float
    """Wall time in which their blocks were waited for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch of this rank, row by row. An object for each row would cost more than planning it does."""

    stays: list[Stay]
    within: list[int]
    """Which of its block's samples it is."""
    numbers: npt.NDArray[np.int64]
    """Its index in the data set."""
    fetched_bytes: int
    """Of the blocks that it is the first to need."""
    stop: int
    """How far the epoch's sequence is when it has been given out."""


def plan_batches(
    order: Order,
    share: Share,
    block_locations: Sequence[BlockLocation],
    starts: range,
    ask: Callable[[BlockLocation], Block],
) -> Iterator[Plan]:
    """Yield this rank's part of the global batches that begin at `starts`.

    Calls `ask` for each block as it is first needed, once while any lane is in it. Costs about 1 µs a sample.
    """
    known: dict[int, Stay] = {}
    place_of = np.full(order.lanes, _NOWHERE)
    for begin in starts:
        where = order.locate(share.entries(begin, order.samples))
        stays: list[Stay] = []
        fetched_bytes = 0
        for place, block in zip(where.place.tolist(), where.block.tolist(), strict=True):
            stay = known.get(place)
            if stay is None:
                location = block_locations[block]
                stay = known[place] = Stay(location, ask(location))
                fetched_bytes += location.block.size
            stays.append(stay)
        # Of a lane that comes several times, NumPy keeps what was assigned last.
        place_of[where.lane] = np.where(where.last, _NOWHERE, where.place)
        staying = set(place_of[share.rank :: share.world_size].tolist())
        known = {place: stay for place, stay in known.items() if place in staying}
        stop = min(begin + share.global_batch, order.samples)
        yield Plan(stays, where.within.tolist(), where.number, fetched_bytes, stop)


class Rows(Protocol):
    """The rows of a batch, which several threads fill."""

    def fill(self, rows: Sequence[int], blocks: Sequence[Sequence[Sample]]) -> float:
        """Decode the rows' samples, each of its block, a bad one by `fail`.

        Returns the CPU seconds without the GIL.
        """

    def fail(self, row: int, error: DataError) -> None:
        """Raise the error with its place noted, or take it down and go on."""


AnyRows = TypeVar("AnyRows", bound=Rows)


def run(
    plans: Callable[[Callable[[BlockLocation], Block]], Iterator[Plan]],
    draft: Callable[[Plan], AnyRows],
    *,
    blocks: Blocks,
    threads: int,
    prefetch_bytes: int,
    meter: Meter,
) -> Iterator[tuple[Plan, AnyRows]]:
    """Yield every plan with its filled draft, in order. No thread outlives the iterator.

    When the current token is cancelled, fetches end, with an error in the turn of their batch.
    Holds the blocks that lanes are in, `prefetch_bytes` of further ones, and four drafts.
    """

    def fetch(location: BlockLocation) -> Sequence[Sample]:
        return _fetch(blocks, location, meter)

    # Left in reverse: what waits to be fetched is dropped before those who wait for it are joined.
    with thread_pool(threads, "decode") as decoding, thread_pool(FETCHERS, "fetch") as fetching:
        coming = plans(lambda location: fetching.submit(fetch, location))
        planned: deque[Plan] = deque()
        filling: deque[tuple[Plan, AnyRows, list[Future[Spent]]]] = deque()
        while True:
            while len(filling) < DECODED_AHEAD and (plan := _take(planned, coming)):
                new = draft(plan)
                filling.append((plan, new, _fill(decoding, new, plan, threads)))
            _plan_ahead(planned, coming, prefetch_bytes)
            if not filling:
                return
            plan, filled, tasks = filling.popleft()
            _await(tasks, meter)
            del tasks
            yield plan, filled
            del plan, filled  # the consumer alone decides how long a batch lives


def _take(planned: deque[Plan], coming: Iterator[Plan]) -> Plan | None:
    return planned.popleft() if planned else next(coming, None)


def _plan_ahead(planned: deque[Plan], coming: Iterator[Plan], prefetch_bytes: int) -> None:
    ahead = sum(plan.fetched_bytes for plan in planned)
    while ahead < prefetch_bytes and (plan := next(coming, None)):
        planned.append(plan)
        ahead += plan.fetched_bytes


def _fetch(blocks: Blocks, location: BlockLocation, meter: Meter) -> Sequence[Sample]:
    wall, cpu = time.perf_counter(), time.thread_time()
    data = blocks.read(location)
    fetched, read_cpu = time.perf_counter(), time.thread_time()
    samples = blocks.split(location, data)
    meter.add(
        blocks=len(data),
        bytes=sum(map(len, data)),
        fetch_seconds=fetched - wall,
        fetch_cpu_seconds=read_cpu - cpu,
        walk_cpu_seconds=time.thread_time() - read_cpu,
    )
    return samples


def chunks_of(rows: range, threads: int) -> list[range]:
    """Cut a batch into tasks, of which each thread has about four in the batches under way, to end evenly."""
    size = min(_LARGEST_CHUNK, 1 + len(rows) * DECODED_AHEAD // (4 * threads))
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _fill(decoding: ThreadPoolExecutor, draft: Rows, plan: Plan, threads: int) -> list[Future[Spent]]:
    chunks = chunks_of(range(len(plan.stays)), threads)
    return [decoding.submit(_fill_rows, draft, plan.stays, chunk) for chunk in chunks]


def _fill_rows(draft: Rows, stays: Sequence[Stay], rows: range) -> Spent:
    asked, cpu = time.perf_counter(), time.thread_time()
    came, blocks = [], []
    for row in rows:
        try:
            blocks.append(stays[row].samples())
            came.append(row)
        except DataError as error:
            draft.fail(row, error)
    starved = time.perf_counter() - asked
    native = draft.fill(came, blocks)
    return Spent(time.thread_time() - cpu, native, starved)


def _await(tasks: Sequence[Future[Spent]], meter: Meter) -> None:
    wait(tasks, return_when=FIRST_EXCEPTION)  # which wakes this thread once, not for each of them
    for cpu, native, starved in [task.result() for task in tasks]:
        meter.add(transform_cpu_seconds=cpu, native_cpu_seconds=native, starved_seconds=starved)
