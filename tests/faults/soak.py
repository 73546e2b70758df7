"""Run every case of every campaign, in two processes, and write the table. See `bin/soak --help`."""

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

from faults.campaigns import CAMPAIGNS, results
from faults.lab import laboratory
from faults.outcome import Result, rows_of, to_json, to_markdown

FUZZ: Final = "fuzz"
_SHOWN: Final = 30
"""Failures of a campaign that are printed; the JSON has all."""
_FRESH: Final = 150
"""Cells after which a process starts a new laboratory, since deleted objects still take space on its disk."""


def main() -> int:
    options = _parser().parse_args()
    if options.case:
        return _run_one(options.case, options.slack)
    if options.worker:
        _work(options)
        return 0
    names = [options.campaign] if options.campaign else [*CAMPAIGNS, FUZZ]
    began, found = time.monotonic(), []
    for index, name in enumerate(names):
        left = None
        if options.hours is not None:
            spent = time.monotonic() - began
            left = max(10.0, (3600 * options.hours - spent) / (len(names) - index))
        print(f"{name} …", file=sys.stderr, flush=True)
        shown = 0
        for result in _campaign(name, left, options):
            found.append(result)
            shown += result.is_bad
            if result.is_bad and shown <= _SHOWN:
                print(result, file=sys.stderr, flush=True)
    rows, bad = rows_of(found), [result for result in found if result.is_bad]
    Path(f"{options.out}.md").write_text(to_markdown(rows))
    Path(f"{options.out}.json").write_text(to_json(rows, bad))
    print(to_markdown(rows), end="")
    return int(bool(bad))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/soak", description=__doc__)
    add = parser.add_argument
    add("--hours", type=float, help="longest time, shared among the campaigns; without it, all cases run")
    add("--campaign", choices=[*CAMPAIGNS, FUZZ], help="run one campaign only")
    add("--seed", type=int, default=0, help="decides the order of the cases, and the fuzzed bytes")
    add("--case", help="run one case again: 'CAMPAIGN: CASE', as a failure names it")
    add("--processes", type=int, default=2, help="processes, each with a server of its own")
    add("--slack", type=float, default=2.0, help="factor of every bound on time, for busy machines")
    add("--fuzz-seconds", type=float, default=120, help="seconds for each target of the fuzzer")
    add("--out", default="soak", help="write the table to OUT.md and OUT.json")
    add("--worker", help=argparse.SUPPRESS)
    add("--seconds", type=float, help=argparse.SUPPRESS)
    return parser


def _campaign(name: str, seconds: float | None, options: argparse.Namespace) -> Iterator[Result]:
    """Yield the results of a campaign's processes, as they come."""
    lock, found = threading.Condition(), []
    with ExitStack() as stack:
        processes = []
        for index in range(options.processes):
            arguments = [
                *(
                    "--worker",
                    f"{index}/{options.processes}",
                    "--campaign",
                    name,
                    "--seed",
                    str(options.seed),
                ),
                *("--slack", str(options.slack), "--fuzz-seconds", str(options.fuzz_seconds)),
                *(("--seconds", str(seconds)) if seconds is not None else ()),
            ]
            program = [sys.executable, "-m", "faults.soak", *arguments]
            processes.append(
                stack.enter_context(subprocess.Popen(program, stdout=subprocess.PIPE, text=True))
            )

        def listen(process: "subprocess.Popen[str]") -> None:
            assert process.stdout
            for line in process.stdout:
                with lock:
                    found.append(Result(**json.loads(line)))
                    lock.notify()
            code = process.wait()
            with lock:
                if code:
                    found.append(Result(name, "the laboratory itself", "crashed", f"exit code {code}"))
                found.append(None)
                lock.notify()

        threads = [threading.Thread(target=listen, args=(process,)) for process in processes]
        for thread in threads:
            stack.callback(thread.join)
            thread.start()
        running = len(processes)
        while running:
            with lock:
                while not found:
                    lock.wait()
                taken, found[:] = [*found], []
            for result in taken:
                if result is None:
                    running -= 1
                else:
                    yield result


def _work(options: argparse.Namespace) -> None:
    """Run this process's share of a campaign, and write each result as a line of JSON."""
    index, count = map(int, options.worker.split("/"))
    end = None if options.seconds is None else time.monotonic() + options.seconds
    if options.campaign == FUZZ:
        from fuzz.loop import fuzz_all

        for result in fuzz_all(index, count, options.seed, options.fuzz_seconds, end):
            _say(result)
        return
    campaign = CAMPAIGNS[options.campaign]
    done, more = 0, True
    while more:
        more = False
        with laboratory(options.slack) as lab:
            cells = list(campaign.cases(lab))
            random.Random(options.seed).shuffle(cells)
            mine = cells[index::count]
            for cell in mine[done : done + _FRESH]:
                if end is not None and time.monotonic() > end:
                    return
                for result in results(campaign, lab, cell):
                    _say(result)
            done += _FRESH
            more = done < len(mine)


def _say(result: Result) -> None:
    sys.stdout.write(f"{json.dumps(asdict(result))}\n")
    sys.stdout.flush()


def _run_one(text: str, slack: float) -> int:
    name, _, wanted = text.partition(": ")
    if name == FUZZ:
        from fuzz.loop import fuzz_one

        print(fuzz_one(wanted))
        return 0
    with laboratory(slack) as lab:
        campaign = CAMPAIGNS[name]
        found: list[Result] = []
        for cell in _cells_of(campaign.cases(lab), wanted):
            found += [one for one in results(campaign, lab, cell) if one.case == wanted]
    for result in found:
        print(result)
    if not found:
        print(f"there is no case {wanted!r}", file=sys.stderr)
    return int(not found or any(result.is_bad for result in found))


def _cells_of(cells: Sequence[object], wanted: str) -> Iterator[object]:
    """Yield the cell of a case; the case of a bit belongs to the cell of its range."""
    from faults.flips import Flips

    for cell in cells:
        if isinstance(cell, Flips):
            action, file, bit = wanted.split(", ")
            number = int(bit.removeprefix("bit "))
            if (cell.action, cell.file) == (action, file) and number in cell.bits:
                yield Flips(action, file, range(number, number + 1))
        elif str(cell) == wanted:
            yield cell


if __name__ == "__main__":
    sys.exit(main())
