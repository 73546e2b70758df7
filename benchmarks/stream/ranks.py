"""One run: the ranks of a contender in fresh processes on one core, and their figures together."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contest import Contender
from environment import HERE, python
from measure import memory
from stream.report import Run

_LIMIT: Final = 300.0
"""Longest time of a run, in seconds; a slower one counts as failed."""


@dataclass(frozen=True, slots=True)
class Job:
    """A contender, and what it reads."""

    contender: Contender
    folder: Path
    epochs: int
    is_remote: bool
    ranks: int
    core: int
    clients: dict[str, str]
    """The environment that leads clients to the store."""

    def command(self, rank: int) -> list[str]:
        """Return the command of one rank."""
        name, folder = self.contender.name, str(self.folder)
        command = [str(python(self.contender.environment)), "-m", "stream.reader", "read", name, folder]
        command += ["--remote"] * self.is_remote
        numbers = {"rank": rank, "ranks": self.ranks, "epochs": self.epochs, "core": self.core}
        return [*command, *(word for key, value in numbers.items() for word in (f"--{key}", str(value)))]

    def environment(self, rank: int) -> dict[str, str]:
        """Return the environment of one rank; several ranks get the variables that torchrun sets."""
        environment = {**os.environ, **self.clients}
        environment["S3_ENDPOINT_URL"] = self.clients["AWS_ENDPOINT_URL"]  # MosaicML's name for it
        if self.ranks > 1:
            environment |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "NODE_RANK": "0"}
            environment |= {"WORLD_SIZE": str(self.ranks), "LOCAL_WORLD_SIZE": str(self.ranks)}
            environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29431"}
        return environment


def run_ranks(job: Job) -> Run | None:
    """Run all ranks. Return None, and print a line, if one fails."""
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(job.ranks)]
        processes = [
            subprocess.Popen(job.command(rank), stdout=output, cwd=HERE, env=job.environment(rank))
            for rank, output in enumerate(outputs)
        ]
        peak, deadline = 0, time.monotonic() + _LIMIT
        while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
            peak = max(peak, sum(memory(process.pid) for process in processes))
            time.sleep(0.5)  # a sample costs some milliseconds a process
        for process in processes:
            process.kill()
        codes = [process.wait() for process in processes]
        if any(codes):
            print(f"left out: {job.contender.name}, {job.ranks} ranks: exit codes {codes}", file=sys.stderr)
            return None
        results = []
        for output in outputs:
            output.seek(0)
            results.append(json.load(output))
    return {**merged(results), **checked(results, job), "peak_bytes": peak}


def merged(results: list[dict[str, Any]]) -> Run:
    """Return the figures of all ranks together."""
    added = ("images", "images_per_second", "cpu_seconds")
    figures = {key: float(sum(result[key] for result in results)) for key in added}
    figures |= {key: max(result[key] for result in results) for key in ("seconds", "first_seconds")}
    return figures | {"cpu_per_image": sum(result["cpu_per_image"] for result in results) / len(results)}


def checked(results: list[dict[str, Any]], job: Job) -> Run:
    """Compare the keys of all ranks with the files: how many came too seldom, and how many too often."""
    seen: Counter[str] = Counter()
    for result in results:
        seen.update({Path(key).name: count for key, count in result["seen"].items()})
    expected = {path.stem: job.epochs for path in (job.folder / "folder").glob("*/*.jpg")}
    missing = sum(max(count - seen[key], 0) for key, count in expected.items())
    repeated = seen.total() + missing - sum(expected.values())
    size = sum(path.stat().st_size for path in (job.folder / "shards").glob("*.tar"))
    return {"missing": missing, "repeated": repeated, "needed": size * job.epochs}
