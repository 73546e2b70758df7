"""One shard onto a store: built beside it, read back, put, confirmed, receipted."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wds_imagenet.errors import CorruptError, FullError, StoreError
from wds_imagenet.packing.fetch import Fetch
from wds_imagenet.packing.receipt import Receipt, receipt_path
from wds_imagenet.packing.shard import Recipe, build_shard, check_shard
from wds_imagenet.packing.task import ShardTask
from wds_imagenet.storage import Store

_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
            receipt = self._build(task, file)
            check_shard(file, receipt)
            self.store.put_file(task.name, file)
        size = self.store.info(task.name).size
        if size != receipt.shard.size:
            raise CorruptError(
                f"{self.store.url}/{task.name} has {size:,} bytes right after "
                f"{receipt.shard.size:,} were put there: is another program writing to it?"
            )
        self.store.put(receipt_path(task.name), receipt.to_json())
        return receipt

    def _build(self, task: ShardTask, file: Path) -> Receipt:
        try:
            with file.open("xb") as stream, closing(self.fetch.all(task.references)) as images:
                return build_shard(task, self.recipe, images, stream.write)
        except OSError as error:
            full = error.errno in _FULL
            hint = "make room, or set TMPDIR to a larger disk" if full else "check its permissions"
            kind = FullError if full else StoreError
            raise kind(f"{task.name} cannot be written in {file.parent}: {error.strerror}; {hint}") from error


@contextmanager
def _temporary(store: Store, name: str) -> Iterator[Path]:
    """Give a path to write to, near the store where that spares a copy; nothing is left there."""
    if store.staging is None:
        with tempfile.TemporaryDirectory(prefix="wds-imagenet-") as folder:
            yield Path(folder) / name
        return
    store.staging.mkdir(parents=True, exist_ok=True)
    file = store.staging / f"{name}.{os.getpid()}"
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)
