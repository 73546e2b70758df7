"""The files of an input: a folder or a tar archive, on any store."""

import re
from collections.abc import Iterator

from wds_imagenet.inputs.archives.tar_listing import ListedFile, list_archive
from wds_imagenet.inputs.small_files import find_file, join_url, no_input_error
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.storage.url import parse_url


def list_files(
    url: str, options: StorageOptions, archives: re.Pattern[str] | None = None
) -> Iterator[ListedFile]:
    """Yield every file in a folder or a tar archive, at any depth.

    Costs one listing, and for each archive the cost of `list_archive`; other files are not read.

    Args:
        url: the folder or archive.
        options: storage options.
        archives: names of files in a folder that are tar archives and are listed in turn.

    Raises:
        UsageError: there is nothing at the URL.
        SourceError: the folder is empty, or an archive is compressed.
    """
    found = find_file(url, options)
    if found is not None:
        yield from _list_archive(*found)
        return
    store = open_store(url, options)
    empty = True
    for info in store.list_objects():
        empty = False
        if archives and archives.fullmatch(info.path.rsplit("/", 1)[-1]):
            yield from _list_archive(store, info, info.path.removesuffix(".tar") + "/")
        else:
            yield ListedFile(info.path, join_url(store.url, info.path), 0, info.size)
    if empty:
        raise no_input_error(url)


def folder_name(url: str) -> str:
    """Return the name of the folder at a URL, also if the URL is `.`; "" for a folder without a name."""
    location = parse_url(url)
    return (location.root if location.scheme == "file" else url).rstrip("/").rpartition("/")[2]


def _list_archive(store: Store, info: ObjectInfo, folder: str = "") -> Iterator[ListedFile]:
    with open_reader(store, info) as read:
        yield from list_archive(read, info.size, join_url(store.url, info.path), folder)
