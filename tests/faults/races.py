"""Races of two packers: with equal plans, with different plans, or with one plan and other bytes."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from faults.jobs import altered
from faults.lab import Input, Lab, hashes
from faults.oracle import compare, samples_of
from faults.outcome import Verdict, judge_exit
from faults.rules import Rule

PAIRS: Final = ("equal plans", "different plans", "different bytes")
PLACES: Final = ("s3, obstore", "s3, fsspec", "disk")
HELD: Final = (
    "put plan",
    "put shard",
    "put receipt",
    "put manifest",
    "put keys",
    "get plan",
    "list other",
    "nothing",
)


ALTERED: Final = 11
"""Every so many images come out with other bytes in the second packer."""


@dataclass(frozen=True, slots=True)
class Race:
    """Two packers; the first request of a kind is held up, so that one overtakes the other there."""

    pair: str
    place: str
    held: str
    number: int

    def __str__(self) -> str:
        return f"{self.pair}, {self.place}, {self.held} held, {self.number}"


def cases() -> Iterator[Race]:
    for number, pair, place, held in product(range(1, 7), PAIRS, PLACES, HELD):
        if place != "disk" or held == "nothing":
            yield Race(pair, place, held, number)


def second_of(lab: Lab, pair: str) -> tuple[Input, tuple[str, ...]]:
    """Return the input of the second packer, and more options of its command."""
    if pair != "different bytes":
        return lab.small, ("--seed", "7") if pair == "different plans" else ()
    truth = dict(lab.small.truth)
    for key in sorted(truth)[::ALTERED]:
        path = next(lab.small.folder.rglob(f"{key}.JPEG"))
        truth[key] = (hashlib.sha256(altered(path.read_bytes())).hexdigest(), truth[key][1])
    return Input(lab.small.folder, truth, lab.small.options), ()


def run(lab: Lab, case: Race) -> Verdict:
    second, more = second_of(lab, case.pair)
    engine = "" if case.place == "disk" else case.place.removeprefix("s3, ")
    dest = lab.new_url() if engine else str(lab.new_folder())
    verb, _, target = case.held.partition(" ")
    rules = [] if case.held == "nothing" else [Rule("delay", verb, target, first=case.number)]
    lab.proxy.delay = 0.15
    lab.proxy.script(rules)
    jobs = [lab.pack_job(lab.small, dest, engine=engine), lab.pack_job(second, dest, *more, engine=engine)]
    if second is not lab.small:
        jobs[1] = ["altered_command", ",".join(sorted(second.truth)[::ALTERED]), *jobs[1][1:]]
    try:
        started = [lab.zygote.start(job, limit=60 * lab.slack) for job in jobs]
        verdicts = [judge_exit(job.wait(), [dest, str(second.folder)]) for job in started]
        return judge(lab, dest, (lab.small, second), more, verdicts)
    finally:
        lab.proxy.delay = 0.5
        lab.remove(dest)


def judge(
    lab: Lab, dest: str, inputs: tuple[Input, Input], more: tuple[str, ...], verdicts: list[Verdict]
) -> Verdict:
    """Judge both ends: whoever succeeded finds its own data set, and a data set is whole or absent."""
    early = [verdict for verdict in verdicts if verdict.outcome in {"hung", "crashed"}]
    if early:
        return early[0]
    winners = [index for index, verdict in enumerate(verdicts) if not verdict.outcome]
    files = lab.files(dest)
    if ".wds-imagenet/manifest.json" not in files:
        details = " | ".join(verdict.detail for verdict in verdicts)
        return Verdict("lost" if winners else "clear error", f"there is no manifest; {details}")
    if more:
        fitting = [hashes(files) == lab.undisturbed(inputs[0], *options) for options in ((), more)]
        if [index for index in winners if not fitting[index]] or not any(fitting):
            return Verdict("changed", f"packers {winners} succeeded, but the files are those of {fitting}")
        return Verdict("right")
    if damage := disagreement(files):
        return Verdict("changed", f"{damage}; packers: {[verdict.detail for verdict in verdicts]}")
    return judge_samples(samples_of(files), inputs)


def judge_samples(samples: list[tuple[str, str, int]], inputs: tuple[Input, Input]) -> Verdict:
    """Judge the samples of one plan: each is that of one packer or the other, whichever built its shard."""
    allowed = {key: {given.truth[key] for given in inputs} for key in inputs[0].truth}
    truth = {
        key: (digest, label) for key, digest, label in samples if (digest, label) in allowed.get(key, ())
    }
    difference = compare(samples, {**inputs[0].truth, **truth}, whole=True)
    return Verdict(difference.verdict, str(difference)[:500]) if difference.verdict else Verdict("right")


def disagreement(files: dict[str, bytes]) -> str:
    """Return the first shard that is not the one of its manifest; empty if there is none."""
    found = hashes(files)
    for shard in json.loads(files[".wds-imagenet/manifest.json"])["shards"]:
        if found.get(shard["name"]) != shard["sha256"]:
            return f"{shard['name']} is not the shard of the manifest"
    return ""
