"""The number of requests under way follows the link, in a simulation of links and consumers."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.reading.fetching.concurrency import FIRST, LEAST, MOST, Concurrency

MIB = 1 << 20
TICK = 0.001


@dataclass
class Link:
    """Mean latency in seconds, bandwidth in bytes a second, of a connection and of all together."""

    latency: float
    each: float
    total: float


def stream(link, size, seconds, concurrency=None, wanted=1e18):
    """Request blocks for some seconds; return the state, and the bytes a second of the second half.

    Requests whose latency has passed share the link. The consumer wants so many bytes a second; more than
    these are not requested.
    """
    concurrency, rng = concurrency or Concurrency(), np.random.default_rng(0)
    waits, missing = np.empty(0), np.empty(0)
    requested, arrived = 0, 0
    for tick in range(int(seconds / TICK)):
        due = wanted * (tick + 1) * TICK
        new = max(0, min(concurrency.limit - len(waits), int((due - requested) // size)))
        requested += new * size
        waits = np.append(waits - TICK, link.latency * rng.uniform(0.5, 1.5, new))
        missing = np.append(missing, size * rng.uniform(0.9, 1.1, new))
        flowing = waits <= 0
        missing[flowing] -= TICK * min(link.each, link.total / max(1, flowing.sum()))
        done = missing <= 0
        waits, missing = waits[~done], missing[~done]
        for _ in range(done.sum()):
            arrived += size * (tick * TICK > seconds / 2)
            concurrency.reply(tick * TICK, size, others_wait=due - requested >= size)
    return concurrency, arrived / (seconds / 2)


@pytest.mark.parametrize(
    ("latency", "each", "total", "size"),
    [
        (0.1, 60e6, 2e9, 2 * MIB),
        (0.1, 60e6, 1e9, 320 << 10),
        (0.03, 60e6, 500e6, 2 * MIB),
        (0.0005, 1e9, 1e9, 2 * MIB),
        (0.2, 10e6, 100e6, 256 << 10),
    ],
)
def test_the_bandwidth_of_a_link_is_used_whatever_its_delay(latency, each, total, size):
    concurrency, rate = stream(Link(latency, each, total), size, 10)
    reachable = min(total, MOST * size / (latency + size / each))
    assert rate > 0.85 * reachable
    assert concurrency.limit < 4 * max(FIRST, total * (latency + size / each) / size)


def test_a_narrow_link_gets_no_more_requests_than_at_first():
    concurrency, _ = stream(Link(0.01, 60e6, 60e6), 2 * MIB, 60)
    assert concurrency.limit <= 2 * FIRST


def test_a_slow_consumer_gets_no_more_requests_than_at_first():
    concurrency, rate = stream(Link(0.1, 60e6, 2e9), 2 * MIB, 20, wanted=100e6)
    assert concurrency.limit == FIRST
    assert rate == pytest.approx(100e6, rel=0.1)


def test_a_busy_store_halves_the_requests_once_a_round_and_they_recover():
    concurrency, before = stream(Link(0.1, 60e6, 1e9), 2 * MIB, 20)
    most = concurrency.limit
    for _ in range(most):
        concurrency.busy(20.0)
    assert concurrency.limit == most // 2
    concurrency, after = stream(Link(0.1, 60e6, 1e9), 2 * MIB, 40, concurrency)
    assert after > 0.85 * before


def test_a_store_that_stays_busy_gets_two_requests_at_a_time():
    concurrency = Concurrency()
    for second in range(100):
        concurrency.busy(float(second))
        for _ in range(concurrency.limit):
            concurrency.reply(second + 0.5, MIB, others_wait=True)
    assert concurrency.limit == LEAST


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["reply", "busy"]), st.floats(0, 1), st.integers(1, 1 << 30), st.booleans()
        ),
        max_size=60,
    ),
    st.integers(LEAST, MOST),
)
def test_there_are_always_requests_and_never_too_many(events, most):
    concurrency, now = Concurrency(min(FIRST, most), most), 0.0
    for kind, later, size, others_wait in events:
        now += later
        if kind == "busy":
            concurrency.busy(now)
        else:
            concurrency.reply(now, size, others_wait=others_wait)
        assert LEAST <= concurrency.limit <= most
