"""What a process and all its descendants use, as Linux counts it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


def tree(root: int) -> Iterator[int]:
    """Yield the ids of a process and of its living descendants."""
    waiting = [root]
    while waiting:
        process = waiting.pop()
        yield process
        try:
            for thread in (PROC / str(process) / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended


def memory(root: int) -> int:
    """Return the bytes that a process and its descendants hold, those that they share counted once.

    Pages of mapped files count, as long as they are mapped.
    """
    return 1024 * sum(_proportional_kilobytes(process) for process in tree(root))


def _proportional_kilobytes(process: int) -> int:
    try:
        lines = (PROC / str(process) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def cpu_seconds(root: int) -> float:
    """Return the CPU time of a process, its descendants, and those of them that it has waited for."""
    return sum(map(_ticks, tree(root))) / os.sysconf("SC_CLK_TCK")


def _ticks(process: int) -> int:
    try:
        fields = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, fields[11:15]))  # user and system, its own and those of the dead it waited for
