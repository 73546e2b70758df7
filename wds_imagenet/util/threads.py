"""Thread pools that leave no thread behind, and whose store requests end when the pool does."""

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent import futures
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.util.cancel import CancelToken, current_token, set_current_token

__all__ = [
    "FIRST_EXCEPTION",
    "Future",
    "ThreadPoolExecutor",
    "behind",
    "map_ahead",
    "meanwhile",
    "thread_pool",
    "wait",
]

Item = TypeVar("Item")
Result = TypeVar("Result")


class ThreadPoolExecutor(futures.ThreadPoolExecutor):
    """The standard library's, with a clear error where the system starts no further thread."""

    def submit(
        self,
        fn: Callable[..., Result],
        /,
        *args: Any,  # noqa: ANN401 - as its base has it
        **kwargs: Any,  # noqa: ANN401
    ) -> Future[Result]:
        """Schedule a call. Raises `WdsImagenetError` if the thread for it cannot be started."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError as error:
            if "can't start new thread" not in str(error):
                raise
            raise WdsImagenetError(
                f"no further thread can be started, beside {threading.active_count():,} of this process: use "
                "fewer threads or workers, or raise the limit of the system ('ulimit -u', or pids.max of the "
                "container)"
            ) from error


class _Shutdown:
    """The end of a pool, once. It needs no module, since a generator's `with` may end after their end."""

    def __init__(self, executor: ThreadPoolExecutor, token: CancelToken) -> None:
        self._executor: Final = executor
        self._token: Final = token
        self._is_done = False

    def __call__(self) -> None:
        if not self._is_done:
            self._is_done = True
            self._token.cancel()
            self._executor.shutdown(wait=True, cancel_futures=True)


_open: Final[weakref.WeakSet[_Shutdown]] = weakref.WeakSet()


def _shut_down_all() -> None:
    """End the pools of iterations that nobody has ended, and cut short their requests."""
    for shut_down in tuple(_open):
        shut_down()


# Before the interpreter's own hook, which would wait for all requests under way; public hooks run after it.
getattr(threading, "_register_atexit", atexit.register)(_shut_down_all)


@contextmanager
def thread_pool(threads: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of threads; on every way out, drop the waiting tasks and join the threads.

    On the way out, and when the current token of the thread that opened the pool is cancelled, store
    requests under way in the pool are cancelled: leaving takes no longer than the Python code under way.

    Args:
        threads: number of threads.
        name: name of the threads, after `wds-imagenet-`.
    """
    token = CancelToken()
    prefix = f"wds-imagenet-{name}"
    executor = ThreadPoolExecutor(
        threads, thread_name_prefix=prefix, initializer=set_current_token, initargs=(token,)
    )
    shut_down = _Shutdown(executor, token)
    _open.add(shut_down)
    try:
        with current_token().on_cancel(token.cancel):
            yield executor
    finally:
        shut_down()


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    name: str,
    ahead: int | None = None,
) -> Generator[Result, None, None]:
    """Yield `function(item)` in the items' order, computed in threads while the consumer works.

    The caller's thread takes the items, at most `ahead` more than the results that it has yielded. An
    exception is raised in its item's turn and ends the iteration. The threads end with the iterator: close
    it to end early.

    Args:
        function: called once for each item, in a thread of the pool.
        items: the items.
        threads: number of threads.
        name: name of the threads, after `wds-imagenet-`.
        ahead: bound of the calls under way or done, and not yet yielded; by default `threads + 1`.
    """
    bound = threads + 1 if ahead is None else ahead
    with thread_pool(threads, name) as pool:
        results: deque[Future[Result]] = deque()
        for item in items:
            results.append(pool.submit(function, item))
            if len(results) >= bound:
                yield results.popleft().result()
        while results:
            yield results.popleft().result()


@contextmanager
def behind(function: Callable[[Item], object]) -> Iterator[Callable[[Item], None]]:
    """Yield a way to call a function in another thread: in order, one call at a time.

    Each call waits for the one before, and raises its error. The `with` ends when all calls have ended.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="behind") as pool:
        pending: list[Future[object]] = []

        def call(item: Item) -> None:
            if pending:
                pending.pop().result()
            pending.append(pool.submit(function, item))

        yield call
        if pending:
            pending.pop().result()


@contextmanager
def meanwhile(function: Callable[[], object], seconds: float) -> Iterator[None]:
    """Within the `with`, call a function again and again in another thread.

    An error of the function ends the calls, and is raised at the end of the `with`.

    Args:
        function: the function.
        seconds: pause before each call.
    """
    done = threading.Event()

    def calls() -> None:
        while not done.wait(seconds):
            function()

    with ThreadPoolExecutor(1, thread_name_prefix="meanwhile") as pool:
        calling = pool.submit(calls)
        try:
            yield
        finally:
            done.set()
        calling.result()
