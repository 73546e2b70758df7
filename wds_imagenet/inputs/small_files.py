"""Small files, read whole: alone, in a folder, in a tar or in a gzipped tar, on any store."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wds_imagenet.errors import CorruptError, NotFoundError, SourceError, UsageError
from wds_imagenet.format.tar import walk_bytes
from wds_imagenet.shown import shown_url
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.storage.url import is_http, parse_url

MAX_BYTES: Final = 64 << 20
MAX_INFLATED: Final = 256 << 20
GZIP: Final = b"\x1f\x8b"
"""The first bytes of gzipped data (RFC 1952, section 2.3.1)."""


def join_url(folder: str, path: str) -> str:
    """Return the URL of a path in a folder; the query of an HTTP URL stays at the end."""
    base, mark, query = folder.partition("?") if is_http(folder) else (folder, "", "")
    return f"{base.rstrip('/')}/{path}{mark}{query}"


def find_file(url: str, options: StorageOptions) -> tuple[Store, ObjectInfo] | None:
    """Return the store and the entry of the file at a URL; None if the URL is a folder or does not exist."""
    location = parse_url(url)
    try:
        parent, name = split_url(location.root if location.scheme == "file" else url)
    except UsageError:  # a bucket, the root of a disk, or a folder with a slash at its end
        return None
    store = open_store(parent, options)
    try:
        return store, store.info(name)
    except NotFoundError:
        return None


def no_file_error(url: str) -> UsageError:
    """Return the error for a missing file, or for a folder where a file is expected."""
    folder, url = _is_local_folder(url), shown_url(url)
    return UsageError(f"{url} is a folder, not a file" if folder else f"there is no file {url}")


def no_input_error(url: str) -> UsageError | SourceError:
    """Return the error for a missing input: a `UsageError`, but a `SourceError` for an empty folder."""
    folder, url = _is_local_folder(url), shown_url(url)
    if folder:
        return SourceError(f"there is nothing in {url}: it is a folder without files")
    return UsageError(f"there is nothing at {url}: no file, and no folder with files")


def _is_local_folder(url: str) -> bool:
    location = parse_url(url)
    return location.scheme == "file" and Path(location.root).is_dir()


def read_file(url: str, options: StorageOptions, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a whole file. A file that is gzipped by its first bytes is unpacked, to at most 256 MiB.

    Args:
        url: the file.
        options: storage options.
        max_bytes: the largest size of the stored file.

    Raises:
        UsageError: there is no such file.
        SourceError: the file is too large, or its gzip data is damaged.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file_error(url)
    return _read(*found, max_bytes)


def read_files(url: str, options: StorageOptions, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the wanted files in a folder, a tar or a gzipped tar, by path.

    Each file, and an archive as a whole, may have 64 MiB. Costs one listing and one request a file, or one
    request for an archive.

    Args:
        url: the folder or archive.
        options: storage options.
        wanted: returns True for the path of a file to read.

    Raises:
        UsageError: there is nothing at the URL.
        SourceError: the folder is empty, or a file is too large.
        CorruptError: the archive is damaged.
    """
    found = find_file(url, options)
    if found is not None:
        archive = memoryview(_read(*found, MAX_BYTES))
        try:
            members = [member for member in walk_bytes(archive) if wanted(member.name)]
        except CorruptError as error:
            error.add_note(f"in {url}, which should be a tar archive or a folder")
            raise
        return {m.name: bytes(archive[m.offset : m.offset + m.size]) for m in members}
    store = open_store(url, options)
    infos = list(store.list_objects())
    if not infos:
        raise no_input_error(url)
    return {info.path: _read(store, info, MAX_BYTES) for info in infos if wanted(info.path)}


def decode_text(data: bytes) -> str:
    """Return UTF-8 text without byte order mark; text with a mark of UTF-16 is decoded, too.

    Raises `ValueError` for other encodings, with the line.
    """
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line:,} is not UTF-8: {error}; save the file as UTF-8") from error


def inflate(data: bytes, max_bytes: int = MAX_INFLATED) -> bytes:
    """Return gzipped bytes unpacked, of one gzip member or several.

    Raises `ValueError` if the data is damaged, cut off, or unpacks to more than `max_bytes`.
    """
    unpacked = []
    left = max_bytes
    while data:
        inflater = zlib.decompressobj(wbits=31)
        try:
            unpacked.append(inflater.decompress(data, left + 1))
        except zlib.error as error:
            raise ValueError(f"the gzip data is damaged: {error}") from error
        left -= len(unpacked[-1])
        if left < 0:
            raise ValueError(f"the gzip data unpacks to more than {max_bytes:,} bytes")
        if not inflater.eof:
            raise ValueError("the gzip data is cut off")
        data = inflater.unused_data.lstrip(b"\0")  # tape blocks are padded with zeros
    return b"".join(unpacked)


def _read(store: Store, info: ObjectInfo, max_bytes: int) -> bytes:
    where = join_url(store.url, info.path)
    if info.size > max_bytes:
        raise SourceError(f"{where} has {info.size:,} bytes; at most {max_bytes:,} are allowed")
    data = store.read(info.path, etag=info.etag).data
    if not data.startswith(GZIP):
        return data
    try:
        return inflate(data)
    except ValueError as error:
        raise SourceError(f"{where}: {error}") from error
