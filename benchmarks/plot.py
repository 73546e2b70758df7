#!/usr/bin/env python3
"""Draw the throughput of a benchmark's table as bars, in SVG.

    benchmarks/run.py read --photos FOLDER | tee table.md
    benchmarks/plot.py table.md > docs/throughput.svg

Reads the first Markdown table with the columns `images/s` and `min to max`, as `run.py` prints them.
Each row becomes a bar of the median, with a line from the slowest to the fastest round.
"""

import re
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

WIDTH, NAMES, BAR, GAP, MARGIN = 900, 380, 18, 10, 12  # pixels
_ROOM: Final = 110  # right of the longest bar, for its figure
_STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .range { stroke: #24292f; stroke-width: 1.5 }
.peer { fill: #9aa7b5 } .ours { fill: #1f6feb } .limit { fill: none; stroke: #9aa7b5; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .range { stroke: #e6edf3 } }
""".strip()


@dataclass(frozen=True, slots=True)
class Bar:
    """One contender: images per second, as the median and the range of the rounds."""

    name: str
    median: float
    slowest: float
    fastest: float


def read_bars(page: str) -> list[Bar]:
    """Return a bar for each row of the page's first table of throughput. Raise `ValueError` without one."""
    lines = iter(page.splitlines())
    for line in lines:
        head = _cells(line)
        if "images/s" in head and "min to max" in head:
            break
    else:
        raise ValueError("the page has no table with the columns `images/s` and `min to max`")
    next(lines)
    bars = []
    for line in lines:
        cells = dict(zip(head, _cells(line), strict=False))
        if len(cells) < len(head):
            break
        slowest, fastest = map(_number, cells["min to max"].split(" to "))
        bars.append(Bar(cells[head[0]].replace("`", ""), _number(cells["images/s"]), slowest, fastest))
    return bars


def draw(bars: list[Bar]) -> str:
    """Return the SVG, with the bars in the order of their speed. `bars[0]` is drawn as ours."""
    scale = (WIDTH - NAMES - _ROOM) / max(bar.fastest for bar in bars)
    height = 2 * MARGIN + len(bars) * (BAR + GAP) - GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Images per second</title>",
        f"<style>{_STYLE}</style>",
    ]
    for row, bar in enumerate(sorted(bars, key=lambda bar: -bar.median)):
        top = MARGIN + row * (BAR + GAP)
        middle = top + BAR / 2
        kind = "ours" if bar is bars[0] else "limit" if bar.name.startswith("a C program") else "peer"
        start, end = (NAMES + side * scale for side in (bar.slowest, bar.fastest))
        parts += [
            f'<text x="{NAMES - 10}" y="{middle + 4:g}" text-anchor="end">{escape(bar.name)}</text>',
            f'<rect class="{kind}" x="{NAMES}" y="{top}" width="{bar.median * scale:.1f}" height="{BAR}"/>',
            f'<line class="range" x1="{start:.1f}" y1="{middle:g}" x2="{end:.1f}" y2="{middle:g}"/>',
            f'<text x="{end + 8:.1f}" y="{middle + 4:g}">{bar.median:,.0f}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _number(text: str) -> float:
    return float(text.replace(",", ""))


if __name__ == "__main__":
    page = Path(sys.argv[1]).read_text() if sys.argv[1:] else sys.stdin.read()
    sys.stdout.write(draw(read_bars(page)))
