"""Temporary folders that do not outlive their process for long, even if it is killed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = "wds-imagenet-shard-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder, and remove it at the end.

    The process holds a lock on the folder. If the process is killed, the next `sweep_temporary_folders` on
    the machine removes the folder. Raises `OSError` if the file system fails.
    """
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
        os.close(lock)


def sweep_temporary_folders() -> None:
    """Remove the folders of this user's killed processes, and no folder of a living one.

    Costs a listing of the machine's temporary folder. A folder that cannot be removed stays.
    """
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                _remove_if_dead(Path(entry.path))


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # a sweep removed it before it was locked
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():  # names are random: no other process makes a folder of this name
                return folder, lock
            os.close(lock)


def _remove_if_dead(folder: Path) -> None:
    with suppress(OSError):  # another process removes it at this moment, or it is another user's
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(lock).st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        finally:
            os.close(lock)
