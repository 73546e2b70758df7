"""The local disk: temporary file, fsync, rename."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wds_imagenet.errors import (
    ChangedError,
    CorruptError,
    NotFoundError,
    UsageError,
)
from wds_imagenet.storage.failures import too_large
from wds_imagenet.storage.os_errors import fault_of_entry, named_errors
from wds_imagenet.storage.store import MAX_READ, Blob, ObjectInfo, View
from wds_imagenet.storage.temporary_files import (
    SUFFIX,
    make_folder,
    opened,
    publish,
    remove_if_dead,
    temporary_file,
)
from wds_imagenet.storage.url import check_path

STAGING: Final = ".wds-imagenet/staging"


class LocalStore:
    """A folder on a POSIX file system.

    When a put returns, the file and its name are on the disk: a temporary file in the same folder is
    written, fsynced and renamed, and the folder fsynced. A process holds a lock on its temporary files, so
    that `sweep` removes only those of dead processes.
    """

    shared: bool = True
    listable: bool = True
    writable: bool = True
    awaitable: bool = False

    def __init__(self, root: Path) -> None:
        self.url: str = str(root)
        self.private_url: str = self.url
        self.staging: Path | None = root / STAGING
        self._root: Final = root

    def __repr__(self) -> str:
        return f"LocalStore({self.url!r})"

    def info(self, path: str) -> ObjectInfo:
        """See `Store.info`."""
        full = self._full(path)
        with named_errors(full):
            found = full.stat()
            if not full.is_file():
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            return _info(path, found)

    def read(
        self,
        path: str,
        start: int = 0,
        stop: int | None = None,
        *,
        etag: str | None = None,
        limit: int = MAX_READ,
    ) -> Blob:
        """See `Store.read`. Costs an open, an fstat, a pread and a close."""
        full = self._full(path)
        if start < 0 or (stop is not None and stop < start):
            raise UsageError(f"{full}: there are no bytes {start} to {stop}")
        with self._readable(path, full, etag) as (file, info):
            end = max(start, info.size) if stop is None else stop
            if end - start > limit:
                raise too_large(str(full), end - start, limit)
            data = _pread(file, start, end)
        if start > info.size or len(data) < end - start:
            raise CorruptError(f"{full}: ends at byte {start + len(data)}, before byte {end}")
        return Blob(data, info)

    @contextmanager
    def _readable(self, path: str, full: Path, etag: str | None) -> Iterator[tuple[int, ObjectInfo]]:
        with named_errors(full), opened(full, os.O_RDONLY | os.O_NONBLOCK) as file:  # a FIFO must not block
            found = os.fstat(file)
            if stat.S_ISFIFO(found.st_mode):
                raise NotFoundError(f"{full}: {_fault_of(found.st_mode)}")
            info = _info(path, found)
            if etag not in {None, info.etag}:
                raise ChangedError(f"{full}: was replaced while it was being read")
            yield file, info

    def read_into(self, path: str, start: int, buffer: memoryview, *, etag: str | None = None) -> ObjectInfo:
        """See `Store.read_into`. Costs an open, an fstat, a pread and a close, and no copy."""
        full = self._full(path)
        if start < 0:
            raise UsageError(f"{full}: there is no byte {start}")
        with self._readable(path, full, etag) as (file, info):
            done = 0
            while done < len(buffer) and (count := os.preadv(file, [buffer[done:]], start + done)):
                done += count
        if done < len(buffer):
            raise CorruptError(f"{full}: ends at byte {start + done}, before byte {start + len(buffer)}")
        return info

    async def read_async(
        self,
        path: str,
        start: int,
        stop: int,
        *,
        etag: str | None = None,
        on_failure: object = None,  # noqa: ARG002 - nothing is repeated
    ) -> View:
        """See `Store.read_async`. Blocks like `read`, and costs the same."""
        blob = self.read(path, start, stop, etag=etag, limit=max(0, stop - start))
        return View(memoryview(blob.data), blob.info)

    def put(self, path: str, data: bytes, *, create: bool = False) -> None:
        """See `Store.put`. On a file system without hard links, two writers that race may both create."""
        full = self._full(path)
        with named_errors(full), temporary_file(full) as (file, temporary):
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            publish(file, temporary, full, create=create)

    def put_file(self, path: str, file: Path, *, create: bool = False) -> None:
        """See `Store.put_file`. Renames a file of `staging`, with its permissions; copies other files."""
        full = self._full(path)
        with named_errors(full):
            if self.staging is not None and self.staging in file.parents:
                make_folder(full.parent)
                with opened(file, os.O_RDONLY) as staged:
                    publish(staged, file, full, create=create)
                return
            with opened(file, os.O_RDONLY) as source, temporary_file(full) as (copy, temporary):
                with (
                    os.fdopen(source, "rb", closefd=False) as one,
                    os.fdopen(copy, "wb", closefd=False) as other,
                ):
                    shutil.copyfileobj(one, other, 1 << 20)
                publish(copy, temporary, full, create=create)

    def list_objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `Store.list_objects`. Follows symbolic links; links to nowhere and loops of links have a fault.

        So have FIFOs, sockets and devices. None of them is opened.
        """
        folder = prefix.rpartition("/")[0]
        top = self._full(folder) if folder else self._root
        with named_errors(top):
            for path, entry in _walk(top, f"{folder}/" if folder else "", prefix, ()):
                try:
                    found = entry.stat()
                except OSError as error:
                    yield ObjectInfo(path, 0, None, fault_of_entry(error, entry))
                    continue
                fault = _fault_of(found.st_mode)
                yield _info(path, found) if fault is None else ObjectInfo(path, 0, None, fault)

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        full = self._full(path)
        with named_errors(full), suppress(FileNotFoundError):
            full.unlink()

    def sweep(self) -> None:
        """See `Store.sweep`. Keeps every file on which a living process holds a lock (`flock`)."""
        with named_errors(self._root):
            staging = self._root / STAGING
            for folder, _, names in os.walk(self._root):
                for name in names:
                    if name.endswith(SUFFIX) or staging in (Path(folder) / name).parents:
                        remove_if_dead(Path(folder) / name)
        with suppress(OSError):  # it holds files of living processes, or does not exist
            staging.rmdir()

    def _full(self, path: str) -> Path:
        return self._root / check_path(path)


def _pread(file: int, start: int, stop: int) -> bytes:
    """Return the bytes [start, stop), or those to the end of a shorter file.

    One call of `pread` may return fewer bytes, and returns at most 2 GiB.
    """
    chunks = []
    while start < stop:
        chunk = os.pread(file, min(stop - start, 1 << 30), start)
        if not chunk:
            break
        chunks.append(chunk)
        start += len(chunk)
    return b"".join(chunks)


def _walk(
    folder: Path, base: str, prefix: str, above: tuple[tuple[int, int], ...]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield path and entry of each file under a folder whose path begins with `prefix`, in order of paths."""
    try:
        with named_errors(folder):
            here = folder.stat()
            entries = list(os.scandir(folder))
    except NotFoundError:  # an empty folder of a store does not exist
        return
    identity = (here.st_dev, here.st_ino)
    above = (*above, identity)
    named = [(base + entry.name + ("/" if _is_folder(entry, above) else ""), entry) for entry in entries]
    for path, entry in sorted(named, key=lambda pair: pair[0]):
        if path.endswith("/"):
            if (path.startswith(prefix) or prefix.startswith(path)) and path != f"{STAGING}/":
                yield from _walk(Path(entry.path), path, prefix, above)
        elif path.startswith(prefix) and not path.endswith(SUFFIX):
            yield path, entry


def _is_folder(entry: os.DirEntry[str], above: tuple[tuple[int, int], ...]) -> bool:
    """Return True for a folder, but not for a link to a folder above it."""
    try:
        if not entry.is_dir():
            return False
        found = entry.stat() if entry.is_symlink() else None
    except OSError:  # such as a link to itself, which `stat` reports again
        return False
    return found is None or (found.st_dev, found.st_ino) not in above


def _fault_of(mode: int) -> str | None:
    """Return the reason why something that is no file cannot be read, None for a file."""
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISDIR(mode):
        return "is a symbolic link to a folder above it; remove it"
    kind = "FIFO" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
    return f"is a {kind}, not a file; remove it"


def _info(path: str, found: os.stat_result) -> ObjectInfo:
    etag = f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"
    return ObjectInfo(path, found.st_size, etag)
