"""URL and options → store."""

import os
from pathlib import Path

from wds_imagenet.storage.local import LocalStore
from wds_imagenet.storage.remote import RemoteStore
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions, Store
from wds_imagenet.storage.store_options import check_known_options, parse_options
from wds_imagenet.storage.url import parse_url


def open_store(url: str | os.PathLike[str], storage_options: StorageOptions | None = None) -> Store:
    """Return the folder at a URL or local path as a store. Costs nothing: the first call connects.

    Credentials and endpoint come from the options, or else from the environment.

    Args:
        url: a URL such as `s3://bucket/folder`, or a local path.
        storage_options: the options of `--storage-option NAME=VALUE`. For `s3://`, names of s3fs or obstore;
            elsewhere, names of the store's fsspec class. For every store: `engine` (`obstore` or `fsspec`),
            `retries`, `timeout` (seconds that a request may go without progress) and `deadline` (seconds
            after which no attempt begins: 180, or 10 while the store has never answered). Local paths and
            `memory://` ignore the options of other stores.

    Raises:
        UsageError: for a URL that is not opened, or an unknown option.
    """
    options = storage_options or NO_OPTIONS
    location = parse_url(os.fspath(url))
    if location.scheme in {"file", "memory"}:
        check_known_options(options)
    if location.scheme == "file":
        return LocalStore(Path(location.root))
    return RemoteStore(location, parse_options(location.scheme, options, os.environ))
