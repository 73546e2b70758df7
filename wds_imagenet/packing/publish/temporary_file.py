"""The temporary file in which a shard is built."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from wds_imagenet.storage import Store
from wds_imagenet.storage.os_errors import error_from_os
from wds_imagenet.util.temporary_folder import temporary_folder
from wds_imagenet.util.threads import meanwhile

_FLUSH_SECONDS: Final = 0.2


@contextmanager
def temporary_file(store: Store, name: str) -> Iterator[Path]:
    """Yield the path of a file to write, and remove the file at the end.

    The file lies in the store's staging folder if the store has one. Raises `StoreError`, with a note of
    the folder, if the file system fails.
    """
    try:
        if store.staging is None:
            with temporary_folder() as folder:
                yield folder / name
        else:
            with _locked(store.staging / f"{name}.{secrets.token_hex(8)}") as file:
                yield file
    except OSError as error:
        folder_path = store.staging or Path(tempfile.gettempdir())
        failure = error_from_os(error, folder_path / name)
        failure.add_note(f"shards are built in {folder_path} before they are put")
        raise failure from error


@contextmanager
def _locked(file: Path) -> Iterator[Path]:
    """Create a file, and lock it so that `sweep` of another process does not remove it."""
    try:
        while True:
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                stream = file.open("wb")
            except FileNotFoundError:  # a sweep removed the empty folder
                continue
            with stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                if os.fstat(stream.fileno()).st_nlink:  # else a sweep removed it before it was locked
                    # The disk writes while the shard is built: the last fsync has little left to write.
                    with meanwhile(partial(os.fsync, stream.fileno()), _FLUSH_SECONDS):
                        yield file
                    return
    finally:
        file.unlink(missing_ok=True)
