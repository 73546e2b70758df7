"""Memory that a thread decodes into again and again."""

import threading
from typing import Final

import numpy as np
import numpy.typing as npt

_MAX_KEPT: Final = 32 << 20
"""Bytes that a thread keeps, 11 Mpx of RGB: decoding a larger picture costs far more than a new array."""


class Scratch:
    """One array that grows to the requested size, and is not cleared.

    simplejpeg clears the arrays that it allocates, under the GIL: 70 µs for an ordinary photo, 5 % of
    decoding it.
    """

    __slots__ = ("_memory",)

    def __init__(self) -> None:
        self._memory: npt.NDArray[np.uint8] = np.empty(0, np.uint8)

    def take(self, size: int) -> npt.NDArray[np.uint8]:
        """Return at least `size` bytes. They belong to the caller until the next call.

        Args:
            size: Bytes.
        """
        if size > _MAX_KEPT:
            return np.empty(size, np.uint8)
        if size > self._memory.size:
            self._memory = np.empty(min(max(size, 2 * self._memory.size), _MAX_KEPT), np.uint8)
        return self._memory


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.scratch = Scratch()


_per_thread = _PerThread()


def thread_scratch() -> Scratch:
    """Return the scratch of the calling thread, which lives as long as the thread."""
    return _per_thread.scratch
