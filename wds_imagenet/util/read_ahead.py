"""Work that is begun before its result is needed, in threads that end with the iteration."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from wds_imagenet.util.cancel import CancelToken, cancel_with

Task = TypeVar("Task")
Result = TypeVar("Result")


def read_ahead(
    read: Callable[[Task], Result], tasks: Iterable[Task], threads: int
) -> Generator[Result, None, None]:
    """Yield `read(task)` for every task, in order, `threads` of them under way at a time.

    The tasks are taken by the caller's own thread, one more than are under way. An error is raised in
    its turn. Close it to end it early: requests to stores that are under way are cut short, and no more is
    begun.
    """
    stop = CancelToken()
    with ThreadPoolExecutor(threads, "read-ahead", cancel_with, (stop,)) as pool:
        ahead: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                ahead.append(pool.submit(read, task))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            stop.set()
            for future in ahead:
                future.cancel()
