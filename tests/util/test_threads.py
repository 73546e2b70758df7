"""Work in threads is ordered and bounded, and ends with its iterator or with the token of its owner."""

import threading
import time
from contextlib import closing

import pytest

from wds_imagenet.errors import UnavailableError
from wds_imagenet.util.cancel import CancelToken, current_token, use_token
from wds_imagenet.util.threads import behind, map_ahead, meanwhile, thread_pool


def wait_until_cancelled(_: object = None) -> bool:
    return current_token().wait(30)


def threads_named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"wds-imagenet-{name}")]


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_if_even(number: int) -> int:
        time.sleep(0.002 * (number % 2 == 0))
        return number

    assert list(map_ahead(slow_if_even, range(50), threads=8, name="order")) == list(range(50))


@pytest.mark.parametrize(("ahead", "most"), [(None, 5), (3, 3), (12, 12)])
def test_calls_ahead_are_bounded(ahead: int | None, most: int) -> None:
    begun: list[int] = []
    with closing(map_ahead(begun.append, range(1000), threads=4, ahead=ahead, name="bound")) as results:
        next(results)
    assert len(begun) <= most


def test_an_error_is_raised_in_its_turn() -> None:
    def fail(number: int) -> int:
        if number == 5:
            raise UnavailableError("gone")
        return number

    results = map_ahead(fail, range(10), threads=4, name="error")
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(UnavailableError):
        next(results)


@pytest.mark.timeout(20)
def test_closing_cancels_running_calls_and_leaves_no_thread() -> None:
    results = map_ahead(lambda n: n and wait_until_cancelled(), range(10), threads=4, name="close")
    assert next(results) == 0
    results.close()
    assert threads_named("close") == []


@pytest.mark.timeout(20)
def test_a_pool_is_cancelled_with_the_token_of_the_thread_that_opened_it() -> None:
    token = CancelToken()
    with use_token(token), thread_pool(2, "outer") as outer:

        def open_another() -> bool:
            with thread_pool(1, "inner") as inner:
                return inner.submit(wait_until_cancelled).result()

        answers = [outer.submit(wait_until_cancelled), outer.submit(open_another)]
        token.cancel()
        assert [answer.result() for answer in answers] == [True, True]
    assert threads_named("outer") == threads_named("inner") == []


def test_background_calls_run_in_order() -> None:
    done: list[int] = []
    with behind(done.append) as call:
        for number in range(20):
            call(number)
    assert done == list(range(20))


@pytest.mark.parametrize("last", [3, 9])
def test_an_error_of_a_background_call_is_raised(last: int) -> None:
    def fail(number: int) -> None:
        if number == last:
            raise UnavailableError("gone")

    with pytest.raises(UnavailableError), behind(fail) as call:  # noqa: PT012 - the last one is raised at the end
        for number in range(10):
            call(number)


def test_what_is_done_meanwhile_is_done_again_and_again_until_the_end() -> None:
    thrice = threading.Semaphore(0)
    with meanwhile(thrice.release, 0.001):
        for _ in range(3):
            assert thrice.acquire(timeout=10)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("meanwhile")]


def test_an_error_meanwhile_is_raised_at_the_end_but_not_in_place_of_another() -> None:
    called = threading.Event()

    def fail() -> None:
        called.set()
        raise UnavailableError("gone")

    with pytest.raises(UnavailableError), meanwhile(fail, 0.001):
        assert called.wait(10)
    with pytest.raises(KeyError), meanwhile(fail, 0.001):
        raise KeyError("mine")
