"""The state of a destination: its owner, and the shards that are finished."""

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from wds_imagenet.errors import ManifestError, NotFoundError, PlanError
from wds_imagenet.format.manifest import LOST_KEYS, QUARANTINE, Manifest, Shard
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.publish.check import check_sizes, intact_shards, shard_sizes
from wds_imagenet.packing.publish.job import Job
from wds_imagenet.packing.publish.layout import Layout
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import MAX_METADATA, read_parsed
from wds_imagenet.util.threads import map_ahead

_REQUESTS: Final = 16


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The plan and the manifest at a destination; None for each that is missing."""

    plan: bytes | None
    manifest: bytes | None


@dataclass(frozen=True, slots=True)
class DestinationState:
    """The progress of a plan at its destination."""

    locked: bool
    """True if the plan is there."""
    damaged_plan: bool = False
    """True if other bytes lie in place of the plan that the manifest states, which is this job's."""
    manifest: Manifest | None = None
    """The manifest, if nothing is left to do."""
    shards: Mapping[str, Shard] = field(default_factory=dict)
    """The finished shards, by name."""
    expected: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of every shard by name, if a manifest states it."""
    receipted: frozenset[str] = frozenset()
    """The names of the shards that have a receipt, finished or not."""


def find_files(store: Store, layout: Layout) -> FoundFiles:
    """Read the plan and the manifest at a destination. Costs two requests."""
    return FoundFiles(_read_if_there(store, layout.plan), _read_if_there(store, layout.manifest))


@contextmanager
def in_file(store: Store, path: str) -> Iterator[None]:
    """Name a file in the note of an error about its content."""
    try:
        yield
    except (ManifestError, PlanError) as error:
        error.add_note(f"in {store.url}/{path}")
        raise


def find_state(store: Store, job: Job[Any], *, check: bool) -> DestinationState:
    """Find out how much of a job is done, without changing anything.

    Costs a listing, two requests, and one more for each finished shard, unless the manifest is there. With
    `check` it reads every finished shard.

    Args:
        store: that of the data set.
        job: the job.
        check: read every finished shard, also of a finished manifest. Only shards with exactly the bytes of
            their receipts count as finished.

    Raises:
        PlanError: the destination has another plan, finished or not, or files that would be overwritten.
        CorruptError: without `check`, a shard of a finished manifest is missing or has another size.
    """
    layout = job.layout
    check_own_folder(store)
    # Listed before the plan is read: a packer puts its plan before its shards.
    sizes = shard_sizes(store, layout)
    found = find_files(store, layout)
    locked = found.plan is not None
    damaged_plan = False
    if found.plan is not None and found.plan != job.plan:
        stated = None if found.manifest is None else stated_plan(store, layout, found.manifest)
        damaged_plan = stated == job.fingerprint
        if stated not in {None, job.fingerprint, hashlib.sha256(found.plan).hexdigest()}:
            raise PlanError(
                f"{store.url}/{layout.plan} is damaged, and this is not the {layout.verb!r} that wrote it: "
                f"run 'repair' with another copy (--from), or that {layout.verb!r} again. "
                f"{layout.alternative}; existing files are never overwritten"
            )
    if found.plan is not None and found.plan != job.plan and not damaged_plan:
        with in_file(store, layout.plan):
            differences = job.differences(found.plan)
        raise taken(store, layout, differences, finished=found.manifest is not None)
    expected: dict[str, str] = {}
    if found.manifest is not None:
        with in_file(store, layout.manifest):
            manifest = Manifest.from_json(found.manifest)
        if manifest.plan != job.fingerprint:
            raise foreign(store, layout)
        _check_whole(store, job, manifest)
        if not check:
            check_sizes(store, layout, manifest)
            return DestinationState(locked, damaged_plan, manifest)
        expected = {shard.name: shard.sha256 for shard in manifest.shards}
    elif found.plan is None:
        try:
            check_vacant(store, layout, [layout.shard(name) for name in list(sizes)[:1]])
        except PlanError:
            if _read_if_there(store, layout.plan) is None:
                raise
            return find_state(store, job, check=check)  # another packer has come meanwhile
        return DestinationState(locked=False)
    names = job.shard_names
    if names is None:  # those of a stream are certain only at its end
        names = tuple(expected or (sizes if check else ()))
    receipts = (info.path.removeprefix(layout.receipts) for info in store.list_objects(layout.receipts))
    receipted = frozenset(name.removesuffix(".json") for name in receipts)
    known = _read_shards(store, job, [name for name in names if name in receipted], sizes)
    shards = [shard for shard in known if expected.get(shard.name, shard.sha256) == shard.sha256]
    finished = {s.name: s for s in (intact_shards(store, layout, shards) if check else shards)}
    return DestinationState(locked, damaged_plan, None, finished, expected, receipted)


def stated_plan(store: Store, layout: Layout, manifest: bytes) -> str | None:
    """Return the plan that a finished manifest states, None for indexed shards. Raises `ManifestError`."""
    with in_file(store, layout.manifest):
        return Manifest.from_json(manifest).plan


def _check_whole(store: Store, job: Job[Any], manifest: Manifest) -> None:
    """Raise `PlanError` if `repair` has left shards out of a data set: it is not the whole plan any more."""
    layout = job.layout
    if layout.report is None:  # a layer
        return
    here = {shard.name for shard in manifest.shards}
    if job.shard_names is not None:
        lost = sorted(set(job.shard_names) - here)
    else:
        lost = sorted(info.path for info in store.list_objects(QUARANTINE))[:1]
    if lost:
        raise PlanError(
            f"'repair' has left shards of this plan out of {store.url}, such as {lost[0]}; the keys are in "
            f"{LOST_KEYS}. Read the data set as it is, or build the lost shards again: remove "
            f"{QUARANTINE} and {layout.manifest}, and run the same {layout.verb!r} with --check"
        )


def check_vacant(store: Store, layout: Layout, shards: Sequence[str] = ()) -> None:
    """Raise `PlanError` if a destination without a plan has a file that a run would overwrite.

    Costs a listing of the receipts, and a request for each other file.

    Args:
        store: that of the data set.
        layout: the paths of the job's files.
        shards: paths of shards that a listing found.
    """
    for path in filter(None, (*shards, *layout.companions, layout.keys, layout.report)):
        with suppress(NotFoundError):
            store.info(path)
            raise _occupied(store, layout, path)
    for info in store.list_objects(layout.receipts):
        raise _occupied(store, layout, info.path)


def check_own_folder(store: Store) -> None:
    """Raise `PlanError` if the metadata folder of a local data set is a symbolic link to another place."""
    folder = store.staging.parent if store.staging is not None else None
    if folder is not None and folder.is_symlink():
        raise PlanError(
            f"{folder} is a symbolic link, and a run would write to another place: remove the link, "
            "or choose another destination"
        )


def _occupied(store: Store, layout: Layout, path: str) -> PlanError:
    return PlanError(
        f"{store.url} has {path!r}, which {layout.verb!r} would overwrite, and no plan beside it. "
        f"{layout.alternative}, or move that file away"
    )


def taken(store: Store, layout: Layout, differences: str, *, finished: bool) -> PlanError:
    """Return the error for a place that holds the work of another plan."""
    state, other = ("finished", "") if finished else ("unfinished", ", or remove the existing files")
    return PlanError(
        f"{layout.url(store)} holds the {state} work of another plan: {differences}. "
        f"{layout.alternative}{other}; existing files are never overwritten"
    )


def foreign(store: Store, layout: Layout) -> PlanError:
    """Return the error for a place with a finished manifest that belongs to no known plan."""
    return PlanError(
        f"{store.url}/{layout.manifest} is the manifest of a data set of another origin. "
        f"{layout.alternative}; existing files are never overwritten"
    )


def read_receipts(
    store: Store, job: Job[Any], names: Sequence[str], hashes: Mapping[str, str]
) -> Generator[Receipt, None, None]:
    """Yield the receipts of finished shards, in order; only a few are in memory at a time.

    Args:
        store: that of the data set.
        job: the job that published the shards.
        names: the names of the shards.
        hashes: the SHA-256 of each shard that this run found or put, by name.

    Raises:
        ManifestError: a receipt is damaged, or is not that of its shard and of this plan.
        NotFoundError: a receipt is missing.
    """

    def read(name: str) -> Receipt:
        url = f"{store.url}/{job.layout.receipt(name)}"
        try:
            receipt = read_parsed(store, job.layout.receipt(name), Receipt.from_json)
            _check_receipt(receipt, url, (job.fingerprint, name, hashes[name]))
        except (ManifestError, NotFoundError) as error:
            error.add_note(f"another program changed or removed {url} during this run: run the command again")
            raise
        return receipt

    with closing(map_ahead(read, names, threads=_REQUESTS, name="receipts")) as receipts:
        yield from receipts


def _check_receipt(receipt: Receipt, url: str, wanted: tuple[str, str, str]) -> None:
    if (receipt.plan, receipt.shard.name, receipt.shard.sha256) != wanted:
        raise ManifestError(f"{url} is not the receipt of {wanted[1]} that this run found or put")


def _read_shards(
    store: Store, job: Job[Any], names: Sequence[str], sizes: Mapping[str, int]
) -> Iterator[Shard]:
    """Yield the shards that have a receipt of this plan and its size; the others are built again."""

    def read(name: str) -> Shard | None:
        try:
            receipt = read_parsed(store, job.layout.receipt(name), Receipt.from_json)
        except (ManifestError, NotFoundError):
            return None
        shard = receipt.shard
        wanted = (job.fingerprint, name, sizes.get(name))
        return shard if (receipt.plan, shard.name, shard.size) == wanted else None

    with closing(map_ahead(read, names, threads=_REQUESTS, name="receipts")) as shards:
        yield from (shard for shard in shards if shard is not None)


def _read_if_there(store: Store, path: str) -> bytes | None:
    try:
        return store.read(path, limit=MAX_METADATA).data
    except NotFoundError:
        return None
