"""From a URL to a store."""

import os
from pathlib import Path

from wds_imagenet.storage.local import LocalStore
from wds_imagenet.storage.remote import RemoteStore
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions, Store
from wds_imagenet.storage.store_options import check_known_options, parse_options
from wds_imagenet.storage.url import parse_url


def open_store(url: str | os.PathLike[str], storage_options: StorageOptions | None = None) -> Store:
    """Return the folder at a URL or local path as a store. Costs nothing: it connects when it is used.

    Options are those of `--storage-option NAME=VALUE`: s3fs's names or obstore's for `s3://`, those of the
    fsspec class elsewhere, and everywhere `engine` (`obstore`, `fsspec`), `retries`, `timeout` (seconds that
    a request may go without progress) and `deadline` (seconds after which none is begun again: by default
    180, and 10 as long as the store has never answered). Local paths and `memory://` need none, and let those
    of other stores pass. Credentials and endpoint come from the options or else the environment.

    Raises `UsageError` for a URL or option that is not understood.
    """
    options = storage_options or NO_OPTIONS
    location = parse_url(os.fspath(url))
    if location.scheme in {"file", "memory"}:
        check_known_options(options)
    if location.scheme == "file":
        return LocalStore(Path(location.root))
    return RemoteStore(location, parse_options(location.scheme, options, os.environ))
