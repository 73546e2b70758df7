"""The block size of a data set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.format.blocks import block_bytes_for


@pytest.mark.parametrize(
    ("total", "size"),
    [(0, 128 << 10), (110_000_000, 128 << 10), (560_000_000, 512 << 10), (147_000_000_000, 2 << 20)],
)
def test_small_data_sets_have_small_blocks(total, size):
    assert block_bytes_for(total) == size


@given(st.integers(0, 1 << 50))
def test_a_data_set_of_many_bytes_has_a_thousand_blocks_or_the_smallest(total):
    size = block_bytes_for(total)
    assert 128 << 10 <= size <= 2 << 20
    assert size == 128 << 10 or size * 1000 <= total
    assert block_bytes_for(total + 1) >= size
