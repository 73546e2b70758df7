"""Cancellation: one thread cancels a token, and the store requests of other threads end.

Each thread has one current token. `threads.thread_pool` gives its threads a token of their own, which is
cancelled with the pool and with the token of the thread that opened the pool.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_thread = threading.local()


class CancelToken:
    """A flag that is set once and stays set; setting it runs callbacks. Safe to use from many threads."""

    def __init__(self) -> None:
        self._event: Final = threading.Event()
        self._lock: Final = threading.RLock()  # a signal handler may cancel while this thread holds it
        self._callbacks: Final[list[Callable[[], object]]] = []

    @property
    def cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Set the flag and run every registered callback, in this thread. Does not wait for other threads."""
        with self._lock:
            self._event.set()
            for callback in list(self._callbacks):
                callback()

    def wait(self, seconds: float) -> bool:
        """Sleep for so many seconds, or until the token is cancelled; return `cancelled`."""
        return self._event.wait(seconds)

    @contextmanager
    def on_cancel(self, callback: Callable[[], object]) -> Iterator[None]:
        """Within the `with`, run `callback` when the token is cancelled; at once if it already is.

        The callback runs in the thread that cancels, so it must be quick.
        """
        with self._lock:
            self._callbacks.append(callback)
            if self._event.is_set():
                callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)


_NEVER_CANCELLED: Final = CancelToken()


def current_token() -> CancelToken:
    """Return this thread's token; a token that is never cancelled if the thread has none."""
    token: CancelToken = getattr(_thread, "token", _NEVER_CANCELLED)
    return token


def set_current_token(token: CancelToken) -> None:
    """Make `token` this thread's token until the thread ends: its store requests end when it is cancelled."""
    _thread.token = token


@contextmanager
def use_token(token: CancelToken) -> Iterator[None]:
    """Make `token` this thread's token within the `with`. Do not yield to other code inside it."""
    previous = current_token()
    set_current_token(token)
    try:
        yield
    finally:
        set_current_token(previous)
