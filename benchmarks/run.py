#!/usr/bin/env python3
"""Run the contenders of a contest against each other and print a Markdown table.

    benchmarks/run.py read --photos FOLDER --data KEPT --files originals
    benchmarks/run.py quality --photos FOLDER --data KEPT
    benchmarks/run.py pack --photos FOLDER --copies 10
    benchmarks/run.py plan --entries 1000000 --rounds 1
    benchmarks/run.py stream --photos FOLDER --data KEPT --rounds 3 --only

`benchmarks/setup` makes the environments first. A contender without its environment is left out, with a line
on stderr. All prepared files are read once before the first round, since some machines drop their page cache.
Every round starts each contender once, in turn and in a fresh process, so that a machine that slows down
slows them all. The table has the medians over the rounds, and ratios to the first contender.

A reader reads whole epochs until `--seconds` have passed. Its speed and its CPU time count from its first
batch on; "with start-up" counts from its construction, without imports. Memory is the peak of all its
processes together, sampled once a second; shared pages count once.

`stream` reads from a real S3 server, through a proxy that adds latency, limits the bandwidth, and breaks
requests: `stream/scenes.py` has the scenes. The reader, with one decoding thread, has one core; server and
proxy have another. Ratios are to the same contender on the local disk in the same round.
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
from photos import FILES, convert, lay_out, pack_photos
from stream import laboratory
from stream.scenes import SCENES, USUAL
from table import table


def run_once(contest: str, contender: Contender, data: Path, options: list[str]) -> dict[str, float] | None:
    """Run a contender in a fresh process. Return None, and print a line, if it fails."""
    command = [str(python(contender.environment)), str(HERE / "child.py"), "run", contest, contender.name]
    peak = 0
    with subprocess.Popen([*command, str(data), *options], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(1)  # a sample costs some milliseconds a process
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        line = f"left out from here on: {contender.name} ended with exit code {process.returncode}"
        print(line, file=sys.stderr)
        return None
    figures: dict[str, float] = json.loads(output)
    return {**figures, "peak_bytes": peak}


def prepare(arguments: argparse.Namespace, place: Path) -> Path:
    """Prepare the inputs of this contest, and return their folder."""
    if arguments.contest == "plan":
        return place / str(arguments.entries)  # the listing is synthetic: only the name is read
    copies = 1 if arguments.contest == "quality" else arguments.copies  # one crop of each photo is enough
    photos = lay_out(arguments.photos, place, copies)
    if arguments.contest == "pack":
        return photos
    data = pack_photos(photos, arguments.files)
    if arguments.contest == "quality":
        program = "import sys, quality; from pathlib import Path; quality.write_references(Path(sys.argv[1]))"
        subprocess.run([str(python("torch")), "-c", program, str(data)], check=True, cwd=HERE)
    return data


def read_once(data: Path) -> None:
    """Read every prepared file once, so that it is in the page cache."""
    for path in data.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 20):
                    pass


def present(contest: str, only: list[str] | None) -> list[Contender]:
    """Return the contenders whose environment exists, ours first, and print the missing ones."""
    found = []
    for number, contender in enumerate(CONTESTS[contest]):
        if number and only is not None and contender.name not in only:
            continue
        if is_there(contender.environment):
            found.append(contender)
        elif number:
            missing = f"left out: {contender.name}; run `benchmarks/setup {contender.environment}` first"
            print(missing, file=sys.stderr)
        else:
            sys.exit(f"our own environment is missing; run `benchmarks/setup {contender.environment}` first")
    return found


def compete(arguments: argparse.Namespace, place: Path) -> None:
    """Prepare the inputs, run the rounds, print the table."""
    contest: str = arguments.contest
    contenders = present(contest, arguments.only)
    if contest == "stream":
        laboratory.compete(arguments, place, contenders)
        return
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
    print(table(contest, {contender.title: results for contender, results in runs.items()}))
    rounds = f"{arguments.rounds} rounds of {arguments.seconds:g} s or more"
    shape = f"{rounds}, {arguments.workers} threads or workers"
    command = f"run.py {contest}" + f" --files {arguments.files}" * (contest in {"read", "quality"})
    print(f"\n`{command}`: medians of {shape}. {machine()}.\n")
    for name in dict.fromkeys(contender.environment for contender in runs):
        print(f"- {versions(name)}")


def main() -> None:
    """Parse the arguments, and choose a folder for the data."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("contest", choices=list(CONTESTS))
    parser.add_argument(
        "--photos", type=Path, help="folder of JPEGs named CLASS_*.jpg; every contest except plan needs it"
    )
    parser.add_argument("--files", choices=list(FILES), default="originals", help="treatment of the JPEGs")
    parser.add_argument("--copies", type=int, default=5, help="copies of each photo")
    parser.add_argument("--data", type=Path, help="folder that keeps the prepared files for the next run")
    parser.add_argument("--entries", type=int, default=1_000_000, help="length of the planned listing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="threads or worker processes")
    parser.add_argument(
        "--seconds", type=float, default=8, help="shortest time of a run; the epoch is then read to its end"
    )
    parser.add_argument("--only", nargs="*", help="run only these contenders, and the first")
    parser.add_argument("--scenes", nargs="+", choices=list(SCENES), default=list(USUAL), help="of stream")
    parser.add_argument(
        "--sets", nargs="+", choices=list(laboratory.SETS), default=["small", "large"], help="of stream"
    )
    parser.add_argument("--ranks", nargs="+", type=int, default=[1], help="numbers of ranks, of stream")
    arguments = parser.parse_args()
    if arguments.photos is None and arguments.contest != "plan":
        parser.error(f"{arguments.contest} needs --photos")
    if arguments.data is not None:
        compete(arguments, arguments.data.absolute())
        return
    with tempfile.TemporaryDirectory(prefix="wds-imagenet-bench-") as folder:
        compete(arguments, Path(folder))


if __name__ == "__main__":
    main()
