"""Count numbers in bars of equal width. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_STEPS: Final = (1, 2, 5, 10, 20)
_TAIL: Final = 0.98


@dataclass(frozen=True, slots=True)
class Bar:
    """The count of the numbers in [low, high)."""

    low: float
    high: float | None
    """None if the bar counts every larger number too."""
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Adjacent bars of equal width; each number counts in exactly one."""

    title: str
    bars: tuple[Bar, ...]
    least: float
    median: float
    most: float

    @property
    def tallest(self) -> int:
        """The largest count."""
        return max(bar.count for bar in self.bars)


def histogram(title: str, numbers: Sequence[float], bars: int = 24) -> Histogram | None:
    """Return the counts of numbers in bars of a round width; None if there are no numbers.

    The largest 2 % share the last bar if they reach far beyond the other numbers. Otherwise one panorama
    would press all ordinary images into one bar.

    Args:
        title: Text above the bars.
        numbers: The numbers to count.
        bars: Most bars.
    """
    if not numbers:
        return None
    ordered = sorted(numbers)
    least, most = ordered[0], ordered[-1]
    tail = ordered[int((len(ordered) - 1) * _TAIL)]
    step = _round_up(max(1, (tail - least) / (bars - 2)))  # both ends are rounded outwards
    start = math.floor(least / step) * step
    last = int((tail - start) // step)
    needed = int((most - start) // step)
    is_open = needed > last + 1
    counts = [0] * ((last + 1 if is_open else needed) + 1)
    for number in ordered:
        counts[min(int((number - start) // step), len(counts) - 1)] += 1
    found = [
        Bar(start + i * step, None if is_open and i == len(counts) - 1 else start + (i + 1) * step, count)
        for i, count in enumerate(counts)
    ]
    return Histogram(title, tuple(found), least, ordered[len(ordered) // 2], most)


def _round_up(width: float) -> int:
    """Return the next larger of 1, 2, 5, 10, 20, 50 and so on."""
    power = 10 ** max(0, math.floor(math.log10(width)))
    return int(next(step * power for step in _STEPS if step * power >= width))
