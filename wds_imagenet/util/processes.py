"""Processes: their CPUs, how they start and how SIGTERM ends them."""

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from types import FrameType, ModuleType
from typing import Final, NoReturn

from wds_imagenet.errors import UsageError

_SOCKET_PATH: Final = 103  # bytes on macOS; Linux allows 107
_START_FILES: Final = 12
"""Files that the start of a process opens at once, in this process: its pipes and sockets."""


def usable_cpus() -> int:
    """Return the number of CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def hide_main_module() -> Iterator[None]:
    """Within the `with`, start child processes that do not import the user's script.

    `multiprocessing` would import it to find `__main__`, and so run a script without a main guard again.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def check_socket_path() -> None:
    """Check that `multiprocessing` can put the socket of its fork server into the temporary folder.

    Raises:
        UsageError: the folder's path is too long.
    """
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) > _SOCKET_PATH - len("/pymp-12345678/listener-12345678"):
        raise UsageError(
            f"the path of the temporary folder {folder} is too long for a socket: set TMPDIR to a shorter one"
        )


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Within the `with`, start child processes that Ctrl-C does not interrupt, not even as they import.

    The calling thread gets a Ctrl-C of that time at the end of the `with`. Costs two system calls.
    """
    resource_tracker.ensure_running()  # its own start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    """Raise `SystemExit` from a signal's handler, so that every `finally` runs."""
    # A second SIGTERM, as from a parent that got one too, would interrupt the clean-up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


@contextmanager
def sigterm_cleans_up() -> Iterator[None]:
    """Within the `with`, let SIGTERM end the process by way of every `finally`.

    A handler that the program has set stays in place. In a thread other than the main one it does nothing.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, exit_on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def check_descriptors() -> None:
    """Raise `OSError` if this process may not open the files that the start of another process needs."""
    with ExitStack() as files:
        for _ in range(_START_FILES):
            files.callback(os.close, os.open(os.devnull, os.O_RDONLY))
