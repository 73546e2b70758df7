"""A request returns its result or ends soon, in any thread and beside any event loop."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from wds_imagenet.errors import UnavailableError
from wds_imagenet.storage import open_store
from wds_imagenet.storage.event_loop import loop_thread, run, run_in
from wds_imagenet.util.cancel import CancelToken, use_token


async def forever() -> None:
    await asyncio.sleep(60)


async def number() -> int:
    return 5


async def hear_out() -> None:
    """Wait for cancelled work that may still run."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*tasks, return_exceptions=True)


def in_a_loop(work: Callable[[asyncio.AbstractEventLoop], Any]) -> Any:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        return work(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(hear_out())
        loop.close()


def cancelled_after(seconds: float, work: Callable[[], Any]) -> BaseException:
    """Run `work` in a thread, cancel the thread's token after some seconds, and return the error."""
    token, ends = CancelToken(), []

    def target() -> None:
        try:
            with use_token(token):
                work()
        except UnavailableError as error:
            ends.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    time.sleep(seconds)
    token.cancel()
    thread.join(5)
    return ends[0]


def test_the_result_is_returned() -> None:
    assert run(number()) == 5
    assert in_a_loop(lambda loop: run(run_in(loop, number(), 5))) == 5


@pytest.mark.parametrize("after", [0, 0.2])
def test_a_cancelled_token_ends_it(after: float) -> None:
    assert "cancelled" in str(cancelled_after(after, lambda: run(forever())))
    assert "cancelled" in str(
        in_a_loop(lambda loop: cancelled_after(after, lambda: run(run_in(loop, forever(), 60))))
    )


def test_time_runs_out() -> None:
    with pytest.raises(TimeoutError):
        in_a_loop(lambda loop: run(run_in(loop, forever(), 0.05)))


def test_calls_of_a_loop_thread_run_side_by_side() -> None:
    with loop_thread("test") as loop:
        began = time.monotonic()
        futures = [loop.submit(partial(asyncio.sleep, 0.2, number)) for number in range(500)]
        assert [future.result() for future in futures] == [*range(500)]
        assert time.monotonic() - began < 30


def test_an_error_in_a_loop_thread_is_raised_where_its_result_is_wanted() -> None:
    async def fail() -> None:
        raise ValueError("bug")

    with loop_thread("test") as loop, pytest.raises(ValueError, match="bug"):
        loop.submit(fail).result(5)


@pytest.mark.parametrize("waits", [0, 0.1])
def test_calls_under_way_are_cancelled_when_a_loop_thread_ends(waits: float) -> None:
    before = threading.active_count()
    with loop_thread("test") as loop:
        futures = [loop.submit(forever) for _ in range(20)]
        time.sleep(waits)
    for future in futures:
        with pytest.raises(UnavailableError, match="cancelled"):
            future.result(5)
    assert threading.active_count() == before


def test_a_call_after_the_end_of_a_loop_thread_fails_at_once() -> None:
    token = CancelToken()
    with use_token(token), loop_thread("test") as loop:
        token.cancel()
        for _ in range(100):
            with pytest.raises(UnavailableError, match="cancelled"):
                loop.submit(forever).result(5)


def test_a_store_can_be_read_in_a_notebook_whose_loop_runs(s3_url: str) -> None:
    async def cell() -> bytes:
        store = open_store(s3_url, {"engine": "obstore"})
        store.put("a", b"12345")
        await asyncio.sleep(0)
        data = store.read("a", 1, 3).data
        await asyncio.sleep(0)
        return data

    assert asyncio.run(cell()) == b"23"


def test_a_process_that_ends_right_after_a_request_ends_well(s3_url: str) -> None:
    open_store(s3_url).put("a", b"1")
    program = (
        "import sys; from wds_imagenet.storage import open_store; "
        "store = open_store(sys.argv[1], {'engine': 'obstore'}); store.put('b', b'1'); store.read('a')"
    )
    for _ in range(8):
        subprocess.run([sys.executable, "-c", program, s3_url], check=True)


def test_a_loop_thread_that_is_left_at_once_leaves_no_call_waiting() -> None:
    for _ in range(200):
        with loop_thread("test") as loop:
            future = loop.submit(forever)
        with pytest.raises(UnavailableError, match="cancelled"):
            future.result(5)
