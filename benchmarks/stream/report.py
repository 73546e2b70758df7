"""The tables of `run.py stream`: one for each data set and number of ranks."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Run = dict[str, float]
Runs = Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Case:
    """One contender in one scene."""

    data: str
    ranks: int
    scene: str
    title: str


def _median(figure: Callable[[Mapping[str, float]], float], form: str) -> Callable[[Runs], str]:
    return lambda runs: format(statistics.median(map(figure, runs)), form)


COLUMNS: Final[tuple[tuple[str, Callable[[Runs], str]], ...]] = (
    ("images/s", _median(lambda run: run["images_per_second"], ",.0f")),
    ("with start-up", _median(lambda run: run["images"] / run["seconds"], ",.0f")),
    ("first batch s", _median(lambda run: run["first_seconds"], ".2f")),
    ("CPU ms/image", _median(lambda run: run["cpu_per_image"] * 1e3, ".2f")),
    ("MB/s", _median(lambda run: run["needed"] / run["seconds"] / 1e6, ",.0f")),
    ("CPU s/GB", _median(lambda run: run["cpu_seconds"] / run["needed"] * 1e9, ".2f")),
    ("peak MB", _median(lambda run: run["peak_bytes"] / 1e6, ",.0f")),
    ("requests", _median(lambda run: run.get("requests", 0), ",.0f")),
    ("bytes sent / needed", _median(lambda run: run.get("bytes_sent", 0) / run["needed"], ".3f")),
    ("503s + cuts", _median(lambda run: run.get("refused", 0) + run.get("cut", 0), ",.0f")),
    ("most connections", _median(lambda run: run.get("most_connections", 0), ",.0f")),
    ("missing, repeated", lambda runs: _worst(runs, "missing") + ", " + _worst(runs, "repeated")),
)
"""Images/s and CPU ms/image count from the first batch on; the others from the construction."""


def _worst(runs: Runs, key: str) -> str:
    return f"{max(run[key] for run in runs):,.0f}"


def _ratio(runs: Runs, local: Runs | None, speed: Callable[[Mapping[str, float]], float]) -> str:
    """Return the median of the ratios to the local disk, each of one round."""
    if not local:
        return ""
    ratios = [speed(a) / speed(b) for a, b in zip(runs, local, strict=False)]
    return f"{statistics.median(ratios):.2f}"


def report(runs: Mapping[Case, Runs]) -> str:
    """Return the tables. A ratio is to the same contender on the local disk, in the same round."""
    tables = []
    for data, ranks in dict.fromkeys((case.data, case.ranks) for case in runs):
        heads = ["contender", "scene", "of local", "of local, with start-up", *(head for head, _ in COLUMNS)]
        lines = [f"{data}, ranks: {ranks}\n", "| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
        mine = [case for case in runs if (case.data, case.ranks) == (data, ranks)]
        for case in sorted(mine, key=lambda case: [one.title for one in mine].index(case.title)):
            local = runs.get(Case(data, ranks, "local", case.title))
            ratios = [
                _ratio(runs[case], local, lambda run: run["images_per_second"]),
                _ratio(runs[case], local, lambda run: run["images"] / run["seconds"]),
            ]
            cells = [case.title, case.scene, *ratios, *(cell(runs[case]) for _, cell in COLUMNS)]
            lines.append("| " + " | ".join(cells) + " |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)
