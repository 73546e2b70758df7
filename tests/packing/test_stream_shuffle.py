"""The shuffling window: every sample once, the same each time, and as far from its place as memory allows."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.packing.plan.stream_shuffle import _OVERHEAD, shuffled
from wds_imagenet.sources import Reference, StreamedImage

SIZES = st.lists(st.integers(0, 5000), max_size=80)


def arrivals(sizes: list[int]) -> list[StreamedImage]:
    return [StreamedImage(Reference(f"k{i}", "u", 0, n, f"k{i}.jpg"), bytes(n)) for i, n in enumerate(sizes)]


@given(SIZES, st.integers(1, 100_000), st.integers(0, 2**64))
def test_every_sample_comes_once(sizes: list[int], window: int, seed: int) -> None:
    given_ = arrivals(sizes)
    out = list(shuffled(given_, window, seed))
    assert sorted(map(id, out)) == sorted(map(id, given_))


@given(SIZES, st.integers(1, 100_000), st.integers(0, 2**64))
def test_the_order_depends_on_seed_and_sizes_alone(sizes: list[int], window: int, seed: int) -> None:
    one = [a.reference.key for a in shuffled(arrivals(sizes), window, seed)]
    assert one == [a.reference.key for a in shuffled(iter(arrivals(sizes)), window, seed)]


@given(SIZES, st.integers(1, 100_000))
def test_the_window_never_exceeds_its_size(sizes: list[int], window: int) -> None:
    taken = given_ = 0

    def source():
        nonlocal taken
        for arrival in arrivals(sizes):
            taken += len(arrival.data) + _OVERHEAD
            yield arrival

    largest = max(sizes, default=0) + _OVERHEAD
    for arrival in shuffled(source(), window, 0):
        assert taken - given_ <= window + largest
        given_ += len(arrival.data) + _OVERHEAD
    assert given_ == taken


def test_a_sample_is_displaced_by_the_window_at_random() -> None:
    n = 500
    out = shuffled(arrivals([100] * 20_000), n * (100 + _OVERHEAD), 7)
    order = [int(arrival.reference.key[1:]) for arrival in out]
    delays = [place + n - number for place, number in enumerate(order)]
    assert min(delays) >= 0  # none is early by more than the window holds
    inner = delays[n : -2 * n]
    assert 0.9 * n < statistics.mean(inner) < 1.1 * n
    assert statistics.stdev(inner) > 0.9 * n  # a queue of that length would have no spread


def test_a_window_for_all_is_a_full_shuffle() -> None:
    order = [int(a.reference.key[1:]) for a in shuffled(arrivals([1] * 3000), 1 << 30, 3)]
    displacement = statistics.mean(abs(place - number) for place, number in enumerate(order))
    assert 0.31 < displacement / 3000 < 0.36  # a third is what a random permutation has


def test_another_seed_gives_another_order() -> None:
    orders = {tuple(a.reference.key for a in shuffled(arrivals([10] * 50), 20_000, s)) for s in range(20)}
    assert len(orders) == 20
