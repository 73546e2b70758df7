"""The protocol of a job: one packing of a listing, of a stream, or of a label layer."""

from collections.abc import Callable, Container, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from wds_imagenet.format.manifest import Manifest
from wds_imagenet.packing.build.builders import Builder
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.engines.registry import Reach
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.packing.publish.publisher import NamedTask
from wds_imagenet.storage import Store

Task = TypeVar("Task", bound=NamedTask)


@dataclass(frozen=True, slots=True)
class Totals:
    """The expected totals of a job; None for each that is known only at the end."""

    shards: int | None
    """For a stream an estimate."""
    samples: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class FinalFiles:
    """The files that make shards a data set or a layer."""

    manifest: Manifest
    others: Mapping[str, bytes]
    """Files that are put before the manifest, by path."""


class Job(Protocol[Task]):
    """Everything that `run` needs to pack shards of one kind."""

    layout: Layout
    """The paths of the files."""
    plan: bytes
    """The bytes of the plan file."""
    fingerprint: str
    """The SHA-256 of the plan, which receipts and manifest state."""
    totals: Totals
    """The expected totals, for progress and the report of a dry run."""
    notes: tuple[str, ...]
    """Remarks for the user."""
    shard_names: Sequence[str] | None
    """The names of all shards, in order; None if they are known only when the last task is done."""
    builder: Builder[Task]
    """Builds the shard of a task. Picklable if `reach` allows other processes."""

    def reach(self, store: Store) -> Reach:
        """Return the places where the tasks can run, for a destination on this store."""

    def differences(self, theirs: bytes) -> str:
        """Describe how another plan differs from this job's. Raises a `DataError` if it is no plan."""

    def tasks(self, finished: Container[str]) -> Generator[Task, None, None]:
        """Yield the tasks of all shards; if the names are known, only of those that are not finished."""

    def record(self, receipt: Receipt) -> None:
        """Take note of a shard that was just published. By default, do nothing."""
        del receipt

    def check_complete(self, receipts: Callable[[], Generator[Receipt, None, None]]) -> tuple[str, ...]:
        """Check all shards together before the manifest is made; return notes, by default none.

        Args:
            receipts: reads the receipts of all shards again.

        Raises:
            WdsImagenetError: the shards do not make a whole; no manifest is put.
        """
        del receipts
        return ()

    def final_files(self, receipts: Iterable[Receipt]) -> FinalFiles:
        """Return the manifest and the other files, given the receipts of all shards in order."""
