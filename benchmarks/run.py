#!/usr/bin/env python3
"""Run the contenders of a contest against each other and print a Markdown table.

    benchmarks/run.py read --photos FOLDER --data KEPT --files originals
    benchmarks/run.py quality --photos FOLDER --data KEPT
    benchmarks/run.py pack --photos FOLDER --copies 10
    benchmarks/run.py plan --entries 1000000 --rounds 1

`benchmarks/setup` makes their environments first; a contender whose environment is missing is left out, and
said. Before the first round all that was prepared is read once, since some machines drop their page cache.
Every round starts each contender once in a fresh process, in turn, so that a machine that slows down
slows them all; the table has medians over the rounds and ratios to the first contender. A reader goes on for
whole epochs until `--seconds` have passed. Its speed and its CPU time are taken from its first batch on;
"with start-up" counts from its construction, imports excepted. Memory is the highest of all its processes
together, pages that they share counted once, sampled once a second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from contest import CONTESTS, Contender
from environment import HERE, is_there, machine, python, versions
from measure import memory
from photos import FILES, convert, lay_out, packed
from table import table


def run_once(contest: str, contender: Contender, data: Path, options: list[str]) -> dict[str, float] | None:
    """Start a contender in a fresh process; None if it fails, which has then been said."""
    command = [str(python(contender.environment)), str(HERE / "child.py"), "run", contest, contender.name]
    peak = 0
    with subprocess.Popen([*command, str(data), *options], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(1)  # looking takes some milliseconds a process
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        said = f"left out from here on: {contender.name}, which ended with {process.returncode}"
        print(said, file=sys.stderr)
        return None
    took: dict[str, float] = json.loads(output)
    return {**took, "peak_bytes": peak}


def prepare(arguments: argparse.Namespace, place: Path) -> Path:
    """Return what the contenders of this contest are given."""
    if arguments.contest == "plan":
        return place / str(arguments.entries)  # synthetic: nothing lies there
    copies = 1 if arguments.contest == "quality" else arguments.copies  # one crop of each is enough
    photos = lay_out(arguments.photos, place, copies)
    if arguments.contest == "pack":
        return photos
    data = packed(photos, arguments.files)
    if arguments.contest == "quality":
        program = "import sys, quality; from pathlib import Path; quality.write_references(Path(sys.argv[1]))"
        subprocess.run([str(python("torch")), "-c", program, str(data)], check=True, cwd=HERE)
    return data


def read_once(data: Path) -> None:
    """Bring into the page cache whatever a contender may read: the shards, and each peer's own format."""
    for path in data.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 20):
                    pass


def present(contest: str, only: list[str] | None) -> list[Contender]:
    """Return those who can take part, ours always among them, and say who cannot."""
    found = []
    for number, contender in enumerate(CONTESTS[contest]):
        if number and only is not None and contender.name not in only:
            continue
        if is_there(contender.environment):
            found.append(contender)
        elif number:
            missing = f"left out: {contender.name}, which needs `benchmarks/setup {contender.environment}`"
            print(missing, file=sys.stderr)
        else:
            sys.exit(f"nothing goes without `benchmarks/setup {contender.environment}`")
    return found


def compete(arguments: argparse.Namespace, place: Path) -> None:
    """Prepare, run the rounds, print."""
    contest: str = arguments.contest
    contenders = present(contest, arguments.only)
    data = prepare(arguments, place)
    contenders = [contender for contender in contenders if convert(contest, contender, data)]
    read_once(data)
    runs: dict[Contender, list[dict[str, float]]] = {contender: [] for contender in contenders}
    options = ["--workers", str(arguments.workers), "--seconds", str(arguments.seconds)]
    for number in range(arguments.rounds):
        for contender in tuple(runs):
            run = run_once(contest, contender, data, options)
            if run is None:
                del runs[contender]
                continue
            runs[contender].append(run)
            figure = {"quality": "psnr"}.get(contest, "images_per_second")
            print(f"round {number + 1}: {contender.name} {run[figure]:,.1f}", file=sys.stderr)
    print(table(contest, {contender.title: many for contender, many in runs.items()}))
    rounds = f"{arguments.rounds} rounds of {arguments.seconds:g} s or more"
    shape = f"{rounds}, {arguments.workers} threads or workers"
    command = f"run.py {contest}" + f" --files {arguments.files}" * (contest in {"read", "quality"})
    print(f"\n`{command}`: medians of {shape}. {machine()}.\n")
    for name in dict.fromkeys(contender.environment for contender in runs):
        print(f"- {versions(name)}")


def main() -> None:
    """Parse, and find a place for the data."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("contest", choices=list(CONTESTS))
    parser.add_argument(
        "--photos", type=Path, help="a folder of JPEGs named CLASS_*.jpg; all but plan need it"
    )
    parser.add_argument("--files", choices=list(FILES), default="originals", help="what is read")
    parser.add_argument("--copies", type=int, default=5, help="how often each photo is taken")
    parser.add_argument("--data", type=Path, help="where all that is prepared is kept for the next time")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the listing that is planned")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="threads or worker processes")
    parser.add_argument(
        "--seconds", type=float, default=8, help="a reader goes on for as long, then to its epoch's end"
    )
    parser.add_argument("--only", nargs="*", help="these contenders beside the first")
    arguments = parser.parse_args()
    if arguments.photos is None and arguments.contest != "plan":
        parser.error("--photos is needed")
    if arguments.data is not None:
        compete(arguments, arguments.data.absolute())
        return
    with tempfile.TemporaryDirectory(prefix="wds-imagenet-bench-") as folder:
        compete(arguments, Path(folder))


if __name__ == "__main__":
    main()
