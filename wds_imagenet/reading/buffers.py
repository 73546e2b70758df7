"""Memory that is lent out, and returns when its last view is gone.

Fresh memory costs a page fault every 4 KiB: 40 µs for each image of a batch, and as much again for its
block.
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
_PRIVATE: Final = MAP_PRIVATE | MAP_ANONYMOUS  # a forked child's writes stay its own
_FEWEST: Final = 4  # such as batches, of which one is used while three are filled


class Buffers:
    """Lends arrays of bytes to any number of threads, and keeps some of those that return.

    It keeps four arrays, or up to `kept` bytes of arrays of one size. Lent and kept arrays together never
    exceed the most bytes that were requested at a time, so the memory does not grow over time.
    """

    def __init__(self, kept: int = 0) -> None:
        self._kept: Final = kept
        self._lock = threading.Lock()
        _all.add(self)
        # Returned arrays wait here until the next `take`: the garbage collector may return one while this
        # thread holds the lock.
        self._returned: Final[deque[tuple[Memory | None, int, int]]] = deque()
        self._free: Final[list[Memory]] = []
        self._requested = self._lent = self._most_requested = 0  # bytes

    def __reduce__(self) -> tuple[type["Buffers"], tuple[int]]:
        """Pickle without the memory."""
        return Buffers, (self._kept,)

    def __len__(self) -> int:
        """Return the number of arrays kept."""
        return len(self._free) + sum(memory is not None for memory, _, _ in tuple(self._returned))

    def take(self, size: int) -> Memory:
        """Return `size` bytes that no other user has. Their content is undefined.

        They return when the array and every view of its memory are gone: slices, memoryviews, tensors.
        """
        requested = max(1, -(-size // _GRAIN)) * _GRAIN
        with self._lock:
            self._sort_in()
            memory = self._best_fit(requested)
            if memory is None:
                # Not from malloc, whose arenas, one a thread, would each keep memory that was freed.
                memory = np.frombuffer(mmap(-1, requested, flags=_PRIVATE), np.uint8)
            self._requested += requested
            self._lent += memory.size
            self._most_requested = max(self._most_requested, self._requested)
            self._trim()
        return np.asarray(Lease(memory, partial(self._give_back, memory, requested)))[:size]

    def clear(self) -> None:
        """Free the arrays that are kept. Arrays that are lent still return.

        Takes no lock, since a signal's handler may call it while this thread holds the lock.
        """
        self._free.clear()
        for _ in range(len(self._returned)):
            with suppress(IndexError):  # another thread was faster
                _, size, requested = self._returned.popleft()
                self._returned.append((None, size, requested))

    def _sort_in(self) -> None:
        while self._returned:
            with suppress(IndexError):  # `clear` was faster
                memory, size, requested = self._returned.popleft()
                self._requested -= requested
                self._lent -= size
                if memory is not None:
                    insort(self._free, memory, key=_size)

    def _best_fit(self, requested: int) -> Memory | None:
        at = bisect_left(self._free, requested, key=_size)
        with suppress(IndexError):  # none is so large, or `clear` was called
            if self._free[at].size - requested <= max(_GRAIN, requested // 4):
                return self._free.pop(at)
        return None

    def _trim(self) -> None:
        waiting = sum(memory.size for memory in self._free)
        while waiting > 0 and self._lent + waiting > self._most_requested:
            with suppress(IndexError):
                waiting -= self._free.pop().size
            if not self._free:
                return

    def _give_back(self, memory: Memory, requested: int) -> None:
        is_kept = len(self._free) + len(self._returned) < max(_FEWEST, self._kept // memory.size)
        self._returned.append((memory if is_kept else None, memory.size, requested))


def _open_in_child() -> None:
    """Give a forked child new locks: the parent's thread that holds one does not exist in the child."""
    for buffers in _all:
        buffers._lock = threading.Lock()  # noqa: SLF001 - of this module


_all: Final[weakref.WeakSet[Buffers]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_in_child)


def _size(memory: Memory) -> int:
    return memory.size


class Lease:
    """The base object of every array and tensor of some memory. Its end gives the memory back."""

    __slots__ = ("_give_back", "_memory")

    def __init__(self, memory: Memory, give_back: Callable[[], object]) -> None:
        self._memory = memory
        self._give_back = give_back

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._memory.__array_interface__

    def __del__(self) -> None:
        self._give_back()
