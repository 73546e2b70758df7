"""The one place in this room where threads begin, and where each of them ends."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from concurrent.futures import ThreadPoolExecutor as Pool
from contextlib import contextmanager
from typing import TypeVar

from wds_imagenet.util.cancel import CancelToken, cancel_with

__all__ = ["FIRST_EXCEPTION", "Future", "Pool", "map_ahead", "pool", "read_ahead", "wait"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def pool(threads: int, name: str, until: CancelToken | None = None) -> Iterator[Pool]:
    """Give a pool of threads; on the way out, whichever it is, drop what waits and join them all.

    Requests to stores that are under way are cut short then, so that leaving takes no longer than the
    Python code under way; and also when `until` is set.
    """
    stop = CancelToken()
    prefix = f"wds-imagenet-{name}"
    executor = Pool(threads, thread_name_prefix=prefix, initializer=cancel_with, initargs=(stop,))
    try:
        with (until or CancelToken()).cutting(stop.set):
            yield executor
    finally:
        stop.set()
        executor.shutdown(wait=True, cancel_futures=True)


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, ahead: int, name: str
) -> Iterator[Result]:
    """Yield `function(item)` in the items' order, with up to `ahead` of them under way or done.

    The first exception ends it. Threads live while the iterator is being consumed, no longer.
    """
    with pool(threads, name) as executor:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(executor.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def read_ahead(
    read: Callable[[Item], Result], tasks: Iterable[Item], threads: int
) -> Generator[Result, None, None]:
    """Yield `read(task)` for every task, in order, `threads` of them under way at a time.

    The tasks are taken by the caller's own thread, one more than are under way. An error is raised in
    its turn. Close it to end it early: requests to stores that are under way are cut short, and no more is
    begun.
    """
    stop = CancelToken()
    with Pool(threads, "read-ahead", cancel_with, (stop,)) as executor:
        ahead: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                ahead.append(executor.submit(read, task))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            stop.set()
            for future in ahead:
                future.cancel()
