"""Files that are written under another name, locked, and renamed when they are whole."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SUFFIX: Final = ".wds-imagenet-tmp"
"""The end of the name of every temporary file."""
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Yield the descriptor of an open file."""
    file = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def temporary_file(final: Path) -> Iterator[tuple[int, Path]]:
    """Yield a new, locked file beside the final one; remove it on every way out."""
    make_folder(final.parent)
    temporary = final.parent / f".{secrets.token_hex(8)}{SUFFIX}"
    try:
        while True:
            with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.fstat(file).st_nlink:  # else another process swept it before it was locked
                    yield file, temporary
                    return
    finally:
        temporary.unlink(missing_ok=True)


def publish(file: int, temporary: Path, final: Path, *, create: bool) -> None:
    """Give a temporary file its final name, on the disk when this returns. With `create`, replace no file."""
    os.fsync(file)
    if create:
        try:
            os.link(temporary, final)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if final.exists():
                raise FileExistsError(errno.EEXIST, "exists") from error
            temporary.replace(final)
    else:
        temporary.replace(final)
    _sync_folder(final.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and fsync each parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    with opened(folder, os.O_RDONLY | os.O_DIRECTORY) as file:
        try:
            os.fsync(file)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems cannot
                raise


def remove_if_dead(path: Path) -> None:
    """Remove a temporary file, unless a living process holds its lock."""
    with suppress(FileNotFoundError), opened(path, os.O_RDONLY) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        path.unlink()
