"""What is said while something long runs: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
from tqdm import tqdm

_EVERY_SECONDS: Final = 5.0


class Progress:
    """Counts bytes done of bytes expected, with a note on samples."""

    def __init__(self, what: str, total_bytes: int | None, *, quiet: bool = False) -> None:
        self._what = what
        self._total = total_bytes
        self._quiet = quiet
        self._done = 0
        self._began = self._said = time.monotonic()
        terminal = sys.stderr.isatty() and not quiet
        self._bar = (
            tqdm(total=total_bytes, desc=what, unit="B", unit_scale=True, file=sys.stderr, leave=False)
            if terminal
            else None
        )

    def update(self, done_bytes: int, note: str = "") -> None:
        """Say that so many bytes are done in all, and what else there is to say."""
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done_bytes - self._done)
        self._done = done_bytes
        now = time.monotonic()
        if self._bar is None and not self._quiet and now - self._said >= _EVERY_SECONDS:
            self._said = now
            click.echo(self._line(now, note), err=True)

    def expect(self, total_bytes: int | None) -> None:
        """Set how many bytes are expected in all, where that is only known by now, if at all."""
        self._total = total_bytes
        if self._bar is not None:
            self._bar.total = total_bytes

    def close(self) -> None:
        """Clear the bar."""
        if self._bar is not None:
            self._bar.close()

    def _line(self, now: float, note: str) -> str:
        rate = self._done / max(now - self._began, 1e-9)
        parts = [f"{self._what}: {self._done / 1e6:,.0f} MB", f"{rate / 1e6:,.1f} MB/s"]
        if self._total and rate:
            left = max(self._total - self._done, 0) / rate
            parts[0] += f" of {self._total / 1e6:,.0f}"
            parts.append(f"{left:,.0f} s left")
        return ", ".join([*parts, note] if note else parts)


@contextmanager
def progress(what: str, total_bytes: int | None, *, quiet: bool = False) -> Iterator[Progress]:
    """Give a progress that is cleared on the way out."""
    shown = Progress(what, total_bytes, quiet=quiet)
    try:
        yield shown
    finally:
        shown.close()
