"""Prepare or run one contender in this process, and print the result as one line of JSON.

    python child.py prepare read ffcv_loader:own DATA
    python child.py run read ffcv_loader:own DATA --workers 2 --seconds 8

`run.py` starts it with the interpreter of the contender's environment. A contender of `read` is a module with

    batches(data, workers, epochs)  yields images, uint8 [n, 224, 224, 3] or [n, 3, 224, 224], and n labels
    prepare(data)                   optional: converts data/shards or data/folder into its own format
    centers(data)                   for `quality`: yields uint8 [224, 224, 3] for each image of the shards

`epochs` yields epoch numbers until `--seconds` have passed. A contender that is not a Python loader defines
`measure` in place of `batches`, and returns the same figures as `read` below. The part of a contender's name
after a colon is passed as the last argument. A contender of `pack` defines `pack(data, out, workers)`, which
packs data/folder into an empty folder and returns the number of images.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from contest import CONTESTS, folder
from measure import cpu_seconds, memory

HERE = Path(__file__).parent
Result = dict[str, float]


@dataclass(frozen=True, slots=True)
class Task:
    """One contender with the arguments of its run."""

    module: ModuleType
    variant: tuple[str, ...]
    data: Path
    workers: int
    seconds: float

    def call(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - each function has its own
        """Call one of the contender's functions."""
        return getattr(self.module, function)(self.data, *arguments, *self.variant)

    def epochs(self) -> Iterator[int]:
        """Yield epoch numbers until the time is over, at least one."""
        began, epoch = time.perf_counter(), 0
        while not epoch or time.perf_counter() - began < self.seconds:
            yield epoch
            epoch += 1


def read(task: Task) -> Result:
    """Read whole epochs, check that each had every image, and time the batches after the first."""
    if hasattr(task.module, "measure"):
        measured: Result = task.call("measure", task.workers, task.epochs())
        return measured
    from check import Check

    check = Check(task.data)
    cpu, began = cpu_seconds(os.getpid()), time.perf_counter()
    first_cpu, first_seconds, first_images = cpu, 0.0, 0
    for images, labels in task.call("batches", task.workers, task.epochs()):
        check.add(images, labels)
        if not first_images:
            first_seconds, first_images = time.perf_counter() - began, check.images
            first_cpu = cpu_seconds(os.getpid())
    seconds, last_cpu = time.perf_counter() - began, cpu_seconds(os.getpid())
    check.finish()
    return {
        "images": check.images,
        "seconds": seconds,
        "first_seconds": first_seconds,
        "images_per_second": (check.images - first_images) / (seconds - first_seconds),
        "cpu_per_image": (last_cpu - first_cpu) / (check.images - first_images),
    }


def pack(task: Task) -> Result:
    """Pack the folder of photos until the time is over. Removing the shards is not timed."""
    images, seconds, cpu = 0, 0.0, 0.0
    for _ in task.epochs():
        with tempfile.TemporaryDirectory(dir=task.data) as out:
            used, began = cpu_seconds(os.getpid()), time.perf_counter()
            images += task.call("pack", Path(out), task.workers)
            seconds += time.perf_counter() - began
            cpu += cpu_seconds(os.getpid()) - used
    return speed(images, seconds, cpu)


def plan(task: Task) -> Result:
    """List a synthetic data set, whose number of images is the name of `data`, and plan its shards."""
    from wds_imagenet.packing.options import PackOptions
    from wds_imagenet.packing.plan.listing_plan import plan as plan_shards

    cpu, began = cpu_seconds(os.getpid()), time.perf_counter()
    listing = task.module.listing(int(task.data.name))
    listed = time.perf_counter() - began
    planned = plan_shards(listing, PackOptions("synthetic"))
    seconds, cpu = time.perf_counter() - began, cpu_seconds(os.getpid()) - cpu
    return {**speed(len(planned.order), seconds, cpu), "listing_seconds": listed}


def quality(task: Task) -> Result:
    """Compare central crops with Pillow's and torchvision's."""
    from quality import compare

    return compare(task.data, task.call("centers"))


def speed(images: int, seconds: float, cpu: float) -> Result:
    """Return the figures of a run over so many images."""
    return {
        "images": images,
        "seconds": seconds,
        "images_per_second": images / seconds,
        "cpu_per_image": cpu / images,
    }


RUN: dict[str, Callable[[Task], Result]] = {"read": read, "pack": pack, "plan": plan, "quality": quality}


def main() -> None:
    """Parse the arguments, run the action, print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["prepare", "run"])
    parser.add_argument("contest", choices=list(CONTESTS))
    parser.add_argument("contender")
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0)
    arguments = parser.parse_args()
    stdout = os.dup(1)
    os.dup2(2, 1)  # prints of the contender go to stderr: stdout carries the JSON alone
    sys.path.insert(0, str(HERE / folder(arguments.contest)))
    name, *variant = arguments.contender.split(":")
    task = Task(import_module(name), tuple(variant), arguments.data, arguments.workers, arguments.seconds)
    if arguments.action == "prepare":
        if hasattr(task.module, "prepare"):
            task.call("prepare")
        return
    imports = memory(os.getpid())
    figures = json.dumps({**RUN[arguments.contest](task), "imports_bytes": imports})
    os.write(stdout, figures.encode())


if __name__ == "__main__":
    main()
