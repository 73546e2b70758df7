"""Kills: a packer dies before or after each effect, on a store and on a disk; the next run finishes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faults.disk import EFFECTS
from faults.lab import ENGINES, Lab
from faults.outcome import Verdict
from faults.packs import judge_end
from faults.rules import VERBS, Rule

MOMENTS: Final = ("kill before", "kill after")
_WRITES: Final = tuple(verb for verb in VERBS if verb not in {"get", "head", "list"})


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill at the n-th effect of a kind: a verb of S3 for an engine, an operation of the disk without."""

    moment: str
    kind: str
    number: int
    engine: str
    size: str = "small"

    def __str__(self) -> str:
        return f"{self.moment}, {self.kind} {self.number}, {self.engine or 'disk'}, {self.size}"


def cases(lab: Lab, sizes: tuple[str, ...] = ("small", "large")) -> Iterator[Kill]:
    """Yield a kill before and after every effect of an undisturbed pack, which is counted first."""
    for moment in MOMENTS:
        for engine in ENGINES:
            for size in sizes:
                for kind, count in store_effects(lab, engine, size).items():
                    yield from (Kill(moment, kind, n, engine, size) for n in range(1, count + 1))
        for kind, count in disk_effects(lab).items():
            yield from (Kill(moment, kind, n, "") for n in range(1, count + 1))


def store_effects(lab: Lab, engine: str, size: str) -> dict[str, int]:
    dest = lab.new_url()
    lab.proxy.script(())
    done = lab.pack(getattr(lab, size), dest, engine=engine)
    if done.code:
        raise RuntimeError(done.err)
    lab.remove(dest)
    verbs = [met.operation.verb for met in lab.proxy.met]
    return {verb: verbs.count(verb) for verb in _WRITES if verb in verbs}


def disk_effects(lab: Lab) -> dict[str, int]:
    found = {}
    for kind in EFFECTS:
        folder = lab.new_folder()
        lab.disk.count(folder, (kind,))
        if lab.pack(lab.small, str(folder)).code:
            raise RuntimeError(kind)
        found[kind] = lab.disk.counts.operations
        lab.remove(str(folder))
    lab.disk.heal()
    return found


def run(lab: Lab, case: Kill) -> Verdict:
    return on_store(lab, case) if case.engine else on_disk(lab, case)


def on_store(lab: Lab, case: Kill) -> Verdict:
    dest, given = lab.new_url(), getattr(lab, case.size)
    lab.proxy.script([Rule(case.moment, case.kind, first=case.number)])
    job = lab.zygote.start(lab.pack_job(given, dest, engine=case.engine), limit=60 * lab.slack)
    lab.proxy.on_kill = job.kill
    try:
        done = job.wait()
        if done.code != -9:
            return Verdict("crashed", f"the packer was not killed: {done}")
        lab.proxy.script(())
        return after_kill(lab, case, dest)
    finally:
        lab.remove(dest)


def on_disk(lab: Lab, case: Kill) -> Verdict:
    folder = lab.new_folder()
    lab.disk.script(folder, (case.kind,), case.moment, case.number)
    try:
        done = lab.pack(lab.small, str(folder))
        lab.disk.heal()
        if done.code != -9:
            return Verdict("crashed", f"the packer was not killed: {done}")
        found = after_kill(lab, case, str(folder))
        if found.outcome == "right" and (left := leftovers(folder)):
            return Verdict("changed", f"temporary files stay after the next run: {left}")
        return found
    finally:
        lab.remove(str(folder))


def after_kill(lab: Lab, case: Kill, dest: str) -> Verdict:
    found = judge_end(lab, getattr(lab, case.size), dest, Verdict("clear error", "a kill"), case.engine)
    return Verdict("right") if found.outcome == "clear error" else found


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if "staging" in path.parts or path.name.endswith("-tmp")]
