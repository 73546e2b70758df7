"""Packs: every fault of every kind of request, once, thrice and for ever, both engines; then a resume."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from faults.lab import ENGINES, TIMES, Input, Lab
from faults.outcome import Verdict, judge_exit
from faults.rules import AFTER, BEFORE, Rule

OPERATIONS: Final = (
    *("put shard", "put receipt", "put plan", "put keys", "put report", "put manifest", "put other"),
    *("get plan", "get manifest", "get receipt", "head shard", "head other", "list other"),
    *("create shard", "part shard", "complete shard", "abort shard"),
)
_MULTIPART: Final = frozenset({"create", "part", "complete", "abort"})
_SILENT: Final = frozenset({"long length", "huge length", "short length", "flipped byte", "drip"})
"""Faults of an answer's body, which a PUT and the answers without a body hardly have."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack through the proxy."""

    fault: str
    operation: str
    times: str
    engine: str

    def __str__(self) -> str:
        return f"{self.fault}, {self.operation}, {self.times}, {self.engine}"


def cases() -> Iterator[Pack]:
    for times, engine, operation, fault in product(TIMES, ENGINES, OPERATIONS, (*BEFORE, *AFTER)):
        if not (fault in _SILENT and operation.startswith("put")):
            yield Pack(fault, operation, times, engine)


def is_large(case: Pack) -> bool:
    """Return True for a case that takes a shard of 38 MB, and seconds."""
    return case.operation.partition(" ")[0] in _MULTIPART


def rules_of(case: Pack) -> list[Rule]:
    verb, _, target = case.operation.partition(" ")
    rules = [Rule(case.fault, verb, target, times=TIMES[case.times])]
    if verb == "abort":  # an upload is aborted only after a part of it failed
        rules.append(Rule("500", "part", "shard", times=None))
    return rules


def input_of(lab: Lab, case: Pack) -> Input:
    return lab.large if is_large(case) else lab.small


def run(lab: Lab, case: Pack) -> Verdict:
    given, dest = input_of(lab, case), lab.new_url()
    try:
        lab.proxy.script(rules_of(case))
        done = lab.pack(given, dest, engine=case.engine)
        names = [dest, lab.proxy.endpoint]
        verdict = judge_exit(done, names)
        if verdict.outcome in {"hung", "crashed"}:
            return verdict
        lab.proxy.script(())
        return judge_end(lab, given, dest, verdict, case.engine)
    finally:
        lab.remove(dest)


def judge_end(lab: Lab, given: Input, dest: str, verdict: Verdict, engine: str = "") -> Verdict:
    """Judge what a pack left: a whole data set, or after an error one that the next run finishes."""
    if not verdict.outcome:
        return lab.judge_pack(given, dest)
    if ".wds-imagenet/manifest.json" in lab.files(dest):
        found = lab.judge_pack(given, dest)
        if found.outcome != "right":
            return Verdict(found.outcome, f"a manifest of less than the whole, after {verdict.detail}")
    again = judge_exit(lab.pack(given, dest, engine=engine), [dest])
    if again.outcome:
        return Verdict("crashed", f"the next run did not succeed: {again.detail}; after {verdict.detail}")
    found = lab.judge_pack(given, dest)
    if found.outcome != "right":
        return Verdict(found.outcome, f"after a resumed run: {found.detail}; after {verdict.detail}")
    return verdict
