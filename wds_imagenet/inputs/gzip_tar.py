"""Gzipped tars, read once from their beginning to their end: no file is ever unpacked.

Gzip has no way in but the front. So the archive is fetched, inflated and walked as it comes, each step
a few pieces ahead of the next, and an inner tar of many gigabytes passes through as a folder would.
"""

import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import repeat
from typing import Final

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.inputs.small_files import GZIP, find_file, join_url, no_file_error
from wds_imagenet.inputs.tar_listing import ListedFile, list_archive
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.util.threads import map_ahead

MAX_FILE_BYTES: Final = 256 << 20
"""Bytes of the largest file that is held in memory; no image has so many."""
_FETCH: Final = 4 << 20
_FETCHES: Final = 4
_CHUNK: Final = 2 << 20


def is_gzipped(url: str, options: StorageOptions) -> bool:
    """Whether there is a file at a URL, and a gzipped one by its first bytes, whatever it is called."""
    found = find_file(url, options)
    if found is None or found[1].size < len(GZIP):
        return False
    store, info = found
    return store.read(info.path, 0, len(GZIP), etag=info.etag).data == GZIP


def stream_files(url: str, options: StorageOptions) -> Generator[tuple[ListedFile, bytes], None, None]:
    """Yield every file in the gzipped tar at a URL with its bytes, in the archive's own order.

    An inner tar counts as a folder. Guarantees what `list_archive` does, and by the end that every byte
    is the one that was packed, by gzip's CRC-32: a file may have been yielded whose bytes are then found
    to be damaged. A `File.offset` is one in the unpacked archive, for messages.

    Costs one pass, in threads that end with the iteration (close it to end it early), and about 40 MB
    beside the file at hand. Raises `UsageError` where there is no such file; `SourceError` where one in it
    has more than 256 MiB; `CorruptError`, with notes on archive and member, where it is damaged or cut off;
    `ChangedError` if it is replaced meanwhile.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file_error(url)
    where = join_url(found[0].url, found[1].path)
    with open_forward_reader(*found) as forward:
        for file in list_archive(forward.read, None, where):
            if file.size > MAX_FILE_BYTES:
                raise SourceError(
                    f"{where}: {file.path!r} at offset {file.offset:,} has {file.size:,} bytes, more than "
                    f"the {MAX_FILE_BYTES:,} that an image may have in a stream"
                )
            yield file, _read(forward, file, where)


@contextmanager
def open_forward_reader(store: Store, info: ObjectInfo) -> Iterator["ForwardReader"]:
    """Give what is in a gzipped file, to be read in rising order, with what `stream_files` costs and raises.

    Only who reads to the end has every byte checked.
    """

    def fetch(start: int) -> bytes:
        stop = min(start + _FETCH, info.size)
        return store.read(info.path, start, stop, etag=info.etag).data

    with (
        closing(map_ahead(fetch, range(0, info.size, _FETCH), threads=_FETCHES, name="fetch")) as fetched,
        closing(_inflate(fetched)) as inflated,
        # One thread, so `next` is called by one at a time and the pieces come in their order.
        closing(map_ahead(lambda _: next(inflated, None), repeat(None), threads=1, name="inflate")) as pieces,
    ):
        yield ForwardReader(iter(lambda: next(pieces), None))


def _read(forward: "ForwardReader", file: ListedFile, where: str) -> bytes:
    try:
        return forward.take(file.offset, file.size)
    except CorruptError as error:
        error.add_note(
            f"in the tar archive {where}, in {file.path!r}, which begins at offset {file.offset:,}"
        )
        raise


def _inflate(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    """Yield what gzipped bytes unpack to, of one gzip member or several, in pieces of 2 MiB at most."""
    position = 0
    inflater = None
    for piece in pieces:
        data, more = piece, True
        while data or more:
            if inflater is None or inflater.eof:
                data = data.lstrip(b"\0")  # tape blocks are filled up with zeros
                if not data:
                    break
                inflater = zlib.decompressobj(wbits=31)
            try:
                out = inflater.decompress(data, _CHUNK)
            except zlib.error as error:
                at = position + len(piece) - len(data)
                raise CorruptError(
                    f"the gzip data is damaged, at or behind its byte {at:,}: {error}"
                ) from error
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            more = len(out) == _CHUNK  # the inflater may hold some back
            if out:
                yield out
        position += len(piece)
    if inflater is None or not inflater.eof:
        raise CorruptError(f"the gzip data is cut off: it ends at its byte {position:,}")


class ForwardReader:
    """Pieces of a stream as one archive that is read in rising order, for `format.tar.walk`."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._start = 0
        self._data = memoryview(b"")

    def read(self, at: int, size: int) -> memoryview:
        """Return bytes from an offset, which is none before the last call's; fewer at the end."""
        if at < self._start:
            raise ValueError(f"a stream does not go back, from {self._start:,} to {at:,}")
        while at >= self._start + len(self._data):  # what lies between is passed over
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._start += len(self._data)
            self._data = memoryview(piece)
        self._data, self._start = self._data[at - self._start :], at
        if len(self._data) < size:
            parts, held = [self._data], len(self._data)
            while held < size and (piece := next(self._pieces, None)) is not None:
                parts.append(memoryview(piece))
                held += len(piece)
            self._data = memoryview(b"".join(parts))
        return self._data[:size]

    def take(self, at: int, size: int) -> bytes:
        """Return bytes from an offset, all of them, or raise `CorruptError`."""
        data = bytes(self.read(at, size))
        if len(data) < size:
            raise CorruptError(f"the archive is cut off at offset {at + len(data):,}, before {at + size:,}")
        return data
