"""The gate of an event loop: as many requests under way as the link deserves, in the order of need."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from wds_imagenet.errors import UnavailableError
from wds_imagenet.reading.fetching.concurrency import Concurrency

MOST_BYTES: Final = 512 << 20
"""Bytes of all requests under way, at most, unless one alone has more."""


class Gate:
    """Lets requests begin, first come, first served. For the tasks of one event loop."""

    def __init__(self, concurrency: Concurrency | None = None) -> None:
        self._concurrency: Final = Concurrency() if concurrency is None else concurrency
        self._waiting: Final[deque[tuple[asyncio.Future[None], int]]] = deque()
        self._running = 0
        self.running_bytes = 0
        """Bytes of the requests under way. Other threads may read it."""

    @asynccontextmanager
    async def request(self, size: int) -> AsyncIterator[None]:
        """Within the `with`, a request of so many bytes is under way; it begins when it is its turn."""
        await self._turn(size)
        try:
            yield
            self._concurrency.reply(time.monotonic(), size, others_wait=bool(self._waiting))
        finally:
            self._end(size)

    def failed(self, error: UnavailableError) -> None:
        """Back off if the store asks for fewer requests."""
        if error.is_busy:
            self._concurrency.busy(time.monotonic())

    async def _turn(self, size: int) -> None:
        if self._is_open(size) and not self._waiting:
            self._begin(size)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, size))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was admitted, but never ran
                self._end(size)
            raise

    def _is_open(self, size: int) -> bool:
        fits = self.running_bytes + size <= MOST_BYTES or not self._running
        return self._running < self._concurrency.limit and fits

    def _begin(self, size: int) -> None:
        self._running += 1
        self.running_bytes += size

    def _end(self, size: int) -> None:
        self._running -= 1
        self.running_bytes -= size
        while self._waiting and self._is_open(self._waiting[0][1]):
            turn, waiting = self._waiting.popleft()
            if not turn.cancelled():
                self._begin(waiting)
                turn.set_result(None)
