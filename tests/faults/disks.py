"""Disks: each operation of a pack and of an epoch fails, once or for ever; then the disk is well again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from faults.disk import EFFECTS, KINDS
from faults.lab import Lab
from faults.outcome import Verdict, judge_exit
from faults.packs import judge_end
from faults.reads import judge_epoch

PLACES: Final = {
    "destination": (*EFFECTS, "open", "read", "list", "stat", "lock"),
    "source": ("open", "read", "list", "stat"),
    "epoch": ("open", "read", "list", "stat"),
}
FAULTS: Final = {
    **dict.fromkeys(EFFECTS, ("ENOSPC", "EIO", "EACCES", "EDQUOT")),
    **dict.fromkeys(("open", "read", "list", "stat", "lock"), ("EIO", "EACCES", "ESTALE")),
}
MORE: Final = {
    "read": ("EINTR", "short"),
    "write": ("EINTR", "short"),
    "open": ("EINTR", "EMFILE"),
    "create": ("EMFILE",),
}


@dataclass(frozen=True, slots=True)
class DiskCase:
    """The n-th operation of a kind fails under the destination, the source, or a data set that is read."""

    fault: str
    place: str
    kind: str
    number: int
    times: str

    def __str__(self) -> str:
        return f"{self.fault}, {self.place}, {self.kind} {self.number}, {self.times}"


def cases(lab: Lab) -> Iterator[DiskCase]:
    for place, kinds in PLACES.items():
        for kind in kinds:
            count = count_of(lab, place, kind)
            for fault in (*FAULTS[kind], *MORE.get(kind, ())):
                for number in range(1, count + 1):
                    yield DiskCase(fault, place, kind, number, "once")
                    if fault != "EINTR":  # a call that is always interrupted never ends, by its contract
                        yield DiskCase(fault, place, kind, number, "for ever")


def count_of(lab: Lab, place: str, kind: str) -> int:
    folder = lab.new_folder()
    watched = watch(lab, place, folder)
    lab.disk.count(watched, (kind,))
    start(lab, place, folder)
    count = lab.disk.counts.operations
    lab.disk.heal()
    lab.remove(str(folder))
    return min(count, 40)  # a source of 60 images repeats itself


def watch(lab: Lab, place: str, folder: Path) -> Path:
    if place == "epoch":
        if lab.pack(lab.small, str(folder)).code:
            raise RuntimeError(place)
        return folder
    return lab.small.folder if place == "source" else folder


def start(lab: Lab, place: str, folder: Path):
    if place == "epoch":
        return lab.zygote.run(["epoch", str(folder), json.dumps({})], limit=60 * lab.slack)
    return lab.pack(lab.small, str(folder))


def run(lab: Lab, case: DiskCase) -> Verdict:
    if case.kind not in KINDS:
        raise ValueError(case)
    folder = lab.new_folder()
    watched = watch(lab, case.place, folder)
    lab.disk.script(watched, (case.kind,), case.fault, case.number, 1 if case.times == "once" else None)
    try:
        done = start(lab, case.place, folder)
        lab.disk.heal()
        if case.place == "epoch":
            return judge_epoch(lab, done, str(folder))
        verdict = judge_exit(done, [str(watched), str(folder)])
        if verdict.outcome in {"hung", "crashed"}:
            return verdict
        return judge_end(lab, lab.small, str(folder), verdict)
    finally:
        lab.disk.heal()
        lab.remove(str(folder))
