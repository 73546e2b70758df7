"""Event loops: a new one for one call, which Ctrl-C ends, and one in a thread of its own for many calls."""

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

from wds_imagenet.errors import StoreError, UnavailableError
from wds_imagenet.storage.os_errors import TOO_MANY_FILES
from wds_imagenet.util.cancel import current_token
from wds_imagenet.util.threads import Future, thread_pool

_Result = TypeVar("_Result")
_CANCELLED_WAIT: Final = 0.02  # seconds
_MOST_YIELDS: Final = 100_000


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of a coroutine, awaited in this thread, in a new event loop.

    Ctrl-C, and any exception of a signal handler, ends it. Costs a third of a millisecond. The running event
    loop of a notebook is blocked meanwhile, as by any other synchronous call.

    Raises:
        UnavailableError: if this thread's token is cancelled.
    """
    outer = asyncio._get_running_loop()  # noqa: SLF001 - in asyncio's __all__, for event loops
    asyncio._set_running_loop(None)  # noqa: SLF001
    try:
        loop = _CallerCountingLoop()
    except OSError:
        work.close()
        asyncio._set_running_loop(outer)  # noqa: SLF001
        raise
    task = loop.create_task(work)
    try:
        with current_token().on_cancel(lambda: loop.call_soon_threadsafe(task.cancel)):
            return loop.run_until_complete(task)
    except asyncio.CancelledError as error:
        raise _cancelled() from error
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.wait_for_callers(cancelled=task.cancelled())
        loop.close()
        asyncio._set_running_loop(outer)  # noqa: SLF001


async def run_in(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _Result], seconds: float
) -> _Result:
    """Return the result of a coroutine that runs in another thread's event loop, and ends with this one.

    Raises:
        TimeoutError: after so many seconds.
    """
    future = asyncio.run_coroutine_threadsafe(work, loop)
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(future)


class _CallerCountingLoop(asyncio.SelectorEventLoop):
    """Event loop that, before it closes, waits for foreign threads still inside `call_soon_threadsafe`.

    obstore delivers results from threads of its own. If the process ends while such a thread is inside
    Python, Python ends the thread in the middle of Rust, and the process aborts.
    """

    def __init__(self) -> None:
        self._callers: list[None] = []
        self._closed = True  # else its finalizer closes files that it could not open
        selector = selectors.DefaultSelector()
        try:
            super().__init__(selector)
        except OSError:  # too many files are open for its self-pipe
            selector.close()
            self._closed = True
            raise

    def call_soon_threadsafe(  # type: ignore[override] # asyncio's own is generic
        self,
        callback: Any,  # noqa: ANN401 - the same
        *args: Any,  # noqa: ANN401
        context: Any = None,  # noqa: ANN401
    ) -> asyncio.Handle:
        self._callers.append(None)  # atomic, which `+= 1` is not
        try:
            return super().call_soon_threadsafe(callback, *args, context=context)
        finally:
            self._callers.pop()

    def wait_for_callers(self, *, cancelled: bool) -> None:
        """Return when no foreign thread is inside. A cancelled task's caller gets a moment to come and go."""
        if cancelled:
            time.sleep(_CANCELLED_WAIT)
        for _ in range(_MOST_YIELDS):
            if not self._callers:
                return
            time.sleep(0)


class LoopThread:
    """Runs coroutines in the event loop of another thread."""

    def __init__(self) -> None:
        try:
            self._loop: Final = _CallerCountingLoop()
        except OSError as error:
            raise StoreError(TOO_MANY_FILES) from error
        self._lock: Final = threading.Lock()
        self._has_ended = False
        self._tasks: Final[set[asyncio.Task[Any]]] = set()

    def submit(self, begin: Callable[[], Coroutine[Any, Any, _Result]]) -> Future[_Result]:
        """Begin a call after those that were submitted before; return its future result.

        The result is an `UnavailableError` if the loop ends earlier.
        """
        future: Future[_Result] = Future()
        with self._lock:
            if not self._has_ended:
                self._loop.call_soon_threadsafe(self._begin, begin, future)
                return future
        future.set_exception(_cancelled())
        return future

    def _begin(self, begin: Callable[[], Coroutine[Any, Any, _Result]], future: Future[_Result]) -> None:
        task = self._loop.create_task(begin())
        self._tasks.add(task)  # the loop itself holds its tasks weakly
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(partial(_deliver, future))

    def serve(self) -> None:
        """Run the loop in this thread until the thread's token is cancelled, then end every task."""
        end = self._loop.create_future()
        with current_token().on_cancel(lambda: self._loop.call_soon_threadsafe(_finish, end)):
            self._loop.run_until_complete(end)
        self.end()

    def end(self) -> None:
        """End every task and close the loop, unless that is done; the loop must not be running."""
        with self._lock:
            if self._has_ended:
                return
            self._has_ended = True
        self._loop.run_until_complete(_cancel_all())
        self._loop.wait_for_callers(cancelled=True)
        self._loop.close()


@contextmanager
def loop_thread(name: str) -> Iterator[LoopThread]:
    """Yield an event loop that runs in a thread; on every way out, end its tasks and join the thread.

    Its tasks end, too, when the current token of the thread that opened it is cancelled.

    Args:
        name: name of the thread, after `wds-imagenet-`.
    """
    thread = LoopThread()
    try:
        with thread_pool(1, name) as pool:
            pool.submit(thread.serve)
            yield thread
    finally:
        thread.end()  # the pool may have ended before it served


def _finish(end: "asyncio.Future[None]") -> None:
    if not end.done():
        end.set_result(None)


async def _cancel_all() -> None:
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _deliver(future: Future[Any], task: "asyncio.Task[Any]") -> None:
    error = _cancelled() if task.cancelled() else task.exception()
    if error is None:
        future.set_result(task.result())
    else:
        future.set_exception(error)


def _cancelled() -> UnavailableError:
    return UnavailableError("the request was cancelled")
