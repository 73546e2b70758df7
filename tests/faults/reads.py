"""Reads: every fault at every place, once, thrice and for ever, with both engines, in one process or two."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from faults.lab import ENGINES, TIMES, Lab
from faults.oracle import compare
from faults.outcome import Verdict
from faults.rules import FAULTS, Rule
from faults.zygote import Done

PLACES: Final = (("manifest", 1), ("keys", 1), ("shard", 1), ("shard", 6))
"""Kinds of objects, and the request for them that meets the fault first."""
_NAMES: Final = ("manifest.json", "keys.txt", ".tar")
HARMLESS: Final = frozenset({"delay", "drip"})
FINAL: Final = frozenset({"expired token", "replaced", "whole object"})
"""Faults that a further attempt need not overcome: a store that ignores ranges ignores them again."""


@dataclass(frozen=True, slots=True)
class Read:
    """An epoch through the proxy."""

    fault: str
    target: str
    first: int
    times: str
    engine: str
    process: bool

    def __str__(self) -> str:
        where = "two processes" if self.process else "one process"
        return f"{self.fault}, get {self.target} {self.first}, {self.times}, {self.engine}, {where}"

    @property
    def must_be_right(self) -> bool:
        """True if a retry overcomes the fault."""
        return self.fault in HARMLESS or (self.times == "once" and self.fault not in FINAL)


def cases() -> Iterator[Read]:
    for process, times, engine, (target, first), fault in product(
        (False, True), TIMES, ENGINES, PLACES, FAULTS
    ):
        yield Read(fault, target, first, times, engine, process)


def prepare(lab: Lab) -> str:
    """Return the URL of a data set that is packed once."""
    url = "s3://lab/reads"
    if not list(lab.direct(url).list_objects(".wds-imagenet/manifest.json")):
        done = lab.pack(lab.small, url)
        if done.code:
            raise RuntimeError(done.err)
    return url


def run(lab: Lab, case: Read) -> Verdict:
    url = prepare(lab)
    lab.proxy.script([Rule(case.fault, "get", case.target, case.first, TIMES[case.times])])
    options = {"process": case.process, "storage": lab.through(case.engine)}
    done = lab.zygote.run(["epoch", url, json.dumps(options)], limit=60 * lab.slack)
    verdict = judge_epoch(lab, done, *_NAMES)
    if verdict.outcome == "right" and not lab.proxy.faults:
        return Verdict("crashed", "the fault was not met: the case is wrong")
    return verdict


def judge_epoch(lab: Lab, done: Done, *names: str) -> Verdict:
    """Judge the lines of `jobs.epoch`: all samples, or an error after some samples, each of them right."""
    if done.code is None:
        return Verdict("hung", f"after {done.seconds:.0f} s; {done.err[-300:]}")
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.out.splitlines()]
    if done.code or not lines or "end" not in lines[-1] or "Exception ignored" in done.err:
        return Verdict("crashed", f"exit code {done.code}: {done.err[-1500:]}")
    end, text = lines[-1]["end"], lines[-1]["text"]
    samples = [(key, digest, label) for line in lines for key, digest, label in line.get("samples", ())]
    difference = compare(samples, lab.small.truth, whole=not end)
    if difference.verdict:
        return Verdict(difference.verdict, str(difference)[:500])
    if any(sorted(line["keys"]) != sorted(lab.small.truth) for line in lines if "keys" in line):
        return Verdict("changed", "other keys")
    return _judge_error(end, text, names) if end else Verdict("right")


def _judge_error(end: str, text: str, names: tuple[str, ...]) -> Verdict:
    if end == "traceback":
        return Verdict("crashed", text[-1500:])
    return Verdict("clear error" if any(name in text for name in names) else "crashed", f"{end}: {text}")
