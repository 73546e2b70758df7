"""Run one contender once, in this fresh process, and print one JSON line of what it took.

python child.py read webdataset_pillow DATA --workers 2 --epochs 2
"""

import argparse
import json
import resource
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def memory_now() -> int:
    """Return this process's resident memory, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def cpu_seconds() -> float:
    """Return the CPU time of this process; its children's is sampled from outside."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def time_read(contender: ModuleType, data: Path, workers: int, epochs: int) -> dict[str, float]:
    """Read epochs of batches of 256 and count the images."""
    before = memory_now()  # torch is imported by now
    cpu, began = cpu_seconds(), time.perf_counter()
    images, first = 0, None
    for batch in contender.batches(data, workers, epochs):
        first = first or time.perf_counter() - began
        images += len(batch)
    seconds = time.perf_counter() - began
    return {
        "images": images,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds() - cpu,
        "first_batch_seconds": first or 0.0,
        "above_torch_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before,
    }


def time_pack(contender: ModuleType, data: Path, workers: int, epochs: int) -> dict[str, float]:
    """Pack the folder of photos as often as there are epochs."""
    cpu, began = cpu_seconds(), time.perf_counter()
    images = sum(contender.pack(data, workers) for _ in range(epochs))
    return {
        "images": images,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": cpu_seconds() - cpu,
    }


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contest", choices=["read", "pack"])
    parser.add_argument("contender")
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE / arguments.contest))
    contender = import_module(arguments.contender)
    run = {"read": time_read, "pack": time_pack}[arguments.contest]
    print(json.dumps(run(contender, arguments.data, arguments.workers, arguments.epochs)))


if __name__ == "__main__":
    main()
