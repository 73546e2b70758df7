"""From an order to filled batches: what is fetched when, what is kept how long, who decodes it.

The consumer's own thread plans. It asks for each block when the sequence first needs it, at most
`prefetch_bytes` beyond the batches that are being decoded, and forgets it when its last entry is
planned; the batches that still use the block keep it alive, and free it with their last reference.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

from wds_imagenet.errors import DataError
from wds_imagenet.reading.fetch import Extent
from wds_imagenet.reading.layers import Blocks
from wds_imagenet.reading.order import Order, Share
from wds_imagenet.reading.stats import Meter
from wds_imagenet.reading.threads import Future, Pool, pool
from wds_imagenet.sample import Sample
from wds_imagenet.stop import Stop

FETCHERS: Final = 16  # enough to hide 50 ms of latency behind blocks of 2 MiB at 500 MB/s
DECODED_AHEAD: Final = 3
_LARGEST_CHUNK: Final = 16  # samples a task: enough for its own cost to not show

Block = Future[Sequence[Sample]]


class Entry(NamedTuple):
    """One sample of a batch that is still to come."""

    block: Block
    extent: Extent
    within: int

    @property
    def number(self) -> int:
        """Its index in the data set."""
        return self.extent.first_sample + self.within


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch of this rank."""

    entries: list[Entry]
    fetched_bytes: int
    """Of the blocks that it is the first to need."""
    stop: int
    """How far the epoch's sequence is when it has been given out."""


@dataclass(slots=True)
class _Stay:
    """A block that lanes are in, and how many."""

    block: Block
    lanes: int = 0


def plan_batches(
    order: Order, share: Share, extents: Sequence[Extent], starts: range, ask: Callable[[Extent], Block]
) -> Iterator[Plan]:
    """Yield this rank's part of the global batches that begin at `starts`.

    Calls `ask` for each block as it is first needed, once while any lane is in it. Costs about 2 µs a sample.
    """
    stays: dict[int, _Stay] = {}
    place_of: dict[int, int] = {}
    for begin in starts:
        where = order.locate(share.entries(begin, order.samples))
        columns = (where.lane, where.place, where.block, where.within, where.last)
        entries: list[Entry] = []
        fetched_bytes = 0
        for lane, place, block, within, last in zip(*(c.tolist() for c in columns), strict=True):
            extent = extents[block]
            stay = stays.get(place)
            if stay is None:
                stay = stays[place] = _Stay(ask(extent))
                fetched_bytes += extent.block.size
            held = place_of.get(lane)
            if held != place:
                if held is not None:  # its last entry there belongs to a batch that is not ours
                    stays[held].lanes -= 1
                place_of[lane] = place
                stay.lanes += 1
            entries.append(Entry(stay.block, extent, within))
            if last:
                stay.lanes -= 1
                del place_of[lane]
        stays = {place: stay for place, stay in stays.items() if stay.lanes}
        yield Plan(entries, fetched_bytes, min(begin + share.global_batch, order.samples))


class Draft(Protocol):
    """A batch that is being filled, row by row, from several threads."""

    def fill(self, items: Sequence[tuple[int, Entry, Sample]]) -> float:
        """Decode samples, each into its row, a bad one by `fail`; return the CPU seconds without the GIL."""

    def fail(self, row: int, entry: Entry, sample: Sample | None, error: DataError) -> None:
        """Raise the error with its place noted, or take it down and go on."""


AnyDraft = TypeVar("AnyDraft", bound=Draft)


def run(
    plans: Callable[[Callable[[Extent], Block]], Iterator[Plan]],
    draft: Callable[[Plan], AnyDraft],
    *,
    blocks: Blocks,
    threads: int,
    prefetch_bytes: int,
    meter: Meter,
    stop: Stop,
) -> Iterator[tuple[Plan, AnyDraft]]:
    """Yield every plan with its filled draft, in order. No thread outlives the iterator.

    When `stop` is set, blocks that are being fetched are given up, with an error in their turn.
    Holds the blocks that lanes are in, `prefetch_bytes` of further ones, and four drafts.
    """

    def fetch(extent: Extent) -> Sequence[Sample]:
        return _fetch(blocks, extent, meter)

    # Left in reverse: what waits to be fetched is dropped before those who wait for it are joined.
    with pool(threads, "decode") as decoding, pool(FETCHERS, "fetch", stop) as fetching:
        coming = plans(lambda extent: fetching.submit(fetch, extent))
        planned: deque[Plan] = deque()
        filling: deque[tuple[Plan, AnyDraft, list[Future[None]]]] = deque()
        while True:
            while len(filling) < DECODED_AHEAD and (plan := _take(planned, coming)):
                new = draft(plan)
                filling.append((plan, new, _fill(decoding, new, plan, meter, threads)))
            _plan_ahead(planned, coming, prefetch_bytes)
            if not filling:
                return
            plan, filled, tasks = filling.popleft()
            for task in tasks:
                task.result()
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


def _fetch(blocks: Blocks, extent: Extent, meter: Meter) -> Sequence[Sample]:
    wall, cpu = time.perf_counter(), time.thread_time()
    data = blocks.read(extent)
    fetched, read_cpu = time.perf_counter(), time.thread_time()
    samples = blocks.split(extent, data)
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


def _fill(decoding: Pool, draft: Draft, plan: Plan, meter: Meter, threads: int) -> list[Future[None]]:
    chunks = chunks_of(range(len(plan.entries)), threads)
    return [decoding.submit(_fill_rows, draft, plan.entries, chunk, meter) for chunk in chunks]


def _fill_rows(draft: Draft, entries: Sequence[Entry], rows: Sequence[int], meter: Meter) -> None:
    starved = 0.0
    cpu = time.thread_time()
    items = []
    for row in rows:
        entry = entries[row]
        try:
            asked = time.perf_counter()
            samples = entry.block.result()
            starved += time.perf_counter() - asked
            items.append((row, entry, samples[entry.within]))
        except DataError as error:
            draft.fail(row, entry, None, error)
    native = draft.fill(items)
    cpu = time.thread_time() - cpu
    meter.add(transform_cpu_seconds=cpu, native_cpu_seconds=native, starved_seconds=starved)
