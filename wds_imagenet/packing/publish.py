"""One shard onto a store: built beside it, read back, put, confirmed, receipted."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from wds_imagenet.errors import CorruptError
from wds_imagenet.packing.fetch import Fetch
from wds_imagenet.packing.receipt import Receipt, receipt_path
from wds_imagenet.packing.shard import Recipe, build_shard
from wds_imagenet.packing.task import ShardTask
from wds_imagenet.storage import Store
from wds_imagenet.storage.local import meaning


@dataclass(frozen=True, slots=True)
class Publisher:
    """The work that is done for every shard, in whatever process. Picklable."""

    store: Store
    recipe: Recipe
    fetch: Fetch

    def __call__(self, task: ShardTask) -> Receipt:
        """Publish a shard and its receipt, in that order, and return the receipt.

        A reader of the store sees the whole shard or none, whatever happens here; no temporary file
        outlives the call. Costs a shard's bytes of local disk while it lasts. Raises, beside what
        building raises, `StoreError` and its kinds.
        """
        with _temporary(self.store, task.name) as file:
            with closing(self.fetch.all(task.references)) as images:
                receipt = build_shard(task, self.recipe, images, file)
            self.store.put_file(task.name, file)
        size = self.store.info(task.name).size
        if size != receipt.shard.size:
            raise CorruptError(
                f"{self.store.url}/{task.name} has {size:,} bytes right after "
                f"{receipt.shard.size:,} were put there: is another program writing to it?"
            )
        self.store.put(receipt_path(task.name), receipt.to_json())
        return receipt


@contextmanager
def _temporary(store: Store, name: str) -> Iterator[Path]:
    """Give a path to write to, in the store's own place where it has one; nothing is left there."""
    try:
        if store.staging is None:
            with tempfile.TemporaryDirectory(prefix="wds-imagenet-") as folder:
                yield Path(folder) / name
        else:
            store.staging.mkdir(parents=True, exist_ok=True)
            with _locked(store.staging / f"{name}.{secrets.token_hex(8)}") as file:
                yield file
    except OSError as error:
        place = store.staging or Path(tempfile.gettempdir())
        told = meaning(error, place / name)
        told.add_note(f"shards are built in {place} before they are put")
        raise told from error


@contextmanager
def _locked(file: Path) -> Iterator[Path]:
    """Make a file, and hold a lock so that no other process's `sweep` takes it for a dead one's."""
    try:
        while True:
            with file.open("wb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                if os.fstat(stream.fileno()).st_nlink:  # else it was swept before it was locked
                    yield file
                    return
    finally:
        file.unlink(missing_ok=True)
