"""Render the Markdown tables."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Final

Run = Mapping[str, float]
Runs = Sequence[Run]


def _median(key: str, scale: float = 1, form: str = ",.0f") -> Callable[[Runs, Runs], str]:
    return lambda runs, _first: format(statistics.median(run[key] for run in runs) * scale, form)


def _range(key: str) -> Callable[[Runs, Runs], str]:
    return lambda runs, _first: f"{min(r[key] for r in runs):,.0f} to {max(r[key] for r in runs):,.0f}"


def _speed(runs: Runs) -> float:
    return statistics.median(run["images_per_second"] for run in runs)


def _in_all(runs: Runs, _first: Runs) -> str:
    return f"{statistics.median(run['images'] / run['seconds'] for run in runs):,.0f}"


def _above_imports(runs: Runs, _first: Runs) -> str:
    return f"{statistics.median(run['peak_bytes'] - run['imports_bytes'] for run in runs) / 1e6:,.0f}"


Column = tuple[str, Callable[[Runs, Runs], str]]
_SPEED: Final[tuple[Column, ...]] = (
    ("images/s", _median("images_per_second")),
    ("min to max", _range("images_per_second")),
    ("ours is", lambda runs, first: f"{_speed(first) / _speed(runs):.2f} ×"),
)
_COST: Final[tuple[Column, ...]] = (
    ("CPU ms/image", _median("cpu_per_image", 1e3, ".2f")),
    ("peak MB", _median("peak_bytes", 1e-6)),
    ("above imports MB", _above_imports),
)
COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "read": (
        *_SPEED,
        ("with start-up", _in_all),
        ("first batch s", _median("first_seconds", 1, ".2f")),
        *_COST,
    ),
    "pack": (*_SPEED, *_COST),
    "plan": (*_SPEED, ("of it listing s", _median("listing_seconds", 1, ".1f")), *_COST),
    "quality": (
        ("PSNR dB, mean", _median("psnr", 1, ".1f")),
        ("worst", _median("psnr_worst", 1, ".1f")),
        ("mean, short side ≥ 512", _median("psnr_large", 1, ".1f")),
        ("mean difference", _median("mean_difference", 1, ".2f")),
        ("greatest", _median("max_difference")),
    ),
}


def table(contest: str, runs: Mapping[str, Runs]) -> str:
    """Return a table of the medians of all runs, a row for each title. Ratios are to the first."""
    columns = COLUMNS[contest]
    first = next(iter(runs.values()))
    lines = ["| " + " | ".join(["contender", *(head for head, _ in columns)]) + " |"]
    lines.append("| --- " * (len(columns) + 1) + "|")
    for title, rounds in runs.items():
        lines.append("| " + " | ".join([title, *(cell(rounds, first) for _, cell in columns)]) + " |")
    return "\n".join(lines)
