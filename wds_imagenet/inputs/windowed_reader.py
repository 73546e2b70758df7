"""Small reads of an object in rising order, such as of an archive's headers, with few requests."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wds_imagenet.errors import StoreError
from wds_imagenet.format.tar import ReadAt
from wds_imagenet.inputs.small_files import join_url
from wds_imagenet.storage.store import ObjectInfo, Store
from wds_imagenet.storage.url import parse_url

MIN_WINDOW: Final = 64 << 10
MAX_WINDOW: Final = 4 << 20
_NEAR: Final = 2 << 20  # a fast store sends as many bytes in the time of one request


@contextmanager
def open_reader(store: Store, info: ObjectInfo) -> Iterator[ReadAt]:
    """Yield a function `read(offset, size)` of an object, for one thread.

    A local file is opened once, and `pread` reads exactly the requested bytes; on other stores a
    `WindowedReader` reads ahead. Raises `ChangedError` if the object was replaced since it was listed.
    """
    url = join_url(store.url, info.path)
    location = parse_url(url)
    if location.scheme != "file":
        yield WindowedReader(store, info).read
        return
    store.read(info.path, 0, 0, etag=info.etag)  # raises the store's own errors
    try:
        with Path(location.root).open("rb", buffering=0) as file:
            yield lambda start, size: os.pread(file.fileno(), size, start)
    except OSError as error:
        raise StoreError(f"{url} cannot be read: {error.strerror}") from error


class WindowedReader:
    """A window on an object, which moves and grows with the reads.

    A read within 2 MiB of the last window fetches the next window, twice as large, from 64 KiB up to 4 MiB.
    A read farther ahead skips the bytes between and starts with a small window again. So images are read
    as one long range, and archives of 150 MB are skipped. For one thread.
    """

    def __init__(self, store: Store, info: ObjectInfo) -> None:
        self._store = store
        self._info = info
        self._data = memoryview(b"")
        self._start = 0
        self._length = MIN_WINDOW // 2

    def read(self, start: int, size: int) -> memoryview:
        """Return `size` bytes from an offset, fewer only at the object's end.

        Raises `ChangedError` if the object was replaced since it was listed.
        """
        size = max(0, min(size, self._info.size - start))
        if size and not self._start <= start <= self._start + len(self._data) - size:
            self._move(start, size)
        return self._data[start - self._start :][:size]

    def _move(self, start: int, size: int) -> None:
        gap = start - (self._start + len(self._data))
        near = start >= self._start and gap <= _NEAR
        self._length = min(2 * self._length, MAX_WINDOW) if near else MIN_WINDOW
        stop = min(start + max(size, self._length), self._info.size)
        blob = self._store.read(self._info.path, start, stop, etag=self._info.etag)
        self._data, self._start = memoryview(blob.data), start


class ObjectFile(io.RawIOBase):
    """An object as a seekable binary file, for `gzip`, `zipfile` and PyArrow.

    Args:
        read: reads the object, as `open_reader` yields it.
        size: the object's size in bytes.
        max_read: bytes of the largest single read; a larger one raises `ValueError`.
    """

    def __init__(self, read: ReadAt, size: int, *, max_read: int | None = None) -> None:
        super().__init__()
        self._read, self._size, self._max_read = read, size, max_read
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position, in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset, and return the new position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, or all that are left for None and -1; fewer at the end."""
        rest = max(0, self._size - self._position)
        size = rest if size is None or size < 0 else min(size, rest)
        if self._max_read is not None and size > self._max_read:
            raise ValueError(
                f"a read of {size:,} bytes at offset {self._position:,}; the limit is {self._max_read:,}"
            )
        data = bytes(self._read(self._position, size)) if size else b""
        self._position += len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed's Buffer has no len
        """Fill a buffer, and return the number of bytes read."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
