"""Any bytes, and any mutation of real ones, give a value or an error of ours, in bounded time and memory."""

import random
import resource
import time

import pytest
from fuzz.mutate import mutate
from fuzz.targets import TARGETS, Target
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

SECONDS = 5.0
"""Longest time for one input, on a busy machine."""
GROWTH = 1 << 30
"""Most bytes by which the process may grow."""
QUICK = settings(
    max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck]
)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_real_bytes_are_read(target: Target) -> None:
    assert any(target.accepts(data) for data in target.seeds())


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_any_bytes_give_a_value_or_an_error_of_ours(target: Target) -> None:
    seeds = target.seeds()
    before = peak()

    def check(data: bytes) -> None:
        began = time.monotonic()
        target.accepts(data)
        assert time.monotonic() - began < SECONDS

    @QUICK
    @example(data=b"")
    @given(data=st.binary(max_size=400))
    def bytes_of_any_kind(data: bytes) -> None:
        check(data)

    @QUICK
    @given(seed=st.integers(0, 1 << 32))
    def mutations(seed: int) -> None:
        check(mutate(random.Random(seed), seeds))

    bytes_of_any_kind()
    mutations()
    assert peak() - before < GROWTH
