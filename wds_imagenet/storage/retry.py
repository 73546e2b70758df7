"""Trying again, a bounded number of times, for as long as a bounded time."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from wds_imagenet.errors import UnavailableError, UsageError
from wds_imagenet.util.cancel import current_token

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and for how long, a call that may succeed later is made again.

    The defaults are those of Rust's object_store, with full jitter (Brooker, "Exponential backoff and
    jitter", AWS Architecture Blog, 2015): half a minute of waiting on average, before it gives up.
    """

    attempts: int = 10
    """The first one included."""
    first: float = 0.1
    """The longest wait after the first attempt, in seconds; it doubles from then on."""
    cap: float = 20.0
    """The longest wait of all, in seconds."""
    deadline: float = 180.0
    """No attempt begins later than this many seconds after the first one did."""

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.first, self.cap, self.deadline) < 0:
            raise UsageError(f"there must be an attempt, and times cannot be negative: {self}")


def delays(retry: Retry, draw: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield the seconds to wait after each attempt but the last; `draw` is uniform in [0, 1)."""
    for attempt in range(retry.attempts - 1):
        yield min(retry.cap, retry.first * 2**attempt) * draw()


def call_with_retries(
    call: Callable[[], _Result],
    retry: Retry,
    what: str,
    on_failure: Callable[[UnavailableError, float], None] = lambda *_: None,
) -> _Result:
    """Return `call()`, made again after each `UnavailableError` as `retry` allows.

    Every other error is raised at once, and that one too as soon as a `Stop` that this thread heeds is set.
    The last `UnavailableError` is raised with a note of how often and how long it was tried. Those before go,
    with the seconds since the first attempt, to `on_failure`.
    """
    token = current_token()
    started = time.monotonic()
    waits = delays(retry)
    attempt = 0
    while True:
        attempt += 1
        try:
            return call()
        except UnavailableError as error:
            if token.cancelled:
                raise
            elapsed = time.monotonic() - started
            wait = next(waits, None)
            if wait is None or elapsed + wait > retry.deadline:
                error.add_note(
                    f"{what}: gave up after attempt {attempt} of {retry.attempts}, {elapsed:.1f} s"
                )
                raise
            failed = error
            on_failure(error, elapsed)
        if token.wait(wait):
            raise failed
