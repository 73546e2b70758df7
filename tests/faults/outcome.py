"""The outcome of a case, and the table of many. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from faults.zygote import Done

OUTCOMES: Final = ("right", "clear error", "lost", "doubled", "changed", "hung", "crashed")
BAD: Final = OUTCOMES[2:]


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one case, or of `count` equal ones; `detail` has the evidence, in a line or two."""

    campaign: str
    case: str
    outcome: str
    detail: str = ""
    seconds: float = 0.0
    count: int = 1

    @property
    def is_bad(self) -> bool:
        return self.outcome in BAD

    def __str__(self) -> str:
        return f"{self.outcome}: {self.detail}\n    bin/soak --case '{self.campaign}: {self.case}'"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome before its case is known; an empty outcome is none yet."""

    outcome: str = ""
    detail: str = ""


def judge_exit(done: Done, names: Iterable[str]) -> Verdict:
    """Judge how a command ended: no verdict if it succeeded, since its work is still to be compared.

    An error is clear if its exit code is 1, 2 or 3, and one line names one of the places in `names`.
    """
    text = done.err.strip()
    if done.code is None:
        return Verdict("hung", f"after {done.seconds:.0f} s; {text[-300:]}")
    if "Traceback" in text or "Exception ignored" in text or not 0 <= done.code <= 3:
        return Verdict("crashed", f"exit code {done.code}: {text[-1500:]}")
    if done.code == 0:
        return Verdict()
    errors = [line for line in text.splitlines() if line.startswith("error: ")]
    if len(errors) != 1 or not any(name in text for name in names):
        return Verdict("crashed", f"no clear error (exit code {done.code}): {text[-500:]}")
    return Verdict("clear error", errors[0])


@dataclass(slots=True)
class Row:
    """A campaign's line of the table."""

    campaign: str
    cases: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    seconds: float = 0.0

    def add(self, result: Result) -> None:
        self.cases += result.count
        self.counts[result.outcome] += result.count
        self.seconds += result.seconds


def rows_of(results: Iterable[Result]) -> list[Row]:
    rows: dict[str, Row] = {}
    for result in results:
        rows.setdefault(result.campaign, Row(result.campaign)).add(result)
    return list(rows.values())


def to_markdown(rows: Sequence[Row]) -> str:
    lines = [
        f"| campaign | cases | {' | '.join(OUTCOMES)} | seconds |",
        f"| --- | {'---: | ' * (len(OUTCOMES) + 2)}".rstrip(),
    ]
    for row in rows:
        counts = " | ".join(f"{row.counts[outcome]:,}" for outcome in OUTCOMES)
        lines.append(f"| {row.campaign} | {row.cases:,} | {counts} | {row.seconds:,.0f} |")
    return "\n".join(lines) + "\n"


def to_json(rows: Sequence[Row], bad: Sequence[Result]) -> str:
    return (
        json.dumps({"rows": [asdict(row) for row in rows], "bad": [asdict(one) for one in bad]}, indent=1)
        + "\n"
    )
