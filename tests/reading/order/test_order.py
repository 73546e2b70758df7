"""The order of an epoch is a pure function, complete, elastic and well mixed."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.order.epoch_order import EpochOrder, RankSlice, default_lanes
from wds_imagenet.util.rng import permutation, permutations

lasts = st.sampled_from(["short", "pad", "drop"])
counts_lists = st.lists(st.integers(0, 25), min_size=1, max_size=60).filter(any)


def sequence(counts, *, seed=0, epoch=0, lanes=240, shuffle=True):
    """Return the epoch's sequence as sample numbers of the data set."""
    counts = np.array(counts, np.int64)
    first = np.cumsum(counts) - counts
    where = EpochOrder(counts, seed, epoch, lanes, shuffle=shuffle).locate(np.arange(counts.sum()))
    return (first[where.block] + where.within).tolist()


@given(counts_lists, st.integers(0, 2**63), st.integers(0, 100), st.integers(1, 300), st.booleans())
def test_an_epoch_has_every_sample_exactly_once(counts, seed, epoch, lanes, shuffle):
    order = sequence(counts, seed=seed, epoch=epoch, lanes=lanes, shuffle=shuffle)
    assert sorted(order) == list(range(sum(counts)))


@given(counts_lists, st.integers(1, 9), st.integers(0, 500), lasts)
def test_the_ranks_parts_make_up_the_global_batches_from_any_start(counts, batch_size, start, last):
    samples = sum(counts)
    whole = RankSlice(0, 1, batch_size * 24, last)
    for world_size in (2, 3, 4, 6, 8):
        slices = [
            RankSlice(rank, world_size, batch_size * 24 // world_size, last) for rank in range(world_size)
        ]
        assert {one.starts(start, samples) for one in slices} == {whole.starts(start, samples)}
        for begin in whole.starts(start, samples):
            parts = [one.entries(begin, samples) for one in slices]
            assert sorted(itertools.chain(*parts)) == whole.entries(begin, samples).tolist()
            assert max(map(len, parts)) - min(map(len, parts)) <= 1
            assert all(len(part) <= one.batch_size for part, one in zip(parts, slices, strict=True))


def test_no_block_is_shared_by_two_ranks_but_at_lane_ends():
    counts = np.full(5000, 18, np.int64)
    order = EpochOrder(counts, 0, 0, 240)
    entries = np.arange(order.samples)
    pairs = {(b, s % 8) for b, s in zip(order.locate(entries).block.tolist(), entries.tolist(), strict=True)}
    assert len(pairs) - len(counts) <= 240


def test_without_shuffling_one_rank_sees_the_shards_own_order():
    assert sequence([3, 1, 4, 1, 5], lanes=1, shuffle=False) == list(range(14))


def test_the_order_of_this_release_is_the_order_of_every_release():
    # A run that is resumed after an upgrade relies on this, as does a reader written from docs/format.md.
    assert sequence([4, 3, 5], seed=7, epoch=2, lanes=3) == GOLDEN


def documented(counts, seed, epoch, lanes):
    """Return the sequence, computed as docs/format.md defines it."""

    def mix(*values):
        z = 0
        for value in values:
            z = ((z ^ value) + 0x9E3779B97F4A7C15) % 2**64
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
            z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
            z ^= z >> 31
        return z

    def permuted(count, *values):
        return sorted(range(count), key=lambda i: mix(*values, i))

    firsts = [sum(counts[:block]) for block in range(len(counts))]
    within = mix(seed, epoch, 2)
    blocks = permuted(len(counts), seed, epoch, 1)
    line = [firsts[block] + i for block in blocks for i in permuted(counts[block], within, block)]
    short, longer = divmod(len(line), lanes)
    cut = []
    for lane in range(lanes):
        length = short + (lane < longer)
        cut.append(line[:length][:: -1 if lane % 2 else 1])
        line = line[length:]
    return [cut[s % lanes][s // lanes] for s in range(sum(counts))]


@given(counts_lists, st.integers(0, 2**63), st.integers(0, 100), st.integers(1, 300))
def test_the_order_is_the_one_that_the_format_defines(counts, seed, epoch, lanes):
    assert sequence(counts, seed=seed, epoch=epoch, lanes=lanes) == documented(counts, seed, epoch, lanes)


GOLDEN = [0, 9, 7, 3, 4, 8, 2, 6, 10, 1, 5, 11]


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 40)), max_size=30))
def test_permutations_drawn_together_are_those_drawn_alone(pairs):
    states = np.array([state for state, _ in pairs], np.uint64)
    counts = np.array([count for _, count in pairs], np.int64)
    alone = [permutation(state, count).tolist() for state, count in pairs]
    assert permutations(states, counts).tolist() == list(itertools.chain(*alone))


def test_seed_and_epoch_each_change_the_order():
    orders = [sequence([20] * 50, seed=s, epoch=e) for s in range(3) for e in range(3)]
    assert len({tuple(order) for order in orders}) == 9


def test_neighbours_come_from_as_many_blocks_as_there_are_lanes():
    order = EpochOrder(np.full(5000, 18, np.int64), 0, 0, 240)
    blocks = [len(set(order.locate(np.arange(i, i + 240)).block.tolist())) for i in range(0, 9000, 240)]
    assert min(blocks) >= 120  # neighbouring lanes begin, and end, in one block
    assert sorted(blocks)[len(blocks) // 2] >= 230


def test_samples_move_as_far_as_in_a_full_shuffle():
    order = np.array(sequence([18] * 5000))
    moved = np.abs(order - np.arange(len(order))).mean() / len(order)
    assert moved == pytest.approx(1 / 3, abs=0.02)


def test_a_lane_leaves_each_block_once():
    order = EpochOrder(np.array([5, 0, 7, 3]), 1, 0, 2)
    where = order.locate(np.arange(15))
    visits = {(lane, slot) for lane, slot in zip(where.lane.tolist(), where.slot.tolist(), strict=True)}
    assert where.last.sum() == len(visits)


@pytest.mark.parametrize(
    ("world_size", "lanes"), [(1, 240), (8, 240), (7, 840), (64, 960), (512, 7680), (1048573, 1048573)]
)
def test_the_default_lanes_are_shared_evenly(world_size, lanes):
    assert default_lanes(world_size) == lanes


def test_a_world_size_that_does_not_divide_the_lanes_is_refused_with_those_that_do():
    with pytest.raises(UsageError, match=r"world size 7 does not divide the 240 lanes.* 5, 6, 8"):
        RankSlice(0, 7, 1).check_lanes(240)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1, "long"), "last is 'short', 'pad' or 'drop', not 'long'"),
        ((0, 1, 0), "batch_size 0 is not positive"),
        ((1, 1, 1), "rank 1 is not one of 0 to 0"),
        ((-1, 2, 1), "rank -1 is not one of 0 to 1"),
    ],
)
def test_a_slice_that_no_rank_can_have_is_an_error(arguments, message):
    with pytest.raises(UsageError, match=message):
        RankSlice(*arguments)


def test_an_order_without_lanes_is_an_error():
    with pytest.raises(UsageError, match="an order needs at least one lane, not 0"):
        EpochOrder(np.array([1]), 0, 0, 0)


def test_without_shuffling_each_rank_has_one_lane():
    assert [default_lanes(world_size, shuffle=False) for world_size in (1, 7)] == [1, 7]


@given(counts_lists, st.integers(1, 300), st.booleans())
def test_every_part_of_a_location_agrees_with_the_line_of_blocks(counts, lanes, shuffle):
    counts = np.array(counts, np.int64)
    order = EpochOrder(counts, 3, 1, lanes, shuffle=shuffle)
    entries = np.arange(counts.sum())
    where = order.locate(entries)
    assert where.lane.tolist() == (entries % lanes).tolist()
    assert where.number.tolist() == ((np.cumsum(counts) - counts)[where.block] + where.within).tolist()
    assert (where.within < counts[where.block]).all()
    assert (where.within >= 0).all()
    blocks = dict(zip(where.slot.tolist(), where.block.tolist(), strict=True))
    assert [blocks[slot] for slot in where.slot.tolist()] == where.block.tolist()
    assert shuffle or where.slot.tolist() == where.block.tolist()
    # A lane leaves each block that it visits once, with its last entry there.
    visits = dict(
        zip(zip(where.lane.tolist(), where.slot.tolist(), strict=True), entries.tolist(), strict=True)
    )
    assert np.flatnonzero(where.last).tolist() == sorted(visits.values())


def test_two_lanes_that_share_a_block_read_it_at_the_same_time():
    order = EpochOrder(np.full(10, 4), 0, 0, 4)  # ten samples a lane, so that two lanes share a block
    where = order.locate(np.arange(40))
    steps = {}
    for entry, (slot, lane) in enumerate(zip(where.slot.tolist(), where.lane.tolist(), strict=True)):
        steps.setdefault(slot, {}).setdefault(lane, []).append(entry // 4)
    shared = [list(lanes.values()) for lanes in steps.values() if len(lanes) == 2]
    assert len(shared) == 2
    assert all(first == second for first, second in shared)


@pytest.mark.parametrize(
    ("rows", "last", "wanted"),
    [(0, "short", 1), (1, "short", 1), (3, "short", 3), (0, "pad", 4), (3, "pad", 4), (4, "drop", 4)],
)
def test_the_rows_of_a_batch(rows, last, wanted):
    assert RankSlice(0, 2, 4, last).rows(rows) == wanted


def test_an_epoch_smaller_than_a_global_batch_is_dropped_with_an_error():
    one = RankSlice(0, 2, 4, "drop")
    one.check_samples(8)
    with pytest.raises(UsageError, match=r"a global batch of 4 × 2 ranks is larger than .* \(7 samples\)"):
        one.check_samples(7)
    RankSlice(0, 2, 4).check_samples(1)


@pytest.mark.parametrize(
    ("world_size", "lanes", "near"),
    [(7, 240, "4, 5, 6, 8, 10"), (50, 240, "24, 30, 40, 48, 60"), (3, 1, "1"), (11, 7 * 13, "1, 7, 13, 91")],
)
def test_the_world_sizes_nearest_to_ours_are_named(world_size, lanes, near):
    with pytest.raises(UsageError, match=f"near it that do: {near}\\. Lanes"):
        RankSlice(0, world_size, 1).check_lanes(lanes)


def test_an_order_has_at_most_a_million_lanes():
    one = RankSlice(0, 2, 1)
    one.check_lanes(1 << 20)
    with pytest.raises(UsageError, match="at most 1048576; not 1048578"):
        one.check_lanes((1 << 20) + 2)
