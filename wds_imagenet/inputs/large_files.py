"""A large label file, piece by piece: plain, gzipped or the only such file in a zip, on any store."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from typing import IO, Final, TypeAlias

from wds_imagenet.errors import SourceError
from wds_imagenet.format.tar import ReadAt
from wds_imagenet.inputs.image_files import is_hidden
from wds_imagenet.inputs.small_files import GZIP, address, find_file, no_file
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.storage.store import StorageOptions

_PIECE: Final = 1 << 20
_MAX_BYTES: Final = 2 << 30  # of what comes out; the largest released, ImageNet-Captions, has 131 MB
_MAX_READ: Final = 16 << 20  # the index of a zip is read at once, and has 50 bytes a file
_MAX_LINE: Final = 1 << 20
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED: Final = 1
_Readable: TypeAlias = io.BufferedIOBase | IO[bytes]
_DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, ValueError)


def read_pieces(url: str, options: StorageOptions, suffix: str) -> Generator[bytes, None, None]:
    """Yield a file's bytes in pieces of 1 MiB, unpacked if they are packed, which is seen by the first ones.

    In a zip, the file is the only one whose name ends with `suffix`. At most 2 GiB are unpacked, and no
    more than a few MiB held. By the end, gzip's or zip's CRC-32 was right. Raises `SourceError`
    where there is no such file, it is damaged, cut off or larger.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file(url)
    store, info = found
    where = address(store.url, info.path)
    size = 0
    with open_reader(store, info) as read, ExitStack() as stack:
        try:
            file = _unpack(_File(read, info.size), suffix, where, stack)
            while piece := file.read(_PIECE):
                size += len(piece)
                if size > _MAX_BYTES:
                    raise SourceError(f"{where} unpacks to more than {_MAX_BYTES:,} bytes")
                yield piece
        except _DAMAGE as error:
            raise SourceError(
                f"{where} cannot be unpacked, behind its first {size:,} bytes: {error}"
            ) from error


def read_lines(url: str, options: StorageOptions, suffix: str) -> Generator[str, None, None]:
    """Yield the lines of such a file, which is UTF-8, each with its end; a byte order mark is left out.

    Raises `SourceError` that names the line, where it is no UTF-8 or has more than 1 MiB.
    """
    with closing(read_pieces(url, options, suffix)) as pieces:
        for number, line in enumerate(_split(pieces), 1):
            if len(line) > _MAX_LINE:
                raise SourceError(f"{url}, line {number:,} has more than {_MAX_LINE:,} bytes")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise SourceError(f"{url}, line {number:,} is not UTF-8: {error}") from error
            yield text


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


def _unpack(file: "_File", suffix: str, where: str, stack: ExitStack) -> _Readable:
    head = file.read(4) or b""
    file.seek(0)
    if head.startswith(GZIP):
        return stack.enter_context(gzip.GzipFile(fileobj=file, mode="rb"))
    if not head.startswith(_ZIP):
        return io.BufferedReader(file, _PIECE)
    archive = stack.enter_context(zipfile.ZipFile(file))
    names = [name for name in archive.namelist() if name.lower().endswith(suffix) and not is_hidden(name)]
    if len(names) != 1:
        raise SourceError(f"{where} has {len(names):,} files '*{suffix}', where one belongs: {names[:3]}")
    member = archive.getinfo(names[0])
    packed = member.compress_type
    if member.flag_bits & _ENCRYPTED or packed not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceError(f"{where}: {names[0]!r} is encrypted, or packed by method {packed}; unzip it first")
    return stack.enter_context(archive.open(member))


class _File(io.RawIOBase):
    """An object on a store as a file to read and to seek in."""

    def __init__(self, read: ReadAt, size: int) -> None:
        self._read = read
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # a WriteableBuffer has no name yet
        if len(buffer) > _MAX_READ:
            raise ValueError(f"a read of {len(buffer):,} bytes at {self._at:,}; at most {_MAX_READ:,} are")
        size = max(0, min(len(buffer), self._size - self._at))
        data = self._read(self._at, size) if size else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
