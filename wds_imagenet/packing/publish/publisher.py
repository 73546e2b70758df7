"""One shard onto a store: built beside it, read back, put, confirmed, receipted."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.manifest import MANIFEST_PATH
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.shard import Recipe, build_shard
from wds_imagenet.packing.engines.local import meanwhile
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.publish.claim import DestinationClaim
from wds_imagenet.packing.publish.receipt import Receipt, receipt_path
from wds_imagenet.storage import Store
from wds_imagenet.storage.local import error_from_os

_FLUSH: Final = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Publisher:
    """The work that is done for every shard, in whatever process. Picklable."""

    store: Store
    recipe: Recipe
    fetch: Fetch
    expected: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 that shards must come out with, by name, where it is known."""
    claim: DestinationClaim | None = None
    """Of the place, if it is still to be made."""

    def __call__(self, task: ShardTask) -> Receipt:
        """Publish a shard and its receipt, in that order, and return the receipt.

        A reader of the store sees the whole shard or none, whatever happens here; no temporary file
        outlives the call. Costs a shard's bytes of local disk while it lasts. Raises, beside what
        building raises, `StoreError` and its kinds.
        """

        def build(file: Path) -> Receipt:
            references = task.references
            with (
                closing(self.fetch.images(references)) as images,
                closing(self.fetch.attached(references)) as more,
            ):
                receipt = build_shard(task, self.recipe, images, file, more)
            check_expected(f"{self.store.url}/{MANIFEST_PATH}", receipt, self.expected)
            return receipt

        return publish(self.store, task.name, receipt_path(task.name), build, claim=self.claim)


def check_expected(manifest: str, receipt: Receipt, expected: Mapping[str, str]) -> None:
    """Refuse a shard that is not the one of a finished data set, before it is put there."""
    shard = receipt.shard
    if expected.get(shard.name, shard.sha256) != shard.sha256:
        raise SourceError(
            f"{shard.name} comes out other than {manifest} says, so it is left as it is: the source "
            "has changed since, or images are resized by other versions of the libraries. Pack to another "
            "destination"
        )


def publish(
    store: Store,
    path: str,
    receipt_at: str,
    build: Callable[[Path], Receipt],
    *,
    held: bytes | None = None,
    claim: DestinationClaim | None = None,
) -> Receipt:
    """Let a tar be built in a temporary file, put it, confirm it and put its receipt, in that order.

    Nothing is put before the place is claimed, and it is not before the tar is built: a source that gives
    none leaves no trace.
    Nothing is put if the receipt is `held`, that of the tar which is there.
    """
    with _temporary(store, path.rpartition("/")[2]) as file:
        receipt = build(file)
        if receipt.to_json() == held:
            return receipt
        if claim is not None:
            claim(store)
        store.put_file(path, file)
    size = store.info(path).size
    if size != receipt.shard.size:
        raise CorruptError(
            f"{store.url}/{path} has {size:,} bytes right after "
            f"{receipt.shard.size:,} were put there: is another program writing to it?"
        )
    store.put(receipt_at, receipt.to_json())
    return receipt


@contextmanager
def _temporary(store: Store, name: str) -> Iterator[Path]:
    """Give a path to write to, in the store's own place where it has one; nothing is left there."""
    try:
        if store.staging is None:
            with tempfile.TemporaryDirectory(prefix="wds-imagenet-") as folder:
                yield Path(folder) / name
        else:
            with _locked(store.staging / f"{name}.{secrets.token_hex(8)}") as file:
                yield file
    except OSError as error:
        place = store.staging or Path(tempfile.gettempdir())
        told = error_from_os(error, place / name)
        told.add_note(f"shards are built in {place} before they are put")
        raise told from error


@contextmanager
def _locked(file: Path) -> Iterator[Path]:
    """Make a file, and hold a lock so that no other process's `sweep` takes it for a dead one's."""
    try:
        while True:
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                stream = file.open("wb")
            except FileNotFoundError:  # the folder was empty, and swept
                continue
            with stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                if os.fstat(stream.fileno()).st_nlink:  # else it was swept before it was locked
                    # The disk takes the bytes as they come: the last fsync finds little left to do.
                    with meanwhile(partial(os.fsync, stream.fileno()), _FLUSH):
                        yield file
                    return
    finally:
        file.unlink(missing_ok=True)
