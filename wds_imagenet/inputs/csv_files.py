"""Large CSV files, row by row: plain or gzipped, alone, in a folder or in a tar, on any store."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.tar import RECORD, ReadAt, walk
from wds_imagenet.inputs.image_files import is_hidden
from wds_imagenet.inputs.small_files import GZIP, address, find_file, nothing_at
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store

if TYPE_CHECKING:
    from _csv import Reader as _Reader

_CSV: Final = re.compile(r".*\.csv(?:\.gz)?", re.IGNORECASE)
_PIECE: Final = 1 << 20
_MAX_LINE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file on its way through; it is read before the next one."""

    where: str
    """Its URL, with its path where it lies in an archive."""
    path: str
    columns: tuple[str, ...]
    """As the header line has them."""
    rows: Iterator[tuple[int, list[str]]]
    """The line that each row begins on, and its cells: as many as there are columns."""

    def places(self, names: Sequence[str]) -> list[int]:
        """Return where the columns of these names are; raise `SourceError` for one that is missing."""
        for name in names:
            if name not in self.columns:
                found = ", ".join(self.columns)
                raise SourceError(f"{self.where}, line 1 names no column {name!r}, but {found}")
        return [self.columns.index(name) for name in names]


def read_sheets(
    url: str, options: StorageOptions, wanted: Callable[[str], bool], header: Sequence[str] | None = None
) -> Iterator[CsvFile]:
    """Yield every wanted CSV file at a URL: the file itself, or those in a folder, a tar or a gzipped tar.

    A file that is given by its own URL is always wanted. Gzip and tar are known by their first bytes. The
    columns are those of the first line, or `header` where the file has no such line. Holds a few MiB.

    Raises `SourceError` that names file and line where a row has more or fewer cells than there are
    columns, or text is not UTF-8; `CorruptError` for a damaged archive.
    """
    found = find_file(url, options)
    if found is not None:
        yield from _sheets(*found, wanted, header)
        return
    store = open_store(url, options)
    empty = True
    for info in store.list_objects():
        empty = False
        if _CSV.fullmatch(info.path) and not is_hidden(info.path) and wanted(info.path):
            yield from _sheets(store, info, wanted, header)
    if empty:
        raise nothing_at(url)


def _sheets(
    store: Store, info: ObjectInfo, wanted: Callable[[str], bool], header: Sequence[str] | None
) -> Iterator[CsvFile]:
    where = address(store.url, info.path)
    with open_reader(store, info) as read_object:
        file = _unpacked(read_object, info.size)

        def read(at: int, size: int) -> bytes:
            try:
                file.seek(at)
                return file.read(size)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise CorruptError(
                    f"{where}: the gzip data is damaged or cut off, behind byte {at:,} of the text: {error}"
                ) from error

        if read(0, RECORD)[257:262] != b"ustar":
            yield _sheet(where, info.path, _pieces(read, 0, None), header)
            return
        try:
            for member in walk(read, 0, None):
                path = member.name.removeprefix("./")
                if _CSV.fullmatch(path) and not is_hidden(path) and wanted(path):
                    pieces = _pieces(read, member.offset, member.size)
                    yield _sheet(f"{where}, {path}", path, pieces, header)
        except CorruptError as error:
            error.add_note(f"in the tar archive {where}")
            raise


def _sheet(where: str, path: str, pieces: Iterator[bytes], header: Sequence[str] | None) -> CsvFile:
    reader = csv.reader(_lines(pieces, where), strict=True)
    with _csv_errors(where, reader):
        columns = tuple(cell.strip() for cell in (next(reader, []) if header is None else header))
    if not any(columns):
        raise SourceError(f"{where} is empty: not even a header line is there")
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise SourceError(f"{where}, line 1 names the column {twice!r} twice")

    def rows() -> Iterator[tuple[int, list[str]]]:
        width = len(columns)
        begin = reader.line_num + 1
        with _csv_errors(where, reader):
            for row in reader:
                if len(row) == width:
                    yield begin, row
                elif row:
                    raise SourceError(
                        f"{where}, line {begin:,} has {len(row)} cells, and {width} belong there"
                    )
                begin = reader.line_num + 1

    return CsvFile(where, path, columns, rows())


@contextmanager
def _csv_errors(where: str, reader: "_Reader") -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise SourceError(f"{where}, line {reader.line_num:,} is not CSV as it should be: {error}") from error


def _unpacked(read: ReadAt, size: int) -> IO[bytes]:
    raw = io.BufferedReader(_Object(read, size), _PIECE)
    packed = raw.peek(len(GZIP)).startswith(GZIP)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb") if packed else raw)


def _pieces(read: Callable[[int, int], bytes], at: int, size: int | None) -> Iterator[bytes]:
    stop = None if size is None else at + size
    while stop is None or at < stop:
        piece = read(at, _PIECE if stop is None else min(_PIECE, stop - at))
        if not piece:
            if stop is not None:
                raise CorruptError(f"the archive is cut off at offset {at:,}")
            return
        yield piece
        at += len(piece)


def _lines(pieces: Iterator[bytes], where: str) -> Iterator[str]:
    for number, raw in enumerate(_split(pieces), 1):
        line = raw
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise SourceError(f"{where} is UTF-16; save it as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")  # a byte order mark says nothing
        if len(line) > _MAX_LINE:
            raise SourceError(f"{where}, line {number:,} has more than {_MAX_LINE:,} bytes")
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise SourceError(f"{where}, line {number:,} is not UTF-8: {error}") from error


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"
        if len(rest) > _MAX_LINE:
            break
    if rest:
        yield rest


class _Object(io.RawIOBase):
    """An object on a store, as the standard library reads files."""

    def __init__(self, read: ReadAt, size: int) -> None:
        self._read = read
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed's Buffer has no len
        size = max(0, min(len(buffer), self._size - self._at))
        data = self._read(self._at, size) if size else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
