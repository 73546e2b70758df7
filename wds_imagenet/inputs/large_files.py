"""Large label files, chunk by chunk: plain, compressed, or the one such file in a zip, on any store."""

import io
import zipfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from typing import IO, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.compression import DAMAGE, HEAD, compression_of, find_zipped, open_unpacked
from wds_imagenet.inputs.small_files import find_file, join_url, no_file_error
from wds_imagenet.inputs.windowed_reader import ObjectFile, open_reader
from wds_imagenet.storage.store import StorageOptions

_CHUNK: Final = 1 << 20
_MAX_BYTES: Final = 2 << 30  # unpacked; the largest released, ImageNet-Captions, has 131 MB
_MAX_READ: Final = 16 << 20  # zipfile reads the index of a zip at once: about 50 bytes a file
_MAX_LINE: Final = 1 << 20


def read_chunks(url: str, options: StorageOptions, suffix: str) -> Generator[bytes, None, None]:
    """Yield a file's bytes in chunks of 1 MiB. Gzip, xz, bzip2 and zip, by the first bytes, are unpacked.

    At the end, the checksum of the compression was right. Holds a few MiB, for xz up to 128, and unpacks at
    most 2 GiB.

    Args:
        url: the file.
        options: storage options.
        suffix: the end of the file's name in a zip, such as `.json`; only one file there may have it.

    Raises:
        UsageError: there is no such file.
        SourceError: the file is damaged, cut off or too large.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file_error(url)
    store, info = found
    where = join_url(store.url, info.path)
    size = 0
    with open_reader(store, info) as read, ExitStack() as stack:
        try:
            file = _unpacked(ObjectFile(read, info.size, max_read=_MAX_READ), suffix, where, stack)
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > _MAX_BYTES:
                    raise SourceError(f"{where} unpacks to more than {_MAX_BYTES:,} bytes")
                yield chunk
        except DAMAGE as error:
            raise SourceError(
                f"{where} cannot be unpacked after its first {size:,} bytes: {error}"
            ) from error


def read_lines(url: str, options: StorageOptions, suffix: str) -> Generator[str, None, None]:
    """Yield the lines of a file, as `decode_lines` does; arguments and costs are those of `read_chunks`."""
    with closing(read_chunks(url, options, suffix)) as chunks:
        yield from decode_lines(chunks, url)


def decode_lines(chunks: Iterable[bytes], where: str) -> Iterator[str]:
    """Yield the lines of UTF-8 text that arrives in chunks, each with its line feed, without byte order mark.

    Args:
        chunks: the text, cut at any byte.
        where: the file, for errors.

    Raises:
        SourceError: a line is not UTF-8 or has more than 1 MiB; the message gives its number.
    """
    for number, raw in enumerate(_split_lines(chunks), 1):
        line = raw
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise SourceError(f"{where} is UTF-16; save it as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > _MAX_LINE:
            raise SourceError(f"{where}, line {number:,} has more than {_MAX_LINE:,} bytes")
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise SourceError(f"{where}, line {number:,} is not UTF-8: {error}") from error


def _split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
        if len(rest) > _MAX_LINE:
            break
    if rest:
        yield rest


def _unpacked(file: ObjectFile, suffix: str, where: str, stack: ExitStack) -> IO[bytes]:
    head = file.read(HEAD)
    file.seek(0)
    kind = compression_of(head)
    if kind != "zip":
        return open_unpacked(io.BufferedReader(file, _CHUNK), kind)
    archive = stack.enter_context(zipfile.ZipFile(file))
    try:
        member = find_zipped(archive, suffix, is_ignored)
    except ValueError as error:
        raise SourceError(f"{where}: {error}") from error
    return stack.enter_context(archive.open(member))
