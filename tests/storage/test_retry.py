"""Retries are bounded in number and in time, and only temporary failures are retried."""

import time
from collections.abc import Awaitable, Callable
from itertools import count
from threading import Timer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import DeniedError, UnavailableError, UsageError
from wds_imagenet.storage import Retry
from wds_imagenet.storage.event_loop import run
from wds_imagenet.storage.retry import call_with_retries, delays
from wds_imagenet.util.cancel import CancelToken, current_token, set_current_token

QUICK = Retry(attempts=4, first=0.001, cap=0.002)


def failing(times: int, error: Exception) -> Callable[[], Awaitable[int]]:
    calls = count(1)

    async def call() -> int:
        number = next(calls)
        if number <= times:
            raise error
        return number

    return call


@given(st.integers(1, 60), st.floats(0, 10), st.floats(0, 100), st.floats(0, 1, exclude_max=True))
def test_delays_double_up_to_the_cap_and_are_jittered_in_full(
    attempts: int, first: float, cap: float, draw: float
) -> None:
    waits = list(delays(Retry(attempts, first, cap), lambda: draw))
    assert waits == [min(cap, first * 2**n) * draw for n in range(attempts - 1)]


def test_the_default_retries_wait_less_than_their_deadline() -> None:
    usual = Retry()
    assert usual.attempts == 10
    assert 45 < sum(delays(usual, lambda: 0.999)) < usual.deadline


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_call_that_recovers_returns(times: int) -> None:
    assert run(call_with_retries(failing(times, UnavailableError("busy")), QUICK, "x")) == times + 1


def test_the_last_failure_has_the_number_of_attempts() -> None:
    with pytest.raises(UnavailableError, match="busy") as caught:
        run(call_with_retries(failing(4, UnavailableError("busy")), QUICK, "s3://b/x"))
    [note] = caught.value.__notes__
    assert note.startswith("s3://b/x: gave up after attempt 4 of 4, 0.")


@pytest.mark.parametrize("error", [DeniedError("no"), ValueError("bug"), KeyboardInterrupt()])
def test_a_permanent_failure_is_raised_at_once(error: Exception) -> None:
    calls = []

    async def call() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        run(call_with_retries(call, QUICK, "x"))
    assert len(calls) == 1


def test_no_attempt_begins_after_the_deadline() -> None:
    moments = []

    async def call() -> None:
        moments.append(time.monotonic())
        raise UnavailableError("busy")

    with pytest.raises(UnavailableError):
        run(call_with_retries(call, Retry(500, 0.01, 0.01, deadline=0.1), "x"))
    assert 1 < len(moments) < 500
    assert moments[-1] - moments[0] < 0.2


@pytest.mark.parametrize("bad", [{"attempts": 0}, {"first": -1}, {"cap": -1}, {"deadline": -1}])
def test_impossible_bounds_are_rejected(bad: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Retry(**bad)


def test_a_wait_that_the_store_asks_for_is_kept_if_the_deadline_allows_it() -> None:
    async def call() -> str:
        tries.append(time.monotonic())
        if len(tries) < 2:
            error = UnavailableError("busy")
            error.retry_after = after
            raise error
        return "done"

    tries: list[float] = []
    after = 0.3
    assert run(call_with_retries(call, Retry(first=0, deadline=10), "x")) == "done"
    assert tries[1] - tries[0] >= 0.3
    tries, after = [], 20.0
    with pytest.raises(UnavailableError, match="busy"):
        run(call_with_retries(call, Retry(first=0, deadline=10), "x"))
    assert len(tries) == 1


@pytest.mark.parametrize("when", ["before the failure", "during the wait"])
def test_a_cancelled_call_is_not_repeated(when: str) -> None:
    token = CancelToken()
    calls = []

    async def call() -> None:
        calls.append(1)
        if when == "before the failure":
            token.cancel()
        raise UnavailableError("busy")

    def wait(*_: object) -> None:
        Timer(0.05, token.cancel).start()

    before = current_token()
    set_current_token(token)
    try:
        with pytest.raises(UnavailableError, match=r"busy|cancelled"):
            run(call_with_retries(call, Retry(first=60, deadline=600), "x", wait))
    finally:
        set_current_token(before)
    assert len(calls) == 1
