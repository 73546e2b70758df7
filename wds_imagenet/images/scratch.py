"""Memory that a thread decodes into again and again."""

import threading
from typing import Final

import numpy as np
import numpy.typing as npt

_KEPT: Final = 32 << 20
"""Bytes a thread keeps at most, 11 Mpx of RGB: beyond that, decoding dwarfs what a fresh array costs."""


class Scratch:
    """One array that grows to what is asked of it, and is not cleared.

    simplejpeg clears what it allocates, under the GIL: 70 µs for an ordinary photo, 5 % of decoding it.
    """

    __slots__ = ("_memory",)

    def __init__(self) -> None:
        self._memory: npt.NDArray[np.uint8] = np.empty(0, np.uint8)

    def take(self, size: int) -> npt.NDArray[np.uint8]:
        """Return at least `size` bytes. They are the caller's until the next call."""
        if size > _KEPT:
            return np.empty(size, np.uint8)
        if size > self._memory.size:
            self._memory = np.empty(min(max(size, 2 * self._memory.size), _KEPT), np.uint8)
        return self._memory


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.scratch = Scratch()


_per_thread = _PerThread()


def thread_scratch() -> Scratch:
    """Return the calling thread's own scratch. It lives as long as the thread."""
    return _per_thread.scratch
