"""Errors of the operating system → errors of this package, with the path and the remedy."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wds_imagenet.errors import DeniedError, ExistsError, FullError, NotFoundError, StoreError
from wds_imagenet.shown import hide_secrets

if TYPE_CHECKING:
    from os import DirEntry

TOO_MANY_FILES: Final = (
    "too many files are open: raise the limit with 'ulimit -n 4096' (or LimitNOFILE of the service), or "
    "use fewer workers and threads"
)
"""The message for EMFILE and ENFILE."""


def lacks_files(error: BaseException | None) -> bool:
    """Return True if an exception or one of its causes says that no further file can be opened."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
            return True
        if re.search(r"Too many open files|os error 2[34]\b", str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def error_from_os(error: OSError, where: Path) -> StoreError:
    """Return the error to raise for an error of the operating system. Pure."""
    message = f"{where}: {(error.strerror or str(error)).lower()}"
    found: StoreError
    match error.errno:
        case errno.ENXIO | errno.ENODEV | errno.ELOOP:
            found = NotFoundError(f"{where}: is a socket, a device or a loop of links, not a file; remove it")
        case errno.ENOENT:
            found = NotFoundError(f"{where}: there is no such file")
        case errno.EISDIR:
            found = NotFoundError(
                f"{where}: is a folder where a file must be; move it, or choose another path"
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            found = DeniedError(f"{message}; check that you may read and write there")
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            found = FullError(f"{message}; make room and start again: finished work is kept")
        case errno.ENOTDIR:
            found = StoreError(f"{where}: a part of this path is a file, not a folder; choose another path")
        case errno.EEXIST:
            found = ExistsError(f"{where}: exists already")
        case errno.EMFILE | errno.ENFILE:
            found = StoreError(f"{where}: {TOO_MANY_FILES}")
        case _:
            found = StoreError(message)
    return found


def fault_of_entry(error: OSError, entry: "DirEntry[str]") -> str:
    """Return the reason why the size of a listed file cannot be read."""
    if error.errno in {errno.ENOENT, errno.ELOOP} and entry.is_symlink():
        target = Path(entry.path).readlink()
        return f"is a symbolic link to {target}, which does not exist; remove it"
    return str(error_from_os(error, Path(entry.path))).removeprefix(f"{entry.path}: ")


@contextmanager
def named_errors(where: Path) -> Iterator[None]:
    """Translate the operating system's errors in the block. Errors name the path `where`."""
    try:
        yield
    except OSError as error:
        is_clean = hide_secrets(str(error)) == str(error)  # else the traceback would show a misspelled URL
        raise error_from_os(error, where) from (error if is_clean else None)
