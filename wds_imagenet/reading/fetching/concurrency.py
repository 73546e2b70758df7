"""The number of requests under way: as many as make the link faster, and no more. Pure.

A link whose bandwidth × delay is unknown is probed as TCP does (RFC 5681): double while that pays, halve
when the store is busy, then change by steps, up or down. A change pays if the gain in bytes a second is worth
the further requests. A round has as many replies as requests were under way.
"""

from dataclasses import dataclass
from typing import Final

FIRST: Final = 16
"""Requests under way at first: 500 MB/s at a latency of 50 ms, with blocks of 2 MiB."""
LEAST: Final = 2
MOST: Final = 512
_STEP: Final = 1.25
_PRICE: Final = 0.15
"""Exponent: `n` times the requests pay if they bring at least `n ** 0.15` times the bytes a second."""
_PATIENCE: Final = 16
"""Rounds after a change that did not pay, until the next one is tried."""


@dataclass(slots=True)
class Concurrency:
    """The state of the probe. Times are in seconds, on any clock that only grows."""

    limit: int = FIRST
    """Requests that may be under way."""
    most: int = MOST
    _factor: float = 2.0
    """The next change of the limit: 2 until doubling did not pay, then a step up or down."""
    _before: int = 0
    """The limit before the change that is tried; 0 if none is."""
    _rate: float = 0.0
    """Bytes a second before the change that is tried."""
    _pause: int = 0
    """Rounds until a change is tried."""
    _was_busy: bool = False
    """True if the store asked for fewer requests in this round."""
    _is_settling: bool = True
    """True in the first round after a change, whose requests began under the old limit."""
    _began: float = 0.0
    _replies: int = 0
    _bytes: int = 0
    _is_bound: bool = True
    """True if requests have waited for their turn for the whole round."""

    def reply(self, now: float, size: int, *, others_wait: bool) -> None:
        """Count a reply.

        Args:
            now: the time.
            size: bytes of the reply.
            others_wait: True if further requests wait for their turn.
        """
        self._replies += 1
        self._bytes += size
        self._is_bound &= others_wait
        if self._replies >= self.limit and now > self._began:
            self._end_round(self._bytes / (now - self._began))
            self._begin_round(now)

    def busy(self, now: float) -> None:
        """Halve the limit, at most once a round, since the store asked for fewer requests."""
        if not self._was_busy:
            self._set(max(LEAST, self.limit // 2), before=0)
            self._begin_round(now)
        self._was_busy, self._factor, self._pause = True, _STEP, _PATIENCE // 4

    def _end_round(self, rate: float) -> None:
        self._was_busy = False
        if self._is_settling or not self._is_bound:
            self._is_settling = False
        elif self._before and rate < self._rate * (self.limit / self._before) ** _PRICE:
            self._factor, self._pause = 1 / _STEP if self._factor == _STEP else _STEP, _PATIENCE
            self._set(self._before, before=0)
        elif self._pause:
            self._pause, self._before = self._pause - 1, 0
        else:
            self._rate = rate
            changed = round(self.limit * self._factor)
            self._set(min(self.most, max(LEAST, changed)), before=self.limit)

    def _set(self, limit: int, *, before: int) -> None:
        self._is_settling = limit != self.limit
        self.limit, self._before = limit, before

    def _begin_round(self, now: float) -> None:
        self._began, self._replies, self._bytes, self._is_bound = now, 0, 0, True
