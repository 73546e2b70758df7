"""Compressed files, recognised by their first bytes: gzip, xz, bzip2, and zips of one file.

Other compressions are named in an error. Data is unpacked up to a limit, and with at most 128 MiB of memory.
"""

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_UNPACKED: Final = 256 << 20
GZIP: Final = b"\x1f\x8b"
"""The first bytes of gzipped data (RFC 1952, section 2.3.1)."""
_MAGIC: Final[Mapping[bytes, str]] = {
    GZIP: "gzip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x04\x22\x4d\x18": "lz4",
}
HEAD: Final = max(map(len, _MAGIC))
"""The number of bytes by which compression is recognised."""
_MEMORY: Final = 128 << 20  # of xz, whose header may ask for 4 GiB
_CHUNK: Final = 1 << 16
_ENCRYPTED: Final = 1
DAMAGE: Final = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError, OSError)
"""The errors of damaged data, from the files that `open_unpacked` and `zipfile` return."""


def compression_of(head: bytes) -> str | None:
    """Return the name of a file's compression by its first bytes, such as `xz`; None if it has none."""
    # bzip2's magic is plain text, so its block size is checked, too.
    found = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    return None if found == "bzip2" and not head[3:4].isdigit() else found


def unpack(data: bytes, max_bytes: int = MAX_UNPACKED) -> bytes:
    """Return the content of gzip, xz or bzip2, of one stream or several; other data unchanged.

    Raises `ValueError` if data is damaged, cut off, in another compression, or unpacks to more than
    `max_bytes`. A zip stays as it is, because arrays and tensors are zips, too.
    """
    kind = compression_of(data[:HEAD])
    if kind in {None, "zip"}:
        return data
    try:
        file = open_unpacked(io.BytesIO(data), kind)
        unpacked = file.read(max_bytes + 1)
    except DAMAGE as error:
        raise ValueError(f"the {kind} data is damaged or cut off: {error}") from error
    if len(unpacked) > max_bytes:
        raise ValueError(f"the {kind} data unpacks to more than {max_bytes:,} bytes")
    return unpacked


def open_unpacked(file: IO[bytes], kind: str | None) -> IO[bytes]:
    """Return a file with the content of a compressed one; it can be read from the start again.

    Args:
        file: the compressed file, at its start.
        kind: its compression, by `compression_of`; None returns the file itself.

    Raises:
        ValueError: the compression is another than gzip, xz and bzip2.
    """
    match kind:
        case None:
            return file
        case str() if kind in DECOMPRESSORS:
            return io.BufferedReader(_Unpacked(file, DECOMPRESSORS[kind]), _CHUNK)
    raise ValueError(f"it is compressed by {kind}, which is not read: unpack it first")


def find_zipped(archive: zipfile.ZipFile, suffix: str, ignored: Callable[[str], bool]) -> zipfile.ZipInfo:
    """Return the one file in a zip whose name ends with a suffix.

    Raises `ValueError` if there is not exactly one, or if it is encrypted or of an unknown method.
    """
    names = [info for info in archive.infolist() if not info.is_dir() and not ignored(info.filename)]
    found = [info for info in names if info.filename.lower().endswith(suffix)]
    if len(found) != 1:
        shown = [info.filename for info in found[:3]]
        raise ValueError(f"it has {len(found):,} files '*{suffix}' where one is expected: {shown}")
    check_zipped(found[0])
    return found[0]


def check_zipped(info: zipfile.ZipInfo) -> None:
    """Raise `ValueError` for an encrypted file in a zip, or one of a method that is not read."""
    methods = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
    if info.flag_bits & _ENCRYPTED or info.compress_type not in methods:
        raise ValueError(
            f"{info.filename!r} is encrypted or compressed by method {info.compress_type}; unzip it first"
        )


class Decompressor(Protocol):
    """The interface that `bz2` and `lzma` share: unpacks one stream, piece by piece."""

    @property
    def eof(self) -> bool:
        """True once the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """False while `decompress` can go on without further data."""

    @property
    def unused_data(self) -> bytes:
        """The data after the end of the stream."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return at most `max_length` unpacked bytes."""


class _Gunzip:
    """zlib's decompressor of one gzip member, with that interface. It checks the CRC-32 and the size."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflater.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)


DECOMPRESSORS: Final[Mapping[str, Callable[[], Decompressor]]] = {
    "gzip": _Gunzip,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY),
    "bzip2": bz2.BZ2Decompressor,
}
"""Makes a decompressor of one stream, by the name of the compression."""


class _Unpacked(io.RawIOBase):
    """The content of a compressed file, of all its streams one after another."""

    def __init__(self, file: IO[bytes], make: Callable[[], Decompressor]) -> None:
        self._file, self._make = file, make
        self._decompressor: Decompressor | None = make()
        self._rest = b""
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read on to a position, or from the start again to an earlier one."""
        if whence == io.SEEK_CUR:
            offset += self._at
        elif whence != io.SEEK_SET:
            raise io.UnsupportedOperation("the end is not known")
        if offset < self._at:
            self._file.seek(0)
            self._decompressor, self._rest, self._at = self._make(), b"", 0
        while self._at < offset and self._next(min(_CHUNK, offset - self._at)):
            pass
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._next(len(view))
        view[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        """Return up to `size` bytes; none only at the end. Raises `EOFError` where the data is cut off."""
        while size and self._decompressor is not None:
            if self._decompressor.eof:
                self._rest = self._decompressor.unused_data.lstrip(b"\0")  # tape blocks are padded with zeros
                while not self._rest:
                    chunk = self._file.read(_CHUNK)
                    self._rest = chunk.lstrip(b"\0")
                    if not chunk:
                        self._decompressor = None
                        return b""
                self._decompressor = self._make()
            if self._decompressor.needs_input and not self._rest:
                self._rest = self._file.read(_CHUNK)
                if not self._rest:
                    raise EOFError("the data ends before its end marker")
            data = self._decompressor.decompress(self._rest, size)
            self._rest = b""
            if data:
                self._at += len(data)
                return data
        return b""
