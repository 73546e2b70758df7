"""The publisher: one shard is built in a temporary file, checked, put, confirmed and receipted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from wds_imagenet.errors import CorruptError, ManifestError, NotFoundError, SourceError
from wds_imagenet.packing.build.builders import Builder
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.packing.publish.plan_lock import PlanLock
from wds_imagenet.packing.publish.temporary_file import temporary_file
from wds_imagenet.storage import Store


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
    resumable: frozenset[str] | None = frozenset()
    """Names of shards that stay as they are if they come out the same; None for any shard with a receipt."""

    def __call__(self, task: Task) -> Published:
        """Publish a shard, then its receipt.

        A reader of the store sees the whole shard or none, whatever fails here. No temporary file outlives
        the call. Nothing is put before the shard is built and the plan is at the destination. Costs a
        shard's size of local disk.

        Raises:
            SourceError: the shard comes out other than the manifest states.
            CorruptError: the store holds another size than was put.
            PlanError: the destination has another plan.
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
                self.store.put_file(self.layout.shard(task.name), file)
        if not resumed:
            self._confirm(receipt)
            self.store.put(self.layout.receipt(task.name), receipt.to_json())
        size = task.input_bytes
        return Published(receipt, receipt.shard.size if size is None else size, resumed)

    def _earlier_receipt(self, name: str) -> bytes | None:
        """Return the receipt of a shard that may stay, None if the shard or the receipt is missing."""
        if self.resumable is not None and name not in self.resumable:
            return None
        try:
            data = self.store.read(self.layout.receipt(name)).data
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

    def _confirm(self, receipt: Receipt) -> None:
        path = self.layout.shard(receipt.shard.name)
        size = self.store.info(path).size
        if size != receipt.shard.size:
            raise CorruptError(
                f"{self.store.url}/{path} has {size:,} bytes right after {receipt.shard.size:,} were put "
                "there: is another program writing to it?"
            )
