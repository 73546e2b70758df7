"""Prepare the files of one contender, or read with it in this process, and print the figures as JSON.

    python -m stream.reader prepare litdata_s3 FOLDER
    python -m stream.reader read ours:decode FOLDER --remote --rank 0 --ranks 1 --epochs 4 --core 1

A contender is a module with

    batches(source, epochs)  yields images, uint8 [n, 224, 224, 3] or [n, 3, 224, 224] or None, and n keys
    prepare(folder)          optional: converts the shards into its own format

The part of a contender's name after a colon is passed as the last argument.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

from check import SHAPES
from measure import cpu_seconds
from stream.source import Source


def read(source: Source, module: Any, variant: list[str], epochs: int) -> dict[str, object]:  # noqa: ANN401
    """Read the epochs; time all of them, and the batches after the first."""
    seen: Counter[str] = Counter()
    cpu, began = cpu_seconds(os.getpid()), time.perf_counter()
    images = first_images = 0
    first_seconds, first_cpu = 0.0, cpu
    for pixels, keys in module.batches(source, epochs, *variant):
        if pixels is not None and (tuple(pixels.shape[1:]) not in SHAPES or len(pixels) != len(keys)):
            raise SystemExit(f"a batch has the shape {tuple(pixels.shape)} and {len(keys)} keys")
        seen.update(keys)
        images += len(keys)
        if not first_images:
            first_seconds, first_images = time.perf_counter() - began, images
            first_cpu = cpu_seconds(os.getpid())
    seconds, last_cpu = time.perf_counter() - began, cpu_seconds(os.getpid())
    return {
        "images": images,
        "seconds": seconds,
        "first_seconds": first_seconds,
        "images_per_second": (images - first_images) / max(seconds - first_seconds, 1e-9),
        "cpu_per_image": (last_cpu - first_cpu) / max(images - first_images, 1),
        "cpu_seconds": last_cpu - cpu,
        "seen": seen,
    }


def main() -> None:
    """Parse the arguments, run the action, print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["prepare", "read"])
    parser.add_argument("contender")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--remote", action="store_true")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--core", type=int)
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})  # before libraries count the cores
    stdout = os.dup(1)
    os.dup2(2, 1)  # prints of the contender go to stderr: stdout carries the JSON alone
    name, *variant = arguments.contender.split(":")
    module = import_module(f"stream.{name}")
    if arguments.action == "prepare":
        if hasattr(module, "prepare"):
            module.prepare(arguments.folder)
        return
    with tempfile.TemporaryDirectory(prefix="wds-imagenet-stream-", ignore_cleanup_errors=True) as scratch:
        source = Source(arguments.folder, arguments.remote, arguments.rank, arguments.ranks, Path(scratch))
        figures = json.dumps(read(source, module, variant, arguments.epochs))
    with os.fdopen(stdout, "w") as out:
        out.write(figures)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
