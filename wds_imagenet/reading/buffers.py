"""Memory that is lent out, and comes back when the last view of it is gone.

Fresh memory costs a page fault every 4 KiB: 40 µs for each image of a batch, and as much again for the
block that it came from.
"""

import os
import threading
import weakref
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Memory: TypeAlias = npt.NDArray[np.uint8]
_GRAIN: Final = 64 << 10
_OUR_OWN: Final = MAP_PRIVATE | MAP_ANONYMOUS  # what a forked child writes stays the child's
_FEWEST: Final = 4  # batches, say, of which one is used while three are filled


class Buffers:
    """Lends arrays of bytes, from any number of threads, and keeps some of those that come back.

    Four of them, or as many as have `kept` bytes together if they are of one size; and with those that are
    lent no more bytes than were ever asked for at a time, so that it does not grow with the time.
    """

    def __init__(self, kept: int = 0) -> None:
        self._kept: Final = kept
        self._lock = threading.Lock()
        _all.add(self)
        # What comes back waits here until the next is taken: garbage is collected at any moment, also while
        # this thread holds the lock.
        self._back: Final[deque[tuple[Memory | None, int, int]]] = deque()
        self._free: Final[list[Memory]] = []
        self._asked = self._lent = self._most_asked = 0  # bytes

    def __reduce__(self) -> tuple[type["Buffers"], tuple[int]]:
        """Go to another process without the memory."""
        return Buffers, (self._kept,)

    def __len__(self) -> int:
        """Return how many pieces wait."""
        return len(self._free) + sum(memory is not None for memory, _, _ in tuple(self._back))

    def take(self, size: int) -> Memory:
        """Return `size` bytes that nobody else has; what is in them is left from before.

        They come back when the array and every view of its memory are gone: slices, memoryviews, tensors.
        """
        asked = max(1, -(-size // _GRAIN)) * _GRAIN
        with self._lock:
            self._sort_in()
            found = self._best_fit(asked)
            self._asked += asked
            self._lent += asked if found is None else found.size
            self._most_asked = max(self._most_asked, self._asked)
            self._trim()
        # Not from malloc, whose arenas, one a thread, would keep each its share of what is given back.
        memory = np.frombuffer(mmap(-1, asked, flags=_OUR_OWN), np.uint8) if found is None else found
        return np.asarray(Lease(memory, partial(self._give_back, memory, asked)))[:size]

    def clear(self) -> None:
        """Let go of what is kept. What is lent out comes back all the same.

        Takes no lock, since the handler of a signal may call it while this thread holds that.
        """
        self._free.clear()
        for _ in range(len(self._back)):
            with suppress(IndexError):  # another thread was faster
                _, size, asked = self._back.popleft()
                self._back.append((None, size, asked))

    def _sort_in(self) -> None:
        while self._back:
            with suppress(IndexError):  # `clear` was faster
                memory, size, asked = self._back.popleft()
                self._asked -= asked
                self._lent -= size
                if memory is not None:
                    insort(self._free, memory, key=_size)

    def _best_fit(self, asked: int) -> Memory | None:
        at = bisect_left(self._free, asked, key=_size)
        with suppress(IndexError):  # none is so large, or `clear` was called
            if self._free[at].size - asked <= max(_GRAIN, asked // 4):
                return self._free.pop(at)
        return None

    def _trim(self) -> None:
        waiting = sum(memory.size for memory in self._free)
        while waiting > 0 and self._lent + waiting > self._most_asked:
            with suppress(IndexError):
                waiting -= self._free.pop().size
            if not self._free:
                return

    def _give_back(self, memory: Memory, asked: int) -> None:
        is_kept = len(self._free) + len(self._back) < max(_FEWEST, self._kept // memory.size)
        self._back.append((memory if is_kept else None, memory.size, asked))


def _open_in_child() -> None:
    """Give a forked child locks that no thread holds, since it has none of its parent's but one."""
    for buffers in _all:
        buffers._lock = threading.Lock()  # noqa: SLF001 - our own


_all: Final[weakref.WeakSet[Buffers]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_in_child)


def _size(memory: Memory) -> int:
    return memory.size


class Lease:
    """What every array and tensor made of some memory holds on to, and what gives it back in the end."""

    __slots__ = ("_give_back", "_memory")

    def __init__(self, memory: Memory, give_back: Callable[[], object]) -> None:
        self._memory = memory
        self._give_back = give_back

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._memory.__array_interface__

    def __del__(self) -> None:
        self._give_back()
