"""Tars compressed by gzip, xz or bzip2, read once from beginning to end, without unpacking to disk.

They cannot be read at random. So the archive is fetched, inflated and walked in parallel threads, each a few
chunks ahead of the next. An inner tar of many gigabytes is listed like a folder.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import repeat
from typing import Final

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.inputs.archives.tar_listing import ListedFile, check_whole, list_archive
from wds_imagenet.inputs.compression import DAMAGE, DECOMPRESSORS, HEAD, Decompressor, compression_of
from wds_imagenet.inputs.small_files import find_file, join_url, no_file_error
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.util.threads import map_ahead

MAX_FILE_BYTES: Final = 256 << 20
"""Bytes of the largest file that `stream_files` reads into memory."""
_FETCH: Final = 4 << 20
_FETCHES: Final = 4
_CHUNK: Final = 2 << 20


def is_compressed(url: str, options: StorageOptions) -> bool:
    """Return True if a URL has a file that `stream_files` reads, by its first bytes and whatever its name.

    Raises `SourceError` for a part of an archive.
    """
    found = find_file(url, options)
    if found is None or not found[1].size:
        return False
    store, info = found
    check_whole(join_url(store.url, info.path))
    head = store.read(info.path, 0, min(info.size, HEAD), etag=info.etag).data
    return compression_of(head) in DECOMPRESSORS


def stream_files(url: str, options: StorageOptions) -> Generator[tuple[ListedFile, bytes], None, None]:
    """Yield every file in a compressed tar with its bytes, as `stream_readers` does with its reader.

    Raises `SourceError` for a file of more than 256 MiB, and the errors of `stream_readers`.
    """
    with closing(stream_readers(url, options)) as files:
        for file, read in files:
            if file.size > MAX_FILE_BYTES:
                raise SourceError(
                    f"{file.url}: {file.path!r} at offset {file.offset:,} has {file.size:,} bytes; at most "
                    f"{MAX_FILE_BYTES:,} are read"
                )
            yield file, read()


def stream_readers(
    url: str, options: StorageOptions
) -> Generator[tuple[ListedFile, Callable[[], bytes]], None, None]:
    """Yield every file in a compressed tar, in the archive's own order, with a function that reads it.

    The function may be called once, until the next file. A file that is not read takes no memory.

    Guarantees of the listing are those of `list_archive`. At the end of the iteration, the checksum of
    the compression has confirmed every byte; a damaged file may have been yielded before. A file's offset is
    one in the unpacked archive, for messages.

    Costs one pass and about 40 MB of memory beside the file that is read. The threads end with the iteration:
    close the generator to end it early.

    Args:
        url: the archive.
        options: storage options.

    Raises:
        UsageError: there is no such file.
        CorruptError: the archive is damaged or cut off; notes give the archive and the member.
        ChangedError: the archive was replaced during the iteration.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file_error(url)
    where = join_url(found[0].url, found[1].path)
    with open_forward_reader(*found) as reader:
        for file in list_archive(reader.read, None, where):
            yield file, partial(_read_file, reader, file, where)


@contextmanager
def open_forward_reader(store: Store, info: ObjectInfo) -> Iterator["ForwardReader"]:
    """Yield a reader of a compressed file's unpacked bytes, with the costs and errors of `stream_files`.

    The checksum is verified only at the end of the file.
    """

    def fetch(start: int) -> bytes:
        stop = min(start + _FETCH, info.size)
        return store.read(info.path, start, stop, etag=info.etag).data

    with (
        closing(map_ahead(fetch, range(0, info.size, _FETCH), threads=_FETCHES, name="fetch")) as fetched,
        closing(_inflated(fetched)) as inflated,
        # One thread, so that calls of `next` do not overlap and the chunks keep their order.
        closing(map_ahead(lambda _: next(inflated, None), repeat(None), threads=1, name="inflate")) as chunks,
    ):
        yield ForwardReader(iter(lambda: next(chunks), None))


def _read_file(reader: "ForwardReader", file: ListedFile, where: str) -> bytes:
    try:
        return reader.read_exactly(file.offset, file.size)
    except CorruptError as error:
        error.add_note(
            f"in the tar archive {where}, in {file.path!r}, which begins at offset {file.offset:,}"
        )
        raise


def _inflated(chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """Yield the unpacked bytes of one or several compressed streams, in chunks of at most 2 MiB."""
    position = 0
    kind = "gzip"
    unpacker: Decompressor | None = None
    for chunk in chunks:
        if not position:
            kind = compression_of(chunk[:HEAD]) or kind
        data, more = chunk, True
        while data or more:
            if unpacker is None or unpacker.eof:
                data = data.lstrip(b"\0")  # tape blocks are padded with zeros
                if not data:
                    break
                unpacker = DECOMPRESSORS[kind]()
            try:
                out = unpacker.decompress(data, _CHUNK)
            except DAMAGE as error:
                offset = position + len(chunk) - len(data)
                raise CorruptError(
                    f"the {kind} data is damaged at or after its byte {offset:,}: {error}"
                ) from error
            data = unpacker.unused_data
            more = not unpacker.eof and (len(out) == _CHUNK or not unpacker.needs_input)
            if out:
                yield out
        position += len(chunk)
    if unpacker is None or not unpacker.eof:
        raise CorruptError(f"the {kind} data is cut off: it ends at its byte {position:,}")


class ForwardReader:
    """Chunks of bytes as one file that is read in rising order, for `format.tar.walk`."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._start = 0
        self._data = memoryview(b"")

    def read(self, start: int, size: int) -> memoryview:
        """Return `size` bytes from an offset, fewer at the end.

        Raises `ValueError` for an offset before that of the last call.
        """
        if start < self._start:
            raise ValueError(f"a stream cannot be read backwards, from {self._start:,} to {start:,}")
        while start >= self._start + len(self._data):  # skip to the chunk with the offset
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._start += len(self._data)
            self._data = memoryview(chunk)
        self._data, self._start = self._data[start - self._start :], start
        if len(self._data) < size:
            joined, length = [self._data], len(self._data)
            while length < size and (chunk := next(self._chunks, None)) is not None:
                joined.append(memoryview(chunk))
                length += len(chunk)
            self._data = memoryview(b"".join(joined))
        return self._data[:size]

    def read_exactly(self, start: int, size: int) -> bytes:
        """Return `size` bytes from an offset; raise `CorruptError` if there are fewer."""
        data = bytes(self.read(start, size))
        if len(data) < size:
            raise CorruptError(
                f"the archive is cut off at offset {start + len(data):,}, before {start + size:,}"
            )
        return data
