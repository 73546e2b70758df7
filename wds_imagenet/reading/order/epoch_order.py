"""The order of an epoch: a pure function of the manifest's counts, the seed, the epoch and the lanes.

All blocks, permuted and laid end to end, form a line of T samples, permuted within each block. The
line is cut into N lanes of equal length (±1). The epoch's sequence takes the first sample of every
lane, then the second of every lane, and so on: N neighbours come from N parts of the data set.

Every other lane is walked backwards. Two lanes that share a block therefore read it at the same time, and it
is fetched once. Rank r of W owns every W-th entry, hence the lanes r, r + W, …, where W divides N. The
sequence, and with it every global batch, is the same for every such W. Ranks share blocks at lane ends only.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.arguments import number_text
from wds_imagenet.util.rng import mix, mix_array, permutation, permutations

MIN_LANES: Final = 240
_LANE_UNIT: Final = 120  # divided by 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 30, 40, 60
_BLOCKS: Final = 1
_WITHIN: Final = 2

Ints = npt.NDArray[np.int64]
Last: TypeAlias = Literal["short", "pad", "drop"]
"""The treatment of an epoch's last batch if the samples do not fill it."""
_MOST_LANES: Final = 1 << 20  # an epoch's order takes 32 bytes a lane
_MOST_ROWS: Final = 1 << 24  # a batch takes at least 100 bytes a row


def default_lanes(world_size: int, *, shuffle: bool = True) -> int:
    """Return the least common multiple of the world size and 120 that is at least 240.

    Without `shuffle`, or if an order cannot have so many lanes, return the world size: one lane for a rank.
    """
    unit = math.lcm(world_size, _LANE_UNIT)
    lanes = unit * -(-MIN_LANES // unit)
    return lanes if shuffle and lanes <= _MOST_LANES else world_size


@dataclass(frozen=True, slots=True)
class EntryLocations:
    """The locations of some entries of the sequence: one array element an entry, int64."""

    lane: Ints
    slot: Ints
    """The position of the entry's block in the permuted line of blocks."""
    block: Ints
    """The number of that block, counted through the shards in the manifest's order."""
    within: Ints
    """The sample's index in its block, in the order of the tar."""
    number: Ints
    """The sample's index in the data set."""
    last: npt.NDArray[np.bool_]
    """True if the lane leaves the block after this entry."""


class EpochOrder:
    """One epoch's sequence. Building it costs about 10 ns and 32 bytes a block."""

    def __init__(self, counts: Ints, seed: int, epoch: int, lanes: int, *, shuffle: bool = True) -> None:
        if lanes < 1:
            raise UsageError(f"an order needs at least one lane, not {lanes}")
        self.samples: Final = int(counts.sum())
        self.lanes: Final = lanes
        self._shuffle = shuffle
        self._firsts: Ints = np.cumsum(counts) - counts
        line = permutation(mix(seed, epoch, _BLOCKS), len(counts)) if shuffle else np.arange(len(counts))
        self._line: Ints = line.astype(np.int64)
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[line])])
        short, longer = divmod(self.samples, lanes)
        lengths = np.full(lanes, short, np.int64)
        lengths[:longer] += 1
        self._lane_stops = np.cumsum(lengths)
        self._lane_starts = self._lane_stops - lengths
        self._state = mix(mix(seed, epoch, _WITHIN))
        self._drawn: dict[int, list[int]] = {}

    def locate(self, entries: Ints) -> EntryLocations:
        """Return the locations of entries of the sequence. Costs about 0.5 µs an entry, of 200 or more."""
        lane = entries % self.lanes
        step = entries // self.lanes
        backwards = (lane % 2 == 1) & self._shuffle
        begin, end = self._lane_starts[lane], self._lane_stops[lane]
        position = np.where(backwards, end - 1 - step, begin + step)
        slot = np.searchsorted(self._starts, position, side="right") - 1
        block = self._line[slot]
        offset = position - self._starts[slot]
        within = self._within(slot.tolist(), offset.tolist()) if self._shuffle else offset
        leaves = np.where(
            backwards,
            position == np.maximum(self._starts[slot], begin),
            position + 1 == np.minimum(self._starts[slot + 1], end),
        )
        return EntryLocations(lane, slot, block, within, self._firsts[block] + within, leaves)

    def _within(self, slots: list[int], offsets: list[int]) -> Ints:
        drawn = self._drawn
        self._draw(list({slot: None for slot in slots if slot not in drawn}))
        found = [drawn[slot][offset] for slot, offset in zip(slots, offsets, strict=True)]
        # A block is visited by its own lane, and by a neighbour where a lane's end cuts it. The oldest
        # permutations are dropped first, and drawn again if a lane still needs them.
        while len(drawn) > 2 * self.lanes + 64:
            del drawn[next(iter(drawn))]
        return np.array(found, np.int64)

    def _draw(self, slots: list[int]) -> None:
        """Draw the order within some blocks, all at once: one by one they cost 15 µs each."""
        if not slots:
            return
        counts = self._starts[np.array(slots) + 1] - self._starts[slots]
        drawn = permutations(mix_array(self._state, self._line[slots]), counts).tolist()
        stops = np.cumsum(counts).tolist()
        for slot, start, stop in zip(slots, [0, *stops], stops, strict=False):
            self._drawn[slot] = drawn[start:stop]


@dataclass(frozen=True, slots=True)
class RankSlice:
    """The entries of the sequence that one rank reads: an equal part of every global batch."""

    rank: int
    world_size: int
    batch_size: int
    """Samples in a batch of this rank."""
    last: Last = "short"

    def __post_init__(self) -> None:
        if self.last not in get_args(Last):
            raise UsageError(f"last is 'short', 'pad' or 'drop', not {self.last!r:.80}")
        if self.batch_size < 1:
            raise UsageError(f"batch_size {self.batch_size} is not positive")
        if self.batch_size > _MOST_ROWS:
            raise UsageError(
                f"batch_size is at most {_MOST_ROWS}, and not {number_text(self.batch_size)}: "
                "choose a smaller batch_size"
            )
        if self.world_size > _MOST_LANES:
            raise UsageError(f"world_size is at most {_MOST_LANES}, and not {number_text(self.world_size)}")
        if not 0 <= self.rank < self.world_size:
            raise UsageError(f"rank {number_text(self.rank)} is not one of 0 to {self.world_size - 1}")

    @property
    def global_batch(self) -> int:
        """Samples in a batch of all ranks together."""
        return self.batch_size * self.world_size

    def check_lanes(self, lanes: int) -> None:
        """Raise `UsageError` unless every rank gets the same number of lanes."""
        if not 1 <= lanes <= _MOST_LANES:
            raise UsageError(
                f"an order needs at least one lane, and at most {_MOST_LANES}; not {number_text(lanes)}"
            )
        if lanes % self.world_size:
            fits = [w for w in range(1, min(lanes, 4096) + 1) if lanes % w == 0]
            near = ", ".join(map(str, sorted(sorted(fits, key=lambda w: abs(w - self.world_size))[:5])))
            raise UsageError(
                f"world size {self.world_size} does not divide the {lanes} lanes of this order; "
                f"world sizes near it that do: {near}. Lanes are fixed when a run begins "
                "(Loader(lanes=…)); choose a multiple of every world size you may use"
            )

    def check_samples(self, samples: int) -> None:
        """Raise `UsageError` if an epoch of so many samples has no batch."""
        if not self.starts(0, samples):
            raise UsageError(
                f"a global batch of {self.batch_size} × {self.world_size} ranks is larger than the data set "
                f"({samples} samples), so last='drop' leaves nothing"
            )

    def starts(self, start: int, samples: int) -> range:
        """Return the first entry of each global batch from `start` on, in a sequence of so many samples.

        The range is the same for every rank, so all ranks have the same number of batches.
        """
        stop = samples - self.global_batch + 1 if self.last == "drop" else samples
        return range(start, max(stop, start), self.global_batch)

    def rows(self, entries: int) -> int:
        """Return the rows of a batch with so many samples.

        A short batch has a row for each sample. If it has none, since fewer samples than ranks are left, it
        has one row of padding: every rank has the same number of batches, and no batch is empty.
        """
        return max(1, entries) if self.last == "short" else self.batch_size

    def entries(self, start: int, samples: int) -> Ints:
        """Return this rank's entries of the global batch that begins at `start`, int64.

        At most `batch_size`; fewer, perhaps none, where the sequence of `samples` entries ends.
        """
        first = start + (self.rank - start) % self.world_size
        return np.arange(first, min(start + self.global_batch, samples), self.world_size, dtype=np.int64)
