"""Time the contenders of a contest against each other and print a Markdown table.

    benchmarks/.venv/bin/python benchmarks/run.py read --photos FOLDER

Every round starts each contender once in a fresh process, in turn, so that a machine that slows down slows
them all; the table has medians over the rounds and ratios to the first contender. Memory and CPU time are
those of all its processes together; of processes other than the first they are sampled ten times a second.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
CONTENDERS = {
    "read": ["ours", "webdataset_pillow", "webdataset_torchvision", "imagefolder"],
    "pack": ["ours", "shardwriter", "shardwriter_synced"],
}


@dataclass(frozen=True)
class Run:
    """One contender, once."""

    images_per_second: float
    cpu_per_image: float
    peak_bytes: int
    first_batch_seconds: float
    above_torch_bytes: float


def prepare(photos: Path, data: Path, copies: int) -> None:
    """Lay the photos out as class folders and as our shards."""
    files = sorted(path for path in photos.iterdir() if path.suffix.lower() in {".jpg", ".jpeg"})
    for copy in range(copies):
        for path in files:
            folder = data / "folder" / path.name.partition("_")[0]
            folder.mkdir(parents=True, exist_ok=True)
            os.link(path, folder / f"{path.stem}_{copy}.JPEG") if same_disk(path, data) else shutil.copyfile(
                path, folder / f"{path.stem}_{copy}.JPEG"
            )
    command = [sys.executable, "-m", "wds_imagenet", "pack", "imagefolder", str(data / "folder")]
    subprocess.run([*command, str(data / "shards"), "--shard-bytes", "64MiB"], check=True)


def same_disk(path: Path, data: Path) -> bool:
    """Return whether a hard link can stand for a copy."""
    return path.stat().st_dev == data.stat().st_dev and os.access(path, os.W_OK)


def sample_tree(root: int, cpu: dict[int, float]) -> int:
    """Return the resident memory of a process and all its descendants, in bytes.

    Notes in `cpu` the CPU seconds of each descendant so far.
    """
    total, page, tick = 0, os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    waiting = [root]
    while waiting:
        process = waiting.pop()
        try:
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * page
            times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
            for task in Path(f"/proc/{process}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if process != root:
            cpu[process] = sum(map(int, times)) / tick
    return total


def run_once(contest: str, contender: str, data: Path, workers: int, epochs: int) -> Run:
    """Start a fresh process for one contender."""
    command = [sys.executable, str(HERE / "child.py"), contest, contender, str(data)]
    command += ["--workers", str(workers), "--epochs", str(epochs)]
    peak, descendants = 0, dict[int, float]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, sample_tree(process.pid, descendants))
            time.sleep(0.1)
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        sys.exit(f"{contender} ended with {process.returncode}")
    took = json.loads(output.splitlines()[-1])
    return Run(
        took["images"] / took["seconds"],
        (took["cpu_seconds"] + sum(descendants.values())) / took["images"],
        peak,
        took.get("first_batch_seconds", 0.0),
        took.get("above_torch_bytes", 0.0),
    )


def table(contest: str, runs: dict[str, list[Run]]) -> str:
    """Return the Markdown table of medians."""
    head = "| contender | images/s | min to max | ours is | CPU ms/image | peak MB, all processes |"
    head += " first batch s | MB above torch |" if contest == "read" else ""
    lines = [head, "| --- " * head.count(" |") + "|"]
    ours = statistics.median(run.images_per_second for run in runs["ours"])
    for contender, many in runs.items():
        speeds = [run.images_per_second for run in many]
        speed = statistics.median(speeds)
        cells = [
            contender,
            f"{speed:,.0f}",
            f"{min(speeds):,.0f} to {max(speeds):,.0f}",
            f"{ours / speed:.2f} ×",
            f"{statistics.median(run.cpu_per_image for run in many) * 1e3:.2f}",
            f"{statistics.median(run.peak_bytes for run in many) / 1e6:,.0f}",
        ]
        if contest == "read":
            cells += [
                f"{statistics.median(run.first_batch_seconds for run in many):.2f}",
                f"{statistics.median(run.above_torch_bytes for run in many) / 1e6:,.0f}",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine() -> str:
    """Return what the figures were taken on and with."""
    cpu = next(
        (
            line.partition(": ")[2]
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    packages = ("wds-imagenet", "torch", "torchvision", "webdataset", "simplejpeg", "pillow", "numpy")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    cores = len(os.sched_getaffinity(0))
    return f"{cores} × {cpu}, Python {platform.python_version()}, {versions}"


def main() -> None:
    """Parse, prepare, run the rounds, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("contest", choices=list(CONTENDERS))
    parser.add_argument("--photos", type=Path, required=True, help="a folder of JPEGs named CLASS_*.jpg")
    parser.add_argument("--copies", type=int, default=1, help="how often each photo is taken")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="these contenders beside ours")
    arguments = parser.parse_args()
    names = [
        n
        for n in CONTENDERS[arguments.contest]
        if n == "ours" or arguments.only is None or n in arguments.only
    ]
    with tempfile.TemporaryDirectory(prefix="wds-imagenet-bench-") as folder:
        data = Path(folder)
        prepare(arguments.photos, data, arguments.copies)
        runs: dict[str, list[Run]] = {name: [] for name in names}
        for number in range(arguments.rounds):
            for name in names:
                run = run_once(arguments.contest, name, data, arguments.workers, arguments.epochs)
                runs[name].append(run)
                print(f"round {number + 1}: {name} {run.images_per_second:,.0f} images/s", file=sys.stderr)
    print(table(arguments.contest, runs))
    print()
    shape = (
        f"{arguments.rounds} rounds, {arguments.epochs} epochs each, {arguments.workers} threads or workers"
    )
    print(f"`run.py {arguments.contest}`: medians of {shape}. {machine()}.")


if __name__ == "__main__":
    main()
