"""Ending what a thread waits for, from another thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_thread = threading.local()


class CancelToken:
    """A flag that stays set, and when it is set cuts short what the threads that heed it wait for."""

    def __init__(self) -> None:
        self._event: Final = threading.Event()
        self._lock: Final = threading.RLock()  # a signal's handler may come while this thread holds it
        self._cuts: Final[list[Callable[[], object]]] = []

    def set(self) -> None:
        """Set the flag, and call every cut that is registered. Waits for nothing."""
        with self._lock:
            self._event.set()
            for cut in list(self._cuts):
                cut()

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is set; return whether it is."""
        return self._event.wait(seconds)

    @contextmanager
    def cutting(self, cut: Callable[[], object]) -> Iterator[None]:
        """Have `cut` called when the flag is set, from whichever thread sets it; at once if it is."""
        with self._lock:
            self._cuts.append(cut)
            if self._event.is_set():
                cut()
        try:
            yield
        finally:
            with self._lock:
                self._cuts.remove(cut)


_NEVER: Final = CancelToken()


def cancel_with(stop: CancelToken) -> None:
    """Make this thread's requests to stores, and the pauses between them, end when `stop` is set."""
    _thread.stop = stop


def current_token() -> CancelToken:
    """Return what this thread heeds; one that is never set if it heeds none."""
    found: CancelToken = getattr(_thread, "stop", _NEVER)
    return found
