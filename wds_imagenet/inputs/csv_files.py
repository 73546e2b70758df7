"""Large CSV files, row by row: plain or compressed, alone, in a folder or in a tar, on any store."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.tar import RECORD, ReadAt, walk
from wds_imagenet.inputs.compression import DAMAGE, HEAD, compression_of, open_unpacked
from wds_imagenet.inputs.large_files import decode_lines
from wds_imagenet.inputs.small_files import find_file, join_url, no_input_error
from wds_imagenet.inputs.windowed_reader import ObjectFile, open_reader
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store

if TYPE_CHECKING:
    from _csv import Reader as _Reader

_CSV: Final = re.compile(r".*\.csv(?:\.(?:gz|xz|bz2))?", re.IGNORECASE)
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An open CSV file. Its rows must be read before the next file is opened."""

    where: str
    """The URL; for a file in an archive, the archive's URL and the path."""
    path: str
    columns: tuple[str, ...]
    """The names in the header line."""
    rows: Iterator[tuple[int, list[str]]]
    """Each row's first line, from 1, and its cells: as many as there are columns."""

    def positions(self, names: Sequence[str]) -> list[int]:
        """Return the positions of columns, from 0; raise `SourceError` for a missing column."""
        for name in names:
            if name not in self.columns:
                found = ", ".join(self.columns)
                raise SourceError(f"{self.where}, line 1 has no column {name!r}; its columns are {found}")
        return [self.columns.index(name) for name in names]


def read_csv_files(
    url: str, options: StorageOptions, wanted: Callable[[str], bool], header: Sequence[str] | None = None
) -> Iterator[CsvFile]:
    """Yield every wanted CSV file at a URL: the file itself, or those in a folder or a tar.

    Gzip, xz, bzip2 and tar are recognised by the first bytes of a file. Holds a few MiB, for xz up to 128.

    Args:
        url: a CSV file, which is always read, or a folder or archive of CSV files.
        options: storage options.
        wanted: returns True for the path of a file to read.
        header: the columns, for files without a header line.

    Raises:
        SourceError: a row has more or fewer cells than there are columns, or text is not UTF-8; the message
            gives file and line.
        CorruptError: an archive is damaged.
    """
    found = find_file(url, options)
    if found is not None:
        yield from _open_files(*found, wanted, header)
        return
    store = open_store(url, options)
    empty = True
    for info in store.list_objects():
        empty = False
        if _CSV.fullmatch(info.path) and not is_ignored(info.path) and wanted(info.path):
            yield from _open_files(store, info, wanted, header)
    if empty:
        raise no_input_error(url)


def _open_files(
    store: Store, info: ObjectInfo, wanted: Callable[[str], bool], header: Sequence[str] | None
) -> Iterator[CsvFile]:
    where = join_url(store.url, info.path)
    with open_reader(store, info) as read_object:
        file = _unpacked(read_object, info.size, where)

        def read(start: int, size: int) -> bytes:
            try:
                file.seek(start)
                return file.read(size)
            except DAMAGE as error:
                raise CorruptError(
                    f"{where}: the compressed data is damaged or cut off after byte {start:,} of the text: "
                    f"{error}"
                ) from error

        if read(0, RECORD)[257:262] != b"ustar":
            yield _parse(where, info.path, _chunks(read, 0, None), header)
            return
        try:
            for member in walk(read, 0, None):
                path = member.name.removeprefix("./")
                if _CSV.fullmatch(path) and not is_ignored(path) and wanted(path):
                    chunks = _chunks(read, member.offset, member.size)
                    yield _parse(f"{where}, {path}", path, chunks, header)
        except CorruptError as error:
            error.add_note(f"in the tar archive {where}")
            raise


def _parse(where: str, path: str, chunks: Iterator[bytes], header: Sequence[str] | None) -> CsvFile:
    reader = csv.reader(decode_lines(chunks, where), strict=True)
    with _csv_errors(where, reader):
        columns = tuple(cell.strip() for cell in (next(reader, []) if header is None else header))
    if not any(columns):
        raise SourceError(f"{where} is empty: it has no header line")
    duplicate = next((name for name in columns if columns.count(name) > 1), None)
    if duplicate is not None:
        raise SourceError(f"{where}, line 1 has the column {duplicate!r} twice")

    def rows() -> Iterator[tuple[int, list[str]]]:
        width = len(columns)
        begin = reader.line_num + 1
        with _csv_errors(where, reader):
            for row in reader:
                if len(row) == width:
                    yield begin, row
                elif row:
                    raise SourceError(f"{where}, line {begin:,} has {len(row)} cells, not {width}")
                begin = reader.line_num + 1

    return CsvFile(where, path, columns, rows())


@contextmanager
def _csv_errors(where: str, reader: "_Reader") -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise SourceError(f"{where}, line {reader.line_num:,} is not valid CSV: {error}") from error


def _unpacked(read: ReadAt, size: int, where: str) -> IO[bytes]:
    raw = io.BufferedReader(ObjectFile(read, size), _CHUNK)
    try:
        return open_unpacked(raw, compression_of(raw.peek(HEAD)[:HEAD]))
    except ValueError as error:
        raise SourceError(f"{where}: {error}") from error


def _chunks(read: Callable[[int, int], bytes], start: int, size: int | None) -> Iterator[bytes]:
    stop = None if size is None else start + size
    while stop is None or start < stop:
        chunk = read(start, _CHUNK if stop is None else min(_CHUNK, stop - start))
        if not chunk:
            if stop is not None:
                raise CorruptError(f"the archive is cut off at offset {start:,}")
            return
        yield chunk
        start += len(chunk)
