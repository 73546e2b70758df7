"""Plans of batches: the block and the sample of each row, and the moment to fetch each block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.reading.fetch_blocks import BlockLocation
from wds_imagenet.reading.order.epoch_order import EpochOrder, RankSlice
from wds_imagenet.sample import Sample
from wds_imagenet.util.threads import Future

_NO_SLOT: Final = -1

FetchedBlock = Future[Sequence[Sample]]


@dataclass(slots=True)
class ActiveBlock:
    """A block that some lane is reading."""

    location: BlockLocation
    fetched: FetchedBlock
    # Beside the future, whose lock would otherwise be taken for every sample.
    _samples: Sequence[Sample] | None = field(default=None, init=False, repr=False)

    def samples(self) -> Sequence[Sample]:
        """Return the block's samples, once they are fetched. Raises the error of the fetch."""
        samples = self._samples
        if samples is None:
            samples = self._samples = self.fetched.result()
        return samples


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """One batch of this rank, row by row. An object for each row would cost more than its planning does."""

    blocks: list[ActiveBlock]
    within: list[int]
    """Each row's index in its block."""
    numbers: npt.NDArray[np.int64]
    """Each row's index in the data set."""
    fetched_bytes: int
    """Size of the blocks that this batch is the first to need."""
    stop: int
    """The length of the epoch's sequence up to the end of this batch, over all ranks."""
    rows: int
    """The rows of the batch: those of `blocks`, then padding."""


def plan_batches(
    order: EpochOrder,
    rank_slice: RankSlice,
    block_locations: Sequence[BlockLocation],
    starts: range,
    fetch: Callable[[BlockLocation], FetchedBlock],
) -> Iterator[BatchPlan]:
    """Yield this rank's part of the global batches that begin at `starts`.

    Calls `fetch` when a block is first needed, once while any lane reads it. Costs about 1 µs a sample.
    """
    active: dict[int, ActiveBlock] = {}
    slot_of_lane = np.full(order.lanes, _NO_SLOT)
    for begin in starts:
        where = order.locate(rank_slice.entries(begin, order.samples))
        blocks: list[ActiveBlock] = []
        fetched_bytes = 0
        for slot, number in zip(where.slot.tolist(), where.block.tolist(), strict=True):
            block = active.get(slot)
            if block is None:
                location = block_locations[number]
                block = active[slot] = ActiveBlock(location, fetch(location))
                fetched_bytes += location.block.size
            blocks.append(block)
        # For a lane that occurs several times, NumPy keeps the last assignment.
        slot_of_lane[where.lane] = np.where(where.last, _NO_SLOT, where.slot)
        kept = set(slot_of_lane[rank_slice.rank :: rank_slice.world_size].tolist())
        active = {slot: block for slot, block in active.items() if slot in kept}
        stop = min(begin + rank_slice.global_batch, order.samples)
        rows = rank_slice.rows(len(blocks))
        yield BatchPlan(blocks, where.within.tolist(), where.number, fetched_bytes, stop, rows)
