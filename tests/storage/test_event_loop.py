"""A request returns its result or ends soon, in any thread and beside any event loop."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from wds_imagenet.errors import UnavailableError
from wds_imagenet.storage import open_store
from wds_imagenet.storage.event_loop import run, run_in
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
