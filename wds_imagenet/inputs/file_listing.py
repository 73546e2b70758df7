"""The files of an input: a folder or a tar archive, on any store."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from wds_imagenet.errors import DeniedError, NotFoundError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.tar import OnFolder, pass_over
from wds_imagenet.inputs.archives.tar_listing import ListedFile, check_whole, list_archive
from wds_imagenet.inputs.image_files import HEAD, is_image, is_image_data, suffix_of
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.small_files import find_file, join_url, no_input_error
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.storage.url import parse_url

_NO_IMAGES: Final = frozenset({
    "7z", "bz2", "cfg", "csv", "gz", "htm", "html", "ini", "json", "jsonl", "log", "m", "mat",
    "md", "npy", "npz", "parquet", "pdf", "pkl", "pt", "pth", "py", "rar", "rst", "rtf", "sh",
    "tar", "tgz", "toml", "tsv", "txt", "xml", "xz", "yaml", "yml", "zip", "zst",
})  # fmt: skip

_NOT_UTF8: Final = "its name is not UTF-8; rename it"


def list_files(
    url: str,
    options: StorageOptions,
    archives: re.Pattern[str] | None = None,
    on_folder: OnFolder = pass_over,
) -> Iterator[ListedFile]:
    """Yield every file in a folder or a tar archive, at any depth.

    Costs one listing, and for each archive the cost of `list_archive`; other files are not read.

    Args:
        url: the folder or archive.
        options: storage options.
        archives: names of files in a folder that are tar archives and are listed in turn.
        on_folder: is called with the path of each folder that the archive at the URL has as a member.

    Raises:
        UsageError: there is nothing at the URL.
        SourceError: the folder is empty, or an archive is compressed or a part of one.
    """
    found = find_file(url, options)
    if found is not None:
        check_whole(join_url(found[0].url, found[1].path))
        yield from _list_archive(*found, on_folder=on_folder)
        return
    store = open_store(url, options)
    empty = True
    for info in store.list_objects():
        empty = False
        name = info.path.rsplit("/", 1)[-1]
        if not is_image(name) and len(name) > 3 and not is_ignored(info.path):  # xaa may be an image
            check_whole(join_url(store.url, info.path))
        if archives and archives.fullmatch(name) and info.fault is None:
            yield from _list_archive(store, info, info.path.removesuffix(".tar") + "/")
        elif not _is_text(info.path):
            path = info.path.encode(errors="backslashreplace").decode()
            yield ListedFile(path, join_url(store.private_url, path), 0, 0, _NOT_UTF8)
        else:
            yield ListedFile(info.path, join_url(store.private_url, info.path), 0, info.size, info.fault)
    if empty:
        raise no_input_error(url)


def _is_text(path: str) -> bool:
    """Return False for the path of a local file whose bytes are not UTF-8."""
    return path.isascii() or not any("\ud800" <= character <= "\udfff" for character in path)


def folder_name(url: str) -> str:
    """Return the name of the folder at a URL, also if the URL is `.`; "" for a folder without a name."""
    location = parse_url(url)
    return (location.root if location.scheme == "file" else url).rstrip("/").rpartition("/")[2]


class FirstBytes:
    """Looks at the first bytes of listed files, where their names do not show whether they are images.

    Costs one small read a file. Names of texts, tables and archives are believed.
    """

    def __init__(self, options: StorageOptions) -> None:
        """Read with these storage options."""
        self._store = cache(lambda folder: open_store(folder, options))

    def is_image(self, file: Reference) -> bool:
        """Return True for a file that begins as an image, also of a format that no shard takes."""
        if file.fault is not None or not file.size or suffix_of(file.name) in _NO_IMAGES:
            return False
        folder, name = split_url(file.url)
        stop = file.offset + min(file.size, HEAD)
        try:
            return is_image_data(self._store(folder).read(name, file.offset, stop).data)
        except (NotFoundError, DeniedError):  # the packer reads it again, and reports the fault
            return False


def _list_archive(
    store: Store, info: ObjectInfo, folder: str = "", on_folder: OnFolder = pass_over
) -> Iterator[ListedFile]:
    with open_reader(store, info) as read:
        url = join_url(store.private_url, info.path)
        yield from list_archive(read, info.size, url, folder, on_folder)
