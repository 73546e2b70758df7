"""Small reads in rising order, such as those of an archive's headers: cheap here, few elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wds_imagenet.errors import StoreError
from wds_imagenet.format.tar import ReadAt
from wds_imagenet.inputs.small_files import address
from wds_imagenet.storage.store import ObjectInfo, Store
from wds_imagenet.storage.url import parse_url

MIN_WINDOW: Final = 64 << 10
MAX_WINDOW: Final = 4 << 20
_NEAR: Final = 2 << 20  # what a fast store sends in the time that a request takes


@contextmanager
def open_reader(store: Store, info: ObjectInfo) -> Iterator[ReadAt]:
    """Give a function that reads an object piece by piece, not for several threads.

    A local file is opened once and read by `pread`, exactly what is asked for; elsewhere a `WindowedReader`
    reads ahead. Raises `ChangedError` if the object was replaced since it was found.
    """
    url = address(store.url, info.path)
    location = parse_url(url)
    if location.scheme != "file":
        yield WindowedReader(store, info).read
        return
    store.read(info.path, 0, 0, etag=info.etag)  # says in a store's words why it cannot be read
    try:
        with Path(location.root).open("rb", buffering=0) as file:
            yield lambda at, size: os.pread(file.fileno(), size, at)
    except OSError as error:
        raise StoreError(f"{url} cannot be read: {error.strerror}") from error


class WindowedReader:
    """A window on an object that moves, and grows, with what is asked for.

    A read within 2 MiB of the last window fetches the next and a larger one, from 64 KiB to 4 MiB. A
    read far ahead skips what lies between and begins small again. So images are read through, and
    archives of 150 MB passed over. Not for several threads.
    """

    def __init__(self, store: Store, info: ObjectInfo) -> None:
        self._store = store
        self._info = info
        self._data = memoryview(b"")
        self._start = 0
        self._length = MIN_WINDOW // 2

    def read(self, at: int, size: int) -> memoryview:
        """Return the bytes from an offset on; fewer than asked for only at the object's end.

        Raises `ChangedError` if the object was replaced since it was found.
        """
        size = max(0, min(size, self._info.size - at))
        if size and not self._start <= at <= self._start + len(self._data) - size:
            self._move(at, size)
        return self._data[at - self._start :][:size]

    def _move(self, at: int, size: int) -> None:
        gap = at - (self._start + len(self._data))
        near = at >= self._start and gap <= _NEAR
        self._length = min(2 * self._length, MAX_WINDOW) if near else MIN_WINDOW
        stop = min(at + max(size, self._length), self._info.size)
        blob = self._store.read(self._info.path, at, stop, etag=self._info.etag)
        self._data, self._start = memoryview(blob.data), at
