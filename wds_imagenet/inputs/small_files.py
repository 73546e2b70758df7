"""Small files, read whole: alone, compressed, in a folder, or in a tar or zip, on any store."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wds_imagenet.errors import CorruptError, NotFoundError, SourceError, UsageError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.tar import walk_bytes
from wds_imagenet.inputs.compression import (
    DAMAGE,
    HEAD,
    MAX_UNPACKED,
    check_zipped,
    compression_of,
    find_zipped,
    unpack,
)
from wds_imagenet.shown import shown_url
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import MAX_READ, ObjectInfo, StorageOptions, Store
from wds_imagenet.storage.url import is_http, parse_url

MAX_BYTES: Final = 64 << 20


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


def read_file(
    url: str, options: StorageOptions, *, max_bytes: int = MAX_BYTES, unzips: bool = False
) -> bytes:
    """Return a whole file. Gzip, xz and bzip2, by the first bytes, are unpacked to at most 256 MiB.

    Args:
        url: the file.
        options: storage options.
        max_bytes: the largest size of the stored file.
        unzips: whether a zip gives the one file that it holds.

    Raises:
        UsageError: there is no such file.
        SourceError: the file is too large, damaged, or in another compression.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file_error(url)
    data = _read(*found, max_bytes)
    if not unzips or compression_of(data[:HEAD]) != "zip":
        return data
    return next(iter(_unzip(data, url, None).values()))


def read_files(url: str, options: StorageOptions, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the wanted files in a folder, a zip, or a tar that may be compressed, by path.

    Each file, and an archive as a whole, may have 64 MiB; an archive unpacks to at most 256 MiB. Costs one
    listing and one request a file, or one request for an archive.

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
        data = _read(*found, MAX_BYTES)
        if compression_of(data[:HEAD]) == "zip":
            return _unzip(data, url, wanted)
        archive = memoryview(data)
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


def _read(store: Store, info: ObjectInfo, max_bytes: int) -> bytes:
    where = join_url(store.url, info.path)
    if info.size > max_bytes:
        raise SourceError(f"{where} has {info.size:,} bytes; at most {max_bytes:,} are allowed")
    data = store.read(info.path, etag=info.etag, limit=min(info.size, MAX_READ)).data
    try:
        return unpack(data)
    except ValueError as error:
        raise SourceError(f"{where}: {error}") from error


def _unzip(data: bytes, where: str, wanted: Callable[[str], bool] | None) -> dict[str, bytes]:
    """Return the wanted files in a zip; without `wanted`, the one file that it holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if wanted is None:
                infos = [find_zipped(archive, "", is_ignored)]
            else:
                infos = [info for info in archive.infolist() if wanted(info.filename)]
            contents: dict[str, bytes] = {}
            room = MAX_UNPACKED
            for info in infos:
                most = min(MAX_BYTES, room)
                check_zipped(info)
                with archive.open(info) as file:
                    contents[info.filename] = file.read(most + 1)
                room -= len(contents[info.filename])
                if len(contents[info.filename]) > most:
                    raise ValueError(f"{info.filename!r:.60} unpacks to more than {most:,} bytes")
            return contents
    except (*DAMAGE, RuntimeError, NotImplementedError) as error:  # zipfile's own for encryption and methods
        raise SourceError(f"{where}: the zip cannot be read: {error}") from error
