"""Memory and CPU time of a process and its descendants, from Linux's /proc."""

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
            continue  # the process has just ended


def memory(root: int) -> int:
    """Return the resident bytes of a process and its descendants. Shared pages count once.

    Pages of mapped files count while they are mapped.
    """
    return 1024 * sum(_proportional_kilobytes(process) for process in tree(root))


def _proportional_kilobytes(process: int) -> int:
    try:
        lines = (PROC / str(process) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def cpu_seconds(root: int) -> float:
    """Return the CPU seconds of a process and its descendants, those that it has waited for included."""
    return sum(map(_ticks, tree(root))) / os.sysconf("SC_CLK_TCK")


def _ticks(process: int) -> int:
    try:
        fields = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime: see proc_pid_stat(5)
