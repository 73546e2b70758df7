"""All campaigns: each yields its cases, and runs one of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from faults import disks, flips, kills, packs, races, reads
from faults.lab import Lab
from faults.outcome import Result, Verdict


@dataclass(frozen=True, slots=True)
class Campaign:
    """A matrix: `cases` yields its cells, `run` yields name and verdict of each case of a cell."""

    name: str
    cases: Callable[[Lab], Iterable[Any]]
    run: Callable[[Lab, Any], Iterator[tuple[str, Verdict]]]


def _one(run: Callable[[Lab, Any], Verdict]) -> Callable[[Lab, Any], Iterator[tuple[str, Verdict]]]:
    def one(lab: Lab, case: Any) -> Iterator[tuple[str, Verdict]]:
        yield str(case), run(lab, case)

    return one


CAMPAIGNS: Final = {
    campaign.name: campaign
    for campaign in (
        Campaign("reads", lambda _: reads.cases(), _one(reads.run)),
        Campaign("packs", lambda _: packs.cases(), _one(packs.run)),
        Campaign("kills", kills.cases, _one(kills.run)),
        Campaign("disks", disks.cases, _one(disks.run)),
        Campaign("races", lambda _: races.cases(), _one(races.run)),
        Campaign("flips", flips.cases, flips.run_all),
    )
}


def results(campaign: Campaign, lab: Lab, case: Any) -> Iterator[Result]:
    """Run one cell, and yield a result for each of its cases."""
    import time

    began = time.monotonic()
    for name, verdict in campaign.run(lab, case):
        now = time.monotonic()
        yield Result(campaign.name, name, verdict.outcome, verdict.detail, now - began)
        began = now
