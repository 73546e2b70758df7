"""Living packers: their staged files carry a lock."""

import fcntl
from contextlib import suppress

from wds_imagenet.errors import UsageError
from wds_imagenet.storage import Store


def check_no_packer(store: Store) -> None:
    """Raise `UsageError` if a packer of this machine builds a shard for a local data set right now.

    A store without staging shows no packers; there, a repair and a packer of one plan write the same bytes.
    """
    if store.staging is None or not store.staging.is_dir():
        return
    for path in sorted(store.staging.iterdir()):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another packer works at {store.url}: it builds {path.name}. Wait until it ends"
                ) from None
