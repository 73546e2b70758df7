"""The publisher: one shard is built in a temporary file, checked, put, confirmed and receipted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from wds_imagenet.errors import (
    CorruptError,
    ExistsError,
    ManifestError,
    NotFoundError,
    PlanError,
    SourceError,
)
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.packing.build.builders import Builder
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.publish.check import is_intact
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.packing.publish.plan_lock import PlanLock
from wds_imagenet.packing.publish.temporary_file import temporary_file
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import MAX_METADATA


class NamedTask(Protocol):
    """The task of building one shard, of any kind."""

    @property
    def name(self) -> str:
        """The shard's name."""

    @property
    def input_bytes(self) -> int | None:
        """Bytes that progress counts for the task; None for those of the shard."""


Task = TypeVar("Task", bound=NamedTask)


@dataclass(frozen=True, slots=True)
class Published:
    """A shard that is at the destination, with its receipt."""

    receipt: Receipt
    progress_bytes: int
    resumed: bool
    """True if an earlier run had put it, with the same bytes."""


@dataclass(frozen=True, slots=True)
class Publisher(Generic[Task]):
    """The work that an engine does for every task. Picklable."""

    store: Store
    layout: Layout
    builder: Builder[Task]
    lock: PlanLock | None
    """The lock to take before the first put; None if the destination has the plan."""
    expected: Mapping[str, str]
    """The SHA-256 that a finished manifest states for each shard, by name; empty without a manifest."""
    resumable: frozenset[str] = frozenset()
    """Names of shards with receipts, which stay as they are if they come out the same."""
    replaceable: frozenset[str] | None = frozenset()
    """Names of shards that replace one of other bytes, unless a finished manifest states it; None: all."""

    def __call__(self, task: Task) -> Published:
        """Publish a shard's receipt, then the shard.

        A reader of the store sees the whole shard or none, whatever fails here. No temporary file outlives
        the call. Nothing is put before the shard is built and the plan is at the destination. The receipt
        reserves the shard's name: of two packers whose bytes differ, the second stops before it puts the
        shard. A shard counts as finished only with its receipt, and at the receipt's size. A shard of other
        bytes is replaced only if an earlier receipt states the new bytes, or if it is `replaceable`.
        Costs a shard's size of local disk.

        Raises:
            SourceError: the shard comes out other than the manifest or an earlier receipt states.
            CorruptError: the store holds another size than was put.
            PlanError: the destination has another plan, or another file in the shard's place.
            StoreError: the store or the local disk fails.
        """
        earlier = self._earlier_receipt(task.name)
        with temporary_file(self.store, task.name) as file:
            receipt = self.builder(task, file)
            self._check_expected(receipt)
            resumed = receipt.to_json() == earlier
            if not resumed:
                if self.lock is not None:
                    self.lock(self.store)
                known = self._put_receipt(receipt)
                self._put_shard(receipt, file, known=known)
        if not resumed:
            self._confirm(receipt)
        size = task.input_bytes
        return Published(receipt, receipt.shard.size if size is None else size, resumed)

    def _earlier_receipt(self, name: str) -> bytes | None:
        """Return the receipt of a shard that may stay, None if the shard or the receipt is missing."""
        if name not in self.resumable:
            return None
        try:
            data = self.store.read(self.layout.receipt(name), limit=MAX_METADATA).data
            size = self.store.info(self.layout.shard(name)).size
            return data if Receipt.from_json(data).shard.size == size else None
        except (NotFoundError, ManifestError):
            return None

    def _check_expected(self, receipt: Receipt) -> None:
        shard = receipt.shard
        if self.expected.get(shard.name, shard.sha256) != shard.sha256:
            raise SourceError(
                f"{shard.name} comes out other than {self.store.url}/{self.layout.manifest} states, so the "
                "shard is left as it is: the source has changed since, or images are resized by other "
                f"versions of the libraries. {self.layout.alternative}"
            )

    def _put_receipt(self, receipt: Receipt) -> bool:
        """Put the receipt, and return True if the same receipt was there before."""
        path, data = self.layout.receipt(receipt.shard.name), receipt.to_json()
        try:
            self.store.put(path, data, create=True)
        except ExistsError as error:
            found = self.store.read(path, limit=MAX_METADATA).data
            if found == data:
                return True
            if self._is_ours(found, receipt) and not self._replaces(receipt):
                raise SourceError(
                    f"{receipt.shard.name} comes out other than {self.store.url}/{path} states: the source "
                    "has changed since an earlier run, or another packer gets other bytes. "
                    f"{self.layout.alternative}; or, if no other packer is at work, run again with --check, "
                    "which replaces the shard"
                ) from error
            self._check_unfinished(receipt)
            self.store.put(path, data)
        return False

    def _put_shard(self, receipt: Receipt, file: Path, *, known: bool) -> None:
        path = self.layout.shard(receipt.shard.name)
        try:
            self.store.put_file(path, file, create=True)
        except ExistsError as error:
            if is_intact(self.store, path, receipt.shard):
                return
            if not (known or self._replaces(receipt)):
                raise PlanError(
                    f"{self.store.url}/{path} is there with other bytes than this run would put, and without "
                    "a receipt. Move that file away; or, if no other packer is at work, run again with "
                    "--check, which replaces it"
                ) from error
            self._check_unfinished(receipt)
            self.store.put_file(path, file)

    def _replaces(self, receipt: Receipt) -> bool:
        return self.replaceable is None or receipt.shard.name in self.replaceable

    def _is_ours(self, data: bytes, receipt: Receipt) -> bool:
        """Return True for an undamaged receipt of this plan and shard."""
        try:
            found = Receipt.from_json(data)
        except ManifestError:
            return False
        return (found.plan, found.shard.name) == (receipt.plan, receipt.shard.name)

    def _check_unfinished(self, receipt: Receipt) -> None:
        """Raise `PlanError` if another packer has finished meanwhile with other bytes of a shard."""
        try:
            data = self.store.read(self.layout.manifest, limit=MAX_METADATA).data
            manifest = Manifest.from_json(data)
        except NotFoundError:
            return
        if receipt.shard not in manifest.shards:
            raise PlanError(
                f"another packer has finished {self.store.url}/{self.layout.manifest} with other bytes of "
                f"{receipt.shard.name}. {self.layout.alternative}"
            )

    def _confirm(self, receipt: Receipt) -> None:
        path = self.layout.shard(receipt.shard.name)
        try:
            size = self.store.info(path).size
        except NotFoundError:
            size = 0
        if size != receipt.shard.size:
            raise CorruptError(
                f"{self.store.url}/{path} has {size:,} bytes right after {receipt.shard.size:,} were put "
                "there: is another program writing to it, or removing files?"
            )
