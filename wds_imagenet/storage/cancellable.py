"""Waiting for a coroutine in a thread that has something else to listen to: a `Stop`, or Ctrl-C."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Final, TypeVar

from wds_imagenet.errors import UnavailableError
from wds_imagenet.util.cancel import current_token

_Result = TypeVar("_Result")
_PARTING: Final = 0.02
_PATIENCE: Final = 100_000


def run(begin: Callable[[], Awaitable[_Result]]) -> _Result:
    """Return the result of what `begin` begins, awaited in this thread and in a loop of its own.

    A `Stop` that this thread heeds ends it with `UnavailableError`; Ctrl-C and what else a signal's handler
    raises end it too. Costs a third of a millisecond. In a notebook, whose loop runs in this thread already,
    that loop waits meanwhile, as it does for every other call.
    """
    outer = asyncio._get_running_loop()  # noqa: SLF001 - in asyncio's __all__, for those who run loops
    asyncio._set_running_loop(None)  # noqa: SLF001
    loop = _Loop()
    task = loop.create_task(_await(begin))
    try:
        with current_token().on_cancel(lambda: loop.call_soon_threadsafe(task.cancel)):
            return loop.run_until_complete(task)
    except asyncio.CancelledError as error:
        raise _ended() from error
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.part(cut=task.cancelled())
        loop.close()
        asyncio._set_running_loop(outer)  # noqa: SLF001


def run_in(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _Result], seconds: float) -> _Result:
    """Return what the coroutine does, run in another thread's loop, or raise `TimeoutError`.

    A `Stop` and signals end it as they end `run`.
    """
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        with current_token().on_cancel(future.cancel):
            return future.result(seconds)
    except CancelledError as error:
        raise _ended() from error
    finally:
        future.cancel()


class _Loop(asyncio.SelectorEventLoop):
    """A loop that can wait for the threads of others which it hears from to be out of Python again.

    If the process ends while one of obstore's threads is still in the call that brought the result, Python
    ends that thread in the middle of Rust, which aborts the process.
    """

    def __init__(self) -> None:
        super().__init__()
        self._callers: list[None] = []

    def call_soon_threadsafe(  # type: ignore[override] # asyncio's own is generic
        self,
        callback: Any,  # noqa: ANN401 - the same
        *args: Any,  # noqa: ANN401
        context: Any = None,  # noqa: ANN401
    ) -> asyncio.Handle:
        self._callers.append(None)  # unlike a number that is counted up, safe from several threads
        try:
            return super().call_soon_threadsafe(callback, *args, context=context)
        finally:
            self._callers.pop()

    def part(self, *, cut: bool) -> None:
        """Wait until they are; for one that hears of a cut, which it does not answer, a moment."""
        if cut:
            time.sleep(_PARTING)
        for _ in range(_PATIENCE):
            if not self._callers:
                return
            time.sleep(0)


async def _await(begin: Callable[[], Awaitable[_Result]]) -> _Result:
    return await begin()


def _ended() -> UnavailableError:
    return UnavailableError("the request was cancelled")
