"""Progress of a long run: a bar on a terminal, a line every five seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tqdm import tqdm

from wds_imagenet.cli.output import echo
from wds_imagenet.shown import shown_name

_LINE_SECONDS: Final = 5.0


class ProgressBar:
    """Shows bytes done, bytes expected, and a note. A quiet bar prints nothing."""

    def __init__(self, title: str, total_bytes: int | None, *, quiet: bool = False) -> None:
        self._title = title
        self._total = total_bytes
        self._quiet = quiet
        self._done = 0
        self._began = self._last_line = time.monotonic()
        terminal = sys.stderr.isatty() and not quiet
        self._bar = (
            tqdm(total=total_bytes, desc=title, unit="B", unit_scale=True, file=sys.stderr, leave=False)
            if terminal
            else None
        )

    def update(self, done_bytes: int, note: str = "") -> None:
        """Show that `done_bytes` are done since the start, with a note."""
        if self._bar is not None:
            self._bar.set_postfix_str(shown_name(note), refresh=False)
            self._bar.update(done_bytes - self._done)
        self._done = done_bytes
        now = time.monotonic()
        if self._bar is None and not self._quiet and now - self._last_line >= _LINE_SECONDS:
            self._last_line = now
            echo(self._line(now, note), err=True)

    def expect(self, total_bytes: int | None) -> None:
        """Set the bytes that are expected in all; None if that is not known."""
        self._total = total_bytes
        if self._bar is not None:
            self._bar.total = total_bytes

    def close(self) -> None:
        """Clear the bar."""
        if self._bar is not None:
            self._bar.close()

    def _line(self, now: float, note: str) -> str:
        rate = self._done / max(now - self._began, 1e-9)
        parts = [f"{self._title}: {self._done / 1e6:,.0f} MB", f"{rate / 1e6:,.1f} MB/s"]
        if self._total and rate:
            left = max(self._total - self._done, 0) / rate
            parts[0] += f" of {self._total / 1e6:,.0f}"
            parts.append(f"{left:,.0f} s left")
        return ", ".join([*parts, note] if note else parts)


@contextmanager
def progress(title: str, total_bytes: int | None, *, quiet: bool = False) -> Iterator[ProgressBar]:
    """Yield a progress bar, and clear it at the end."""
    bar = ProgressBar(title, total_bytes, quiet=quiet)
    try:
        yield bar
    finally:
        bar.close()
