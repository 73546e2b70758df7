"""The run of a job: from the state of the destination to a committed manifest, for every kind of packing."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from wds_imagenet.errors import CorruptError, ExistsError, PlanError
from wds_imagenet.format.info_files import README_FILE
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.packing.build.receipt import Action, Receipt, Remark
from wds_imagenet.packing.engines.engine import Engine
from wds_imagenet.packing.engines.registry import Reach
from wds_imagenet.packing.publish.check import check_published
from wds_imagenet.packing.publish.job import Job
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.packing.publish.plan_lock import PlanLock
from wds_imagenet.packing.publish.publisher import Published, Publisher
from wds_imagenet.packing.publish.resume import DestinationState, find_state, read_receipts
from wds_imagenet.packing.report import PackProgress
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import holds
from wds_imagenet.util import strict_json
from wds_imagenet.util.temporary_folder import sweep_temporary_folders

OnProgress = Callable[[PackProgress], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run."""

    manifest: Manifest | None
    """None after a dry run."""
    resumed: int
    """Shards that an earlier run had finished."""
    finished_before: bool
    """True if an earlier run had finished everything."""
    actions: Mapping[Action, int] = field(default_factory=dict)
    """Remarks in the receipts, counted by their action."""
    notes: tuple[str, ...] = ()


def run(
    job: Job[Any],
    store: Store,
    open_engine: Callable[[Reach], Engine],
    *,
    on_progress: OnProgress | None = None,
    dry_run: bool = False,
    check: bool = False,
) -> Outcome:
    """Build and publish the missing shards of a job, then its manifest.

    Guarantees that the manifest is put last, when every shard is whole and in place; that the bytes do not
    depend on the engine, nor on the number of interrupted runs; and that nothing is overwritten but files
    of the same plan. A run that fails before its first shard is built leaves no files. Receipts are not
    kept in memory: they are read again for the manifest, one request a shard.

    Args:
        job: the kind of packing.
        store: that of the data set.
        open_engine: returns the engine for the places where the tasks can run.
        on_progress: called for each finished shard, also for those of earlier runs.
        dry_run: only find out how much is done.
        check: read every finished shard, and build the missing and damaged ones again.

    Raises:
        PlanError: the destination has another plan, or files that would be overwritten.
        CorruptError: shards of a finished manifest are missing or damaged, and `check` is not set.
        WdsImagenetError: the errors of building a shard, of the engine and of the store.
    """
    state = find_state(store, job, check=check)
    if dry_run and state.manifest is None:
        return Outcome(None, len(state.shards), finished_before=False)
    if not dry_run:
        if state.damaged_plan:
            store.put(job.layout.plan, job.plan)
        sweep_temporary_folders()  # half-built shards of killed packers to stores without a staging folder
    try:
        if state.manifest is not None:
            if not (state.locked or dry_run):
                PlanLock(job.layout.plan, job.plan)(store)  # somebody removed the plan file
            actions = _count_report(store, job.layout)
            return Outcome(state.manifest, len(state.manifest.shards), finished_before=True, actions=actions)
        return _build(job, store, state, open_engine(job.reach(store)), on_progress, check=check)
    finally:
        if not dry_run:
            store.sweep()  # the temporary files of killed workers, of this run or an earlier one


def _build(
    job: Job[Any],
    store: Store,
    state: DestinationState,
    engine: Engine,
    on_progress: OnProgress | None,
    *,
    check: bool,
) -> Outcome:
    tally = _Tally(job)
    if job.shard_names is not None:
        for shard in state.shards.values():
            tally.add(shard.name, shard.samples, shard.size, resumed=True)
            if on_progress is not None:
                on_progress(tally.progress())
    hashes = {shard.name: shard.sha256 for shard in state.shards.values()}
    lock = None if state.locked else PlanLock(job.layout.plan, job.plan)
    # A stream builds finished shards again. Its damage may be found only at its end, so that an earlier run
    # may have put other bytes.
    earlier = state.receipted if job.shard_names is None else frozenset()
    resumable = earlier & state.shards.keys() if check else earlier
    replaceable = None if check else earlier
    publisher = Publisher(store, job.layout, job.builder, lock, state.expected, resumable, replaceable)
    with closing(job.tasks(state.shards)) as tasks, closing(engine.run(publisher, tasks)) as results:
        for published in results:
            job.record(published.receipt)
            hashes[published.receipt.shard.name] = published.receipt.shard.sha256
            tally.add_published(published)
            if on_progress is not None:
                on_progress(tally.progress())
    if lock is not None:
        lock(store)  # a layer without shards has not taken it; a worker's copy of the lock may have
    names = tally.names if job.shard_names is None else job.shard_names

    def receipts() -> Generator[Receipt, None, None]:
        return read_receipts(store, job, names, hashes)

    notes = job.check_complete(receipts)
    with closing(receipts()) as read:
        manifest, actions = _commit(job, store, read, replace=check)
    return Outcome(manifest, tally.resumed, finished_before=False, actions=actions, notes=notes)


def _commit(
    job: Job[Any], store: Store, receipts: Iterable[Receipt], *, replace: bool
) -> tuple[Manifest, Counter[Action]]:
    """Put the files that go with the shards, and last the manifest.

    The destination is looked at before and after the files are put: no file is added to a place that another
    program emptied. A second packer that comes to the same bytes has succeeded too; with other bytes, that is
    a `PlanError`, and the manifest stays as it was.
    """
    actions: Counter[Action] = Counter()

    def counted() -> Iterator[Receipt]:
        for receipt in receipts:
            actions.update(remark.action for remark in receipt.remarks)
            yield receipt

    files = job.final_files(counted())
    check_published(store, job.layout, job.plan, files.manifest.shards)
    for path, data in files.others.items():
        _put_file(job, store, path, data, replace=replace)
    check_published(store, job.layout, job.plan, files.manifest.shards)
    manifest = files.manifest.to_json()
    try:
        store.put(job.layout.manifest, manifest, create=True)
    except ExistsError as error:
        # Twice, since the network may have damaged the first reply.
        if not any(holds(store, job.layout.manifest, manifest) for _ in range(2)):
            raise PlanError(
                f"another packer has finished {store.url}/{job.layout.manifest} with other bytes. "
                f"{job.layout.alternative}"
            ) from error
    return files.manifest, actions


def _put_file(job: Job[Any], store: Store, path: str, data: bytes, *, replace: bool) -> None:
    """Put a file that goes with the shards, unless it is there. Other files of this name stay."""
    try:
        store.put(path, data, create=True)
    except ExistsError as error:
        if holds(store, path, data) or (replace and path == README_FILE):  # people edit the card
            return
        if not replace and path in job.layout.companions:
            cure = "keeps" if path == README_FILE else "replaces"
            raise PlanError(
                f"{store.url}/{path} is there with other bytes than this run would put. Move that file "
                f"away, and run again; or run again with --check, which {cure} it"
            ) from error
        store.put(path, data)


def _count_report(store: Store, layout: Layout) -> Counter[Action]:
    """Count the actions in the report of a finished data set: one request, where receipts would cost many."""
    if layout.report is None:
        return Counter()
    lines = store.read(layout.report).data.splitlines()
    try:
        return Counter(Remark(**strict_json.loads(line)).action for line in lines)
    except (ValueError, TypeError) as error:
        raise CorruptError(f"{store.url}/{layout.report} cannot be read: {error}") from error


class _Tally:
    """Sums over the shards that are done."""

    def __init__(self, job: Job[Any]) -> None:
        self.names: list[str] = []
        self.resumed = 0
        self._totals = job.totals
        self._shards = None if job.shard_names is None else job.totals.shards
        self._began = time.monotonic()
        self._samples = self._bytes = 0

    def add(self, name: str, samples: int, size: int, *, resumed: bool) -> None:
        self.names.append(name)
        self.resumed += resumed
        self._samples += samples
        self._bytes += size

    def add_published(self, published: Published) -> None:
        shard = published.receipt.shard
        self.add(shard.name, shard.samples, published.progress_bytes, resumed=published.resumed)

    def progress(self) -> PackProgress:
        return PackProgress(
            shards_done=len(self.names),
            shards=self._shards,
            samples_done=self._samples,
            samples=self._totals.samples,
            bytes_done=self._bytes,
            bytes_expected=self._totals.bytes,
            seconds=time.monotonic() - self._began,
        )
