"""Pack a stream: one pass, from its first byte to a committed manifest."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from wds_imagenet.errors import ManifestError, NotFoundError, PlanError, SourceError, UsageError
from wds_imagenet.format.manifest import MANIFEST_PATH
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.shard import Recipe, build_shard
from wds_imagenet.packing.engines import local
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.duplicate_keys import Hashes, check_keys, hash_keys
from wds_imagenet.packing.plan.shard_cutting import FullShard, fill
from wds_imagenet.packing.plan.stream_plan import StreamPlan, plan_stream
from wds_imagenet.packing.plan.stream_shuffle import shuffled
from wds_imagenet.packing.publish import destination
from wds_imagenet.packing.publish.claim import DestinationClaim
from wds_imagenet.packing.publish.receipt import Receipt, receipt_path
from wds_imagenet.packing.publish.upload import check_expected, publish
from wds_imagenet.packing.report import PackReport, Progress
from wds_imagenet.storage import Store, open_store
from wds_imagenet.util.messages import quantity
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 4  # each holds a shard
_REQUESTS: Final = 16


def pack_stream(
    stream: Stream,
    dest: str,
    options: PackOptions,
    *,
    workers: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    source_options: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    dry_run: bool = False,
    check: bool = False,
) -> PackReport:
    """Pack a stream into shards at `dest`, any URL that a store takes, reading it once.

    Guarantees what `pack_listing` does. Nothing is put before the first shard is full. Run again after a
    crash, it reads the stream again; a shard that is there is left alone, but only if the stream still
    gives those very bytes, and with `check` only if every byte of it still is what was put. Two samples
    with one key in different shards are found at the end.

    The order is the stream's own or, shuffled, as random as `options.window_bytes` allow. Costs the memory
    of that window and of two shards more than `workers`, which are threads here: as many as there are
    CPUs, at most 4, by default. Raises what `pack_listing` does, and what the stream raises.
    """
    began = time.monotonic()
    if workers is not None and workers < 1:
        raise UsageError(f"packing takes at least one worker, not {workers}")
    plan = plan_stream(stream, options)
    store = open_store(dest, storage_options)
    standing = destination.survey(store, plan, check=check)
    manifest, notes, resumed = standing.manifest, plan.notes, 0
    if manifest is None and not dry_run:
        claim = None if standing.claimed else DestinationClaim(destination.PLAN_PATH, plan.to_json())
        publisher = _Publisher(store, plan, Fetch(source_options or {}), standing, check, claim)
        tally = _Tally(plan, began)
        with closing(_publish(publisher, workers or min(local.usable_cpus(), _THREADS))) as arriving:
            for done in arriving:
                tally.add(done)
                if on_progress is not None:
                    on_progress(tally.progress())
        resumed = tally.resumed
        notes += check_keys(tally.hashes, lambda: _receipts(store, tally.names))
        _check_surplus(store, plan, tally.names)
        with closing(_receipts(store, tally.names)) as receipts:
            manifest = destination.commit(store, plan, receipts)
    if not dry_run:
        store.sweep()
    remarks = destination.read_remarks(store) if manifest else []
    actions = Counter(remark.action for remark in remarks)
    arrived = manifest.samples + actions["skipped"] if manifest else stream.published
    if arrived is not None and stream.published is not None and stream.published != arrived:
        notes += (f"{quantity(arrived, 'images')} arrived, where {stream.published:,} were published",)
    return PackReport(
        url=store.url,
        manifest=f"{store.url}/{MANIFEST_PATH}" if manifest else None,
        plan=plan.fingerprint,
        shards=len(manifest.shards) if manifest else _expected_shards(stream, options),
        resumed=len(manifest.shards) if manifest and standing.manifest else resumed,
        samples=manifest.samples if manifest else stream.samples or 0,
        bytes=manifest.size if manifest else stream.size or 0,
        skipped=actions.get("skipped", 0),
        repaired=actions.get("repaired", 0),
        turned=actions.get("turned", 0),
        notes=notes,
        seconds=time.monotonic() - began,
        already=standing.manifest is not None,
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """A shard that is published."""

    receipt: Receipt
    size: int
    """How many bytes came with its samples."""
    resumed: bool
    """Whether an earlier run had published it."""


@dataclass(frozen=True, slots=True)
class _Publisher:
    """The work that is done for every shard."""

    store: Store
    plan: StreamPlan
    fetch: Fetch
    standing: destination.DestinationState
    check: bool
    """Whether only those of its shards count that were read again."""
    claim: DestinationClaim | None
    """Of the place, if it is still to be made."""

    def __call__(self, full: FullShard) -> _Done:
        task = full.task
        recipe = Recipe(self.plan.fingerprint, self.plan.options, self.plan.schema)

        def build(file: Path) -> Receipt:
            with closing(self.fetch.attached(full.elsewhere)) as read:
                receipt = build_shard(task, recipe, full.images, file, full.attached(read))
            check_expected(f"{self.store.url}/{MANIFEST_PATH}", receipt, self.standing.expected)
            return receipt

        held = self._held(task.name) if self.standing.claimed else None
        receipt = publish(self.store, task.name, receipt_path(task.name), build, held=held, claim=self.claim)
        return _Done(receipt, full.size, receipt.to_json() == held)

    def _held(self, name: str) -> bytes | None:
        """Return the receipt of a shard that is there, None if one of the two is not."""
        if self.check and name not in self.standing.receipts:
            return None
        try:
            data = self.store.read(receipt_path(name)).data
            size = self.store.info(name).size
            return data if Receipt.from_json(data).shard.size == size else None
        except (NotFoundError, ManifestError):
            return None


def _publish(publisher: _Publisher, threads: int) -> Generator[_Done, None, None]:
    """Read the stream, and publish its shards in their order, several at a time."""
    plan = publisher.plan
    options = plan.options
    arrivals = plan.stream.images()
    try:
        ordered = shuffled(arrivals, options.window_bytes, options.seed) if options.shuffled else arrivals
        shards = fill(ordered, plan)
        first = next(shards, None)
        if first is None:
            raise SourceError("there are no images to pack: the stream has none")
        yield from local.run_threads(publisher, chain([first], shards), threads)
    finally:
        if isinstance(arrivals, Generator):
            arrivals.close()


class _Tally:
    """What is kept of the shards that are done: 8 bytes a sample."""

    def __init__(self, plan: StreamPlan, began: float) -> None:
        self.names: list[str] = []
        self.hashes: list[Hashes] = []
        self.resumed = 0
        self._plan = plan
        self._began = began
        self._samples = self._bytes = 0

    def add(self, done: _Done) -> None:
        self.names.append(done.receipt.shard.name)
        self.hashes.append(hash_keys(done.receipt.keys))
        self.resumed += done.resumed
        self._samples += done.receipt.shard.samples
        self._bytes += done.size

    def progress(self) -> Progress:
        return Progress(
            shards_done=len(self.names),
            shards=None,
            samples_done=self._samples,
            samples=self._plan.stream.samples,
            bytes_done=self._bytes,
            bytes_expected=self._plan.stream.size,
            seconds=time.monotonic() - self._began,
        )


def _receipts(store: Store, names: Sequence[str]) -> Generator[Receipt, None, None]:
    """Yield the shards' receipts, as they lie there: all of them have no room in memory."""

    def read(name: str) -> Receipt:
        try:
            return Receipt.from_json(store.read(receipt_path(name)).data)
        except ManifestError as error:
            error.add_note(f"{store.url}/{receipt_path(name)} was just written: is another program here?")
            raise

    return map_ahead(read, names, threads=_REQUESTS, name="receipts")


def _check_surplus(store: Store, plan: StreamPlan, names: Sequence[str]) -> None:
    """Refuse shards that an earlier run made of an archive with other bytes and the same size."""
    known = set(names)
    for item in store.list_objects(f"{plan.options.name}-{plan.options.split}-"):
        if item.path not in known:
            raise PlanError(
                f"{store.url} has {item.path!r}, which this stream does not give: it was packed from other "
                "bytes. Choose another destination"
            )


def _expected_shards(stream: Stream, options: PackOptions) -> int:
    if options.samples_per_shard is not None:
        return -(-(stream.samples or 0) // options.samples_per_shard)
    return -(-(stream.size or 0) // options.shard_bytes)
