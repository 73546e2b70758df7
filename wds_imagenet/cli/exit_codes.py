"""The exit codes of every verb, and the code of each error."""

from enum import IntEnum
from typing import Final

from wds_imagenet.errors import DataError, UsageError, WdsImagenetError


class ExitCode(IntEnum):
    """An exit code of `wds-imagenet`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    BAD_DATA = 3
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS: Final = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "wrong usage",
    ExitCode.BAD_DATA: "bad data",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}
"""In few words, for `--help`. `docs/cli.md` says more."""


def exit_code(error: WdsImagenetError) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    return ExitCode.BAD_DATA if isinstance(error, DataError) else ExitCode.FAILED
