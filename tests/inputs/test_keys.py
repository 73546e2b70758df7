"""Which values occur more than once."""

from array import array
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.inputs.keys import repeated_positions


@given(st.lists(st.integers(-4, 4) | st.integers(-(1 << 63), (1 << 63) - 1)))
def test_the_places_are_those_that_a_counter_finds(values):
    counts = Counter(values)
    expected = [place for place, value in enumerate(values) if counts[value] > 1]
    assert repeated_positions(array("q", values)) == expected
