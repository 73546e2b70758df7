"""The rounds of `run.py stream`: each contender in each scene, in turn, on pinned cores."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

from contest import Contender
from environment import HERE, machine, python, versions
from photos import lay_out, pack_photos
from stream.proxy import build, running
from stream.ranks import Job, run_ranks
from stream.report import Case, Run, report
from stream.scenes import SCENES, Scene
from stream.source import BUCKET

SETS: Final = {"small": (3_000, "320KiB", 4), "large": (10_000, "2MiB", 2), "trial": (1, "320KiB", 1)}
"""At least so many photos, bytes of a block, and epochs of a run. `trial` only shows that all parts work."""
_NOTHING: Final[Mapping[str, int]] = dict.fromkeys(
    ("requests", "bytes_sent", "slow", "refused", "cut", "most_connections", "most_requests"), 0
)


def compete(arguments: argparse.Namespace, place: Path, contenders: list[Contender]) -> None:
    """Prepare the data, run the rounds, print the tables."""
    cores = sorted(os.sched_getaffinity(0))
    bucket = place / BUCKET
    bucket.mkdir(parents=True, exist_ok=True)
    folders = {name: prepare(arguments.photos, bucket, name, contenders) for name in arguments.sets}
    program = build(place)
    runs: dict[Case, list[Run]] = {}
    failed: set[Case] = set()
    with serving(place, cores[0]) as keys:
        cases = list(product(range(arguments.rounds), arguments.sets, arguments.ranks, arguments.scenes))
        for (number, name, ranks, scene), contender in product(cases, contenders):
            case = Case(name, ranks, scene, contender.title)
            if case in failed:
                continue
            with reached(SCENES[scene], program, place, keys, cores[0]) as (clients, counters):
                is_remote = SCENES[scene].store != "disk"
                job = Job(contender, folders[name], SETS[name][2], is_remote, ranks, cores[-1], clients)
                run = run_ranks(job)
                if run is None:
                    failed.add(case)
                    runs.pop(case, None)
                    continue
                runs.setdefault(case, []).append({**run, **counters()})
            speed = f"{run['images'] / run['seconds']:,.0f} images/s"
            print(f"round {number + 1}: {name} {ranks} {scene} {contender.name}: {speed}", file=sys.stderr)
    print(report(runs))
    print(f"\n`run.py stream`: medians of {arguments.rounds} rounds. {machine()}.\n")
    for environment in dict.fromkeys(contender.environment for contender in contenders):
        print(f"- {versions(environment)}")


def prepare(photos: Path, bucket: Path, name: str, contenders: list[Contender]) -> Path:
    """Pack at least as many photos as the set has, and let each contender convert them. Return the folder."""
    wanted, block, _ = SETS[name]
    there = sum(1 for path in photos.iterdir() if path.suffix.lower() in {".jpg", ".jpeg"})
    folder = pack_photos(lay_out(photos, bucket, -(-wanted // there)), "originals", block)
    for contender in contenders:
        command = [str(python(contender.environment)), "-m", "stream.reader", "prepare", contender.name]
        subprocess.run([*command, str(folder)], check=True, cwd=HERE, stdout=sys.stderr)
    return folder


@contextmanager
def serving(place: Path, core: int) -> Iterator[dict[str, str]]:
    """Run the S3 server with all prepared data; yield the environment of its clients."""
    command = [str(python("torch")), "-m", "stream.server", str(place), str(core)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    ) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        line = process.stdout.readline()
        if not line:
            sys.exit("the S3 server did not start")
        yield json.loads(line)


@contextmanager
def reached(
    scene: Scene, program: Path, place: Path, keys: dict[str, str], core: int
) -> Iterator[tuple[dict[str, str], Any]]:
    """Yield the environment of clients in this scene, and a function that returns the proxy's counters."""
    if scene.store in {"disk", "server"}:
        yield keys, lambda: _NOTHING
        return
    port = int(keys["AWS_ENDPOINT_URL"].rpartition(":")[2])
    upstream = place if scene.store == "files" else port
    with running(program, scene.network, upstream, core) as proxy:
        yield {**keys, "AWS_ENDPOINT_URL": proxy.endpoint}, proxy.counters
