"""Flips: every bit of manifest, receipt, plan, keys and layer; then verify, read, resume, or pack again."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from faults.lab import Lab
from faults.outcome import Verdict

_META: Final = ".wds-imagenet"
FILES: Final = {
    "manifest": f"{_META}/manifest.json",
    "keys": f"{_META}/keys.txt",
    "plan": f"{_META}/plan.json",
    "receipt": f"{_META}/receipts/lab-train-000001.tar.json",
    "shard": "lab-train-000001.tar",
    "layer manifest": f"{_META}/layers/lab/manifest.json",
    "layer plan": f"{_META}/layers/lab/plan.json",
    "layer tar": f"{_META}/layers/lab/lab-train-000001.tar",
}
ACTIONS: Final = {
    "verify": tuple(FILES),
    "read": ("manifest", "keys", "shard", "layer manifest", "layer tar"),
    "resume": ("receipt", "plan"),
    "again": ("manifest", "plan"),
}
_SPARSE: Final = {"shard": 997, "layer tar": 211}
"""Large files, of whose bits every n-th is flipped."""
_CHUNK: Final = 250
OPTIONS: Final[dict[str, Any]] = {"samples_per_shard": 20, "block_bytes": 20000, "name": "lab", "workers": 1}


@dataclass(frozen=True, slots=True)
class Flips:
    """Some bits of a file, each of which is flipped alone."""

    action: str
    file: str
    bits: range

    def __str__(self) -> str:
        return (
            f"{self.action}, {self.file}, bits {self.bits.start} to {self.bits.stop}, every {self.bits.step}"
        )


@cache
def prepare(lab: Lab) -> Path:
    """Return the folder of a data set with a layer."""
    folder = lab.scratch / "flips"
    captions = lab.scratch / "captions.json"
    words = [
        {
            "filename": f"{key}.JPEG",
            "wnid": key[:9],
            "title": f"picture {key}",
            "tags": [],
            "description": "x",
        }
        for key in lab.small.truth
    ]
    captions.write_text(json.dumps(words))
    for job in (
        lab.pack_job(lab.small, str(folder)),
        [
            "command",
            "add-layer",
            str(folder),
            "--captions",
            str(captions),
            "--layer",
            "lab",
            "--workers",
            "1",
        ],
    ):
        done = lab.zygote.run(job)
        if done.code:
            raise RuntimeError(done.err)
    return folder


def cases(lab: Lab) -> Iterator[Flips]:
    folder = prepare(lab)
    for action, files in ACTIONS.items():
        for file in files:
            step = _SPARSE.get(file, 1)
            bits = range(0, 8 * (folder / FILES[file]).stat().st_size, step)
            for at in range(0, len(bits), _CHUNK):
                yield Flips(action, file, bits[at : at + _CHUNK])


def run_all(lab: Lab, case: Flips) -> Iterator[tuple[str, Verdict]]:
    """Yield the bit and the verdict of each flip. A crash or a hang ends the chunk."""
    folder = lab.new_folder()
    shutil.copytree(prepare(lab), folder)
    given = json.dumps([str(lab.small.folder), OPTIONS])
    job = ["flips", case.action, str(folder), FILES[case.file], given, json.dumps(list(case.bits))]
    try:
        done = lab.zygote.run(job, limit=300 * lab.slack)
        lines = [json.loads(line) for line in done.out.splitlines() if line.endswith("]")]
        for bit, outcome, detail in lines:
            yield f"{case.action}, {case.file}, bit {bit}", Verdict(outcome, detail[-700:])
        if done.code != 0:
            bit = case.bits[min(len(lines), len(case.bits) - 1)]
            outcome = "hung" if done.code is None else "crashed"
            yield (
                f"{case.action}, {case.file}, bit {bit}",
                Verdict(outcome, f"{done.code}: {done.err[-700:]}"),
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(folder.with_name(f"{folder.name}.clean"), ignore_errors=True)
