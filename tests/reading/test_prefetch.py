"""Blocks are requested once, when they are first needed, and dropped after their last use."""

import weakref
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.format.manifest import Block, Manifest, Shard
from wds_imagenet.reading.batches.batch_plan import plan_batches
from wds_imagenet.reading.batches.prefetch import chunks_of
from wds_imagenet.reading.fetch_blocks import block_locations
from wds_imagenet.reading.order.epoch_order import EpochOrder, RankSlice

COUNT, SAMPLES = 1500, 18


class Fetched:
    """Stands for a fetched block; the test counts how many live at a time."""


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("world_size", [1, 4])
def test_no_more_blocks_live_than_there_are_lanes_and_batches_under_way(every, world_size):
    blocks = (Block(2 << 20, SAMPLES, 0),) * COUNT
    shard = Shard("x.tar", COUNT * (2 << 20), COUNT * SAMPLES, "0" * 64, blocks)
    everything = block_locations(Manifest("x", "train", (), "0" * 64, (shard,)))
    order = EpochOrder(np.full(COUNT, SAMPLES), 0, 0, 240)
    rank_slice = RankSlice(0, world_size, 240 // world_size)
    live = weakref.WeakSet()
    requested = []

    def fetch(location):
        block = Fetched()
        live.add(block)
        requested.append(location)
        return block

    starts = rank_slice.starts(0, order.samples)[::every]
    most = max(len(live) for _ in plan_batches(order, rank_slice, everything, starts, fetch))
    assert most <= 240 // world_size + 2 * rank_slice.batch_size
    assert len(requested) <= COUNT / world_size + 240


@pytest.mark.parametrize("samples", [SAMPLES, 1, 700])
def test_one_rank_asks_for_each_block_once(samples):
    blocks = (Block(2 << 20, samples, 0),) * COUNT
    shard = Shard("x.tar", COUNT * (2 << 20), COUNT * samples, "0" * 64, blocks)
    everything = block_locations(Manifest("x", "train", (), "0" * 64, (shard,)))
    order, rank_slice, requested = EpochOrder(np.full(COUNT, samples), 0, 0, 240), RankSlice(0, 1, 256), []
    for _ in plan_batches(
        order, rank_slice, everything, rank_slice.starts(0, order.samples), requested.append
    ):
        pass
    assert len(requested) == len(set(map(id, requested))) == COUNT


@given(st.integers(0, 2000), st.integers(1, 300))
def test_tasks_are_the_batch_cut_in_pieces(samples, threads):
    chunks = chunks_of(range(samples), threads)
    assert list(chain.from_iterable(chunks)) == list(range(samples))
    assert max(map(len, chunks), default=0) <= 32


@pytest.mark.parametrize(("samples", "threads"), [(256, 2), (32, 8), (256, 64)])
def test_every_thread_has_work_while_three_batches_are_decoded(samples, threads):
    assert 3 * len(chunks_of(range(samples), threads)) >= 2 * threads


def test_over_all_ranks_a_block_is_asked_for_twice_only_at_lane_ends():
    blocks = (Block(2 << 20, SAMPLES, 0),) * COUNT
    shard = Shard("x.tar", COUNT * (2 << 20), COUNT * SAMPLES, "0" * 64, blocks)
    everything = block_locations(Manifest("x", "train", (), "0" * 64, (shard,)))
    order = EpochOrder(np.full(COUNT, SAMPLES), 0, 0, 240)
    requested = []
    for rank in range(8):
        rank_slice = RankSlice(rank, 8, 30)
        starts = rank_slice.starts(0, order.samples)
        for _ in plan_batches(
            order, rank_slice, everything, starts, lambda location: requested.append(location) or Fetched()
        ):
            pass
    assert len(set(map(id, requested))) == COUNT
    assert len(requested) - COUNT <= 240
