"""The block size of a data set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.format.blocks import block_bytes_for, cut_blocks


@pytest.mark.parametrize(
    ("total", "size"),
    [
        (0, 128 << 10),
        (110_000_000, 128 << 10),
        (560_000_000, 512 << 10),
        (2_097_151_999, 1 << 20),
        (2_097_152_000, 2 << 20),
        (147_000_000_000, 2 << 20),
    ],
)
def test_small_data_sets_have_small_blocks(total, size):
    assert block_bytes_for(total) == size


@given(st.integers(0, 1 << 50))
def test_a_data_set_of_many_bytes_has_a_thousand_blocks_or_the_smallest(total):
    size = block_bytes_for(total)
    assert 128 << 10 <= size <= 2 << 20
    assert size == 128 << 10 or size * 1000 <= total
    assert block_bytes_for(total + 1) >= size


def test_a_block_ends_with_its_65536th_sample():
    ends = range(512, 512 * 65_538, 512)
    cuts = list(cut_blocks(ends, 512 * 65_537 + 1024, 1 << 30))
    assert cuts == [(0, 512 * 65_536, 65_536), (512 * 65_536, 512 * 65_537 + 1024, 1)]


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 30))
def test_blocks_tile_a_shard_and_none_but_that_of_an_empty_shard_is_without_samples(sizes, block_bytes):
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    size = sum(sizes) + 2
    cuts = list(cut_blocks(ends, size, block_bytes))
    assert [start for start, _, _ in cuts] == [0, *(stop for _, stop, _ in cuts[:-1])]
    assert cuts[-1][1] == size
    assert sum(samples for _, _, samples in cuts) == len(sizes)
    assert all(samples for _, _, samples in cuts) or not sizes
    assert all(stop - start >= block_bytes for start, stop, _ in cuts[:-1])
