"""Memory that is lent out, and comes back when the last view of it is gone.

Fresh memory costs a page fault every 4 KiB: 40 µs for each image of a batch, and as much again for the
block that it came from.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_GRAIN: Final = 256 << 10
_OUR_OWN: Final = MAP_PRIVATE | MAP_ANONYMOUS  # what a forked child writes stays the child's
_FEWEST: Final = 4  # batches, say, of which one is used while three are filled


class Buffers:
    """Lends arrays of bytes, from any number of threads, and keeps some of those that come back.

    Four of them, or as many as have `kept` bytes together if they are of one size.
    """

    def __init__(self, kept: int = 0) -> None:
        self._kept: Final = kept
        self._free: deque[npt.NDArray[np.uint8]] = deque()

    def __reduce__(self) -> tuple[type["Buffers"], tuple[int]]:
        """Go to another process without the memory."""
        return Buffers, (self._kept,)

    def take(self, size: int) -> npt.NDArray[np.uint8]:
        """Return `size` bytes that nobody else has; what is in them is left from before.

        They come back when the array and every view of its memory are gone: slices, memoryviews, tensors.
        """
        try:
            memory = self._free.pop()
        except IndexError:
            memory = None
        if memory is None or memory.size < size:
            # Not from malloc, whose arenas, one a thread, would keep each its share of what is given back.
            fresh = mmap(-1, max(1, -(-size // _GRAIN)) * _GRAIN, flags=_OUR_OWN)
            memory = np.frombuffer(fresh, np.uint8)
        return np.asarray(Lease(memory, partial(self._give_back, memory)))[:size]

    def clear(self) -> None:
        """Let go of what is kept. What is lent out comes back all the same."""
        self._free.clear()

    def _give_back(self, memory: npt.NDArray[np.uint8]) -> None:
        if len(self._free) < max(_FEWEST, self._kept // memory.size):
            self._free.append(memory)


class Lease:
    """What every array and tensor made of some memory holds on to, and what gives it back in the end."""

    __slots__ = ("_give_back", "_memory")

    def __init__(self, memory: npt.NDArray[np.uint8], give_back: Callable[[], object]) -> None:
        self._memory = memory
        self._give_back = give_back

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._memory.__array_interface__

    def __del__(self) -> None:
        self._give_back()
