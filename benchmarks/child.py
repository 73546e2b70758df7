"""Do one thing with one contender, in this fresh process and in its environment, and print one JSON line.

    python child.py prepare read ffcv_loader:own DATA
    python child.py run read ffcv_loader:own DATA --workers 2 --seconds 8

A contender of `read` is a module with

    batches(data, workers, epochs)  yields images, uint8 [n, 224, 224, 3] or [n, 3, 224, 224], and n labels
    prepare(data)                   makes its own format of data/shards or data/folder, if it has one
    centers(data)                   yields uint8 [224, 224, 3] for each image of the shards, for `quality`

where `epochs` goes on as long as there is time. One that is no Python loader has `measure` for `batches`; it
returns what `read` below returns. What follows a colon in a contender's name is their last argument.
One of `pack` has `pack(data, out, workers)`, which packs data/folder into an empty folder and returns how
many images.
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
    """What is asked for."""

    module: ModuleType
    variant: tuple[str, ...]
    data: Path
    workers: int
    seconds: float

    def call(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - each function has its own
        """Call one of the contender's functions."""
        return getattr(self.module, function)(self.data, *arguments, *self.variant)

    def epochs(self) -> Iterator[int]:
        """Yield the epoch's number until the time is over, at least once."""
        began, epoch = time.perf_counter(), 0
        while not epoch or time.perf_counter() - began < self.seconds:
            yield epoch
            epoch += 1


def read(task: Task) -> Result:
    """Read whole epochs, see that each had every image, and time what follows the first batch."""
    if hasattr(task.module, "measure"):
        measured: Result = task.call("measure", task.workers, task.epochs())
        return measured
    from check import Check

    check = Check(task.data)
    cpu, began = cpu_seconds(os.getpid()), time.perf_counter()
    first_cpu, first_seconds, first_images = cpu, 0.0, 0
    for images, labels in task.call("batches", task.workers, task.epochs()):
        check.see(images, labels)
        if not first_images:
            first_seconds, first_images = time.perf_counter() - began, check.images
            first_cpu = cpu_seconds(os.getpid())
    seconds, last_cpu = time.perf_counter() - began, cpu_seconds(os.getpid())
    check.end()
    return {
        "images": check.images,
        "seconds": seconds,
        "first_seconds": first_seconds,
        "images_per_second": (check.images - first_images) / (seconds - first_seconds),
        "cpu_per_image": (last_cpu - first_cpu) / (check.images - first_images),
    }


def pack(task: Task) -> Result:
    """Pack the folder of photos again and again; to remove the shards is nobody's merit, and not timed."""
    images, seconds, cpu = 0, 0.0, 0.0
    for _ in task.epochs():
        with tempfile.TemporaryDirectory(dir=task.data) as out:
            used, began = cpu_seconds(os.getpid()), time.perf_counter()
            images += task.call("pack", Path(out), task.workers)
            seconds += time.perf_counter() - began
            cpu += cpu_seconds(os.getpid()) - used
    return speed(images, seconds, cpu)


def plan(task: Task) -> Result:
    """List a synthetic data set of as many images as `data` says, and plan its shards."""
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
    """Return what doing so many images took."""
    return {
        "images": images,
        "seconds": seconds,
        "images_per_second": images / seconds,
        "cpu_per_image": cpu / images,
    }


RUN: dict[str, Callable[[Task], Result]] = {"read": read, "pack": pack, "plan": plan, "quality": quality}


def main() -> None:
    """Parse, do it, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["prepare", "run"])
    parser.add_argument("contest", choices=list(CONTESTS))
    parser.add_argument("contender")
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0)
    arguments = parser.parse_args()
    answer = os.dup(1)
    os.dup2(2, 1)  # what a contender prints is no part of the answer
    sys.path.insert(0, str(HERE / folder(arguments.contest)))
    name, *variant = arguments.contender.split(":")
    task = Task(import_module(name), tuple(variant), arguments.data, arguments.workers, arguments.seconds)
    if arguments.action == "prepare":
        if hasattr(task.module, "prepare"):
            task.call("prepare")
        return
    imports = memory(os.getpid())
    took = json.dumps({**RUN[arguments.contest](task), "imports_bytes": imports})
    os.write(answer, took.encode())


if __name__ == "__main__":
    main()
