"""Small reads in rising order turned into few requests: the headers of a remote archive."""

from typing import Final

from wds_imagenet.storage.store import ObjectInfo, Store

MIN_WINDOW: Final = 64 << 10
MAX_WINDOW: Final = 4 << 20
_NEAR: Final = 2 << 20  # what a fast store sends in the time that a request takes


class Window:
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
