"""Repeated calls: how often, how long apart, and until when.

`UnavailableError` alone is repeated; `failures` decides which answers of a store are one. A store's
`Retry-After` (RFC 9110, section 10.2.3) lengthens the wait.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from wds_imagenet.errors import UnavailableError, UsageError
from wds_imagenet.util.cancel import current_token

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Retry:
    """Bounds on the attempts of one call.

    The defaults are those of Rust's object_store, with full jitter (Brooker, "Exponential backoff and
    jitter", AWS Architecture Blog, 2015): half a minute of waiting on average before the call fails.
    """

    attempts: int = 10
    """Number of attempts, the first one included."""
    first: float = 0.1
    """Longest wait after the first attempt, in seconds; it doubles with each attempt."""
    cap: float = 20.0
    """Longest wait after any attempt, in seconds."""
    deadline: float = 180.0
    """No attempt begins later than so many seconds after the first one began."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.first, self.cap, self.deadline) < 0:
            raise UsageError(f"{self}: give at least one attempt, and no negative time")


def delays(retry: Retry, draw: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield the seconds to wait after each attempt but the last; `draw` is uniform in [0, 1)."""
    for attempt in range(retry.attempts - 1):
        yield min(retry.cap, retry.first * 2**attempt) * draw()


def seconds_to_wait(retry_after: str, now: datetime | None = None) -> float:
    """Return the seconds of a `Retry-After` header, which holds a number or a date; 0 for any other text.

    Args:
        retry_after: the value of the header.
        now: the time from which a date counts; None is the present.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


async def call_with_retries(
    call: Callable[[], Awaitable[_Result]],
    retry: Retry,
    where: str,
    on_failure: Callable[[UnavailableError, float], None] = lambda *_: None,
) -> _Result:
    """Return `call()`, repeated after each `UnavailableError` as `retry` allows.

    Every other error is raised at once. No attempt begins before the `retry_after` of the last error; if
    that is later than the deadline, the error is raised at once, too. When this thread's token is
    cancelled, the error is raised without a further attempt.

    Args:
        call: one attempt.
        retry: the bounds.
        where: the place that the note of the last error names.
        on_failure: called before each wait, with the error and the seconds since the first attempt.

    Raises:
        UnavailableError: of the last attempt, with a note of the number of attempts and the time spent.
    """
    token = current_token()
    started = time.monotonic()
    waits = delays(retry)
    attempt = 0
    while True:
        attempt += 1
        try:
            return await call()
        except UnavailableError as error:
            if token.cancelled:
                raise
            elapsed = time.monotonic() - started
            wait = next(waits, None)
            wait = None if wait is None else max(wait, error.retry_after)
            if wait is None or elapsed + wait > retry.deadline:
                error.add_note(
                    f"{where}: gave up after attempt {attempt} of {retry.attempts}, {elapsed:.1f} s"
                )
                raise
            on_failure(error, elapsed)
        await asyncio.sleep(wait)
