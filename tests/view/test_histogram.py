from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.view.histogram import histogram

NUMBERS = st.lists(st.integers(0, 10**7) | st.floats(0, 1e7), min_size=1, max_size=300)


@given(NUMBERS)
def test_each_number_is_in_the_one_bar_that_it_belongs_to(numbers):
    bars = histogram("t", numbers).bars
    for bar in bars:
        inside = [n for n in numbers if bar.low <= n and (bar.high is None or n < bar.high)]
        assert bar.count == len(inside)
    assert sum(bar.count for bar in bars) == len(numbers)


@given(NUMBERS, st.integers(4, 40))
def test_bars_are_side_by_side_and_not_too_many(numbers, most):
    bars = histogram("t", numbers, most).bars
    assert len(bars) <= most + 1
    assert [bar.high for bar in bars[:-1]] == [bar.low for bar in bars[1:]]


def test_one_panorama_does_not_press_the_photos_into_one_bar():
    bars = histogram("t", [*range(300, 500), 20_000]).bars
    assert len(bars) > 10
    assert (bars[-1].high, bars[-1].count) == (None, 1)


def test_without_numbers_there_is_none():
    assert histogram("t", []) is None
