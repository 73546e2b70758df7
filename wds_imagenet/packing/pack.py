"""Pack a data set: from a listing to a committed manifest."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from typing import Any

from wds_imagenet.errors import UsageError
from wds_imagenet.format.manifest import PATH
from wds_imagenet.packing import destination
from wds_imagenet.packing.engines import local
from wds_imagenet.packing.fetch import Fetch
from wds_imagenet.packing.options import JpegPolicy, PackOptions, default_name
from wds_imagenet.packing.plan import Plan
from wds_imagenet.packing.plan import plan as make_plan
from wds_imagenet.packing.publish import Publisher
from wds_imagenet.packing.receipt import Receipt
from wds_imagenet.packing.shard import Recipe
from wds_imagenet.sources import SOURCES, Listing, Stream, options_of
from wds_imagenet.storage import Store, open_store


@dataclass(frozen=True, slots=True)
class Progress:
    """How far packing has come; given for every shard that is done, those of an earlier run first."""

    shards_done: int
    shards: int
    samples_done: int
    samples: int
    bytes_done: int
    """Of shards."""
    bytes_expected: int
    """Of all shards, by the sizes that the source told."""
    seconds: float


@dataclass(frozen=True, slots=True)
class PackReport:
    """What packing came to."""

    url: str
    """Of the data set."""
    manifest: str | None
    """The manifest's URL; None after a dry run."""
    plan: str
    """The plan's fingerprint."""
    shards: int
    resumed: int
    """How many of the shards an earlier run had finished."""
    samples: int
    """In the data set; after a dry run, how many are planned."""
    bytes: int
    """Of all shards; after a dry run, about how many are expected."""
    skipped: int
    repaired: int
    notes: tuple[str, ...]
    """What a person ought to hear."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)


def pack_listing(
    listing: Listing,
    dest: str,
    options: PackOptions,
    *,
    workers: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    source_options: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    dry_run: bool = False,
) -> PackReport:
    """Pack a listing into shards at `dest`, any URL that a store takes.

    Guarantees that there is a manifest only when every shard is whole and in place; that the same
    listing and options give the same bytes for any number of workers and any number of interrupted
    runs; that nothing is overwritten but what the same plan put there. Run again after a crash, it
    goes on where it was; run again after the end, it changes nothing.

    `workers` defaults to the CPUs at hand; a store that other processes cannot see takes one.
    `storage_options` are those of the destination's store, `source_options` those of the source's.
    Raises `UsageError` (of it `PlanError`: the destination holds something else), `SourceError`,
    `ImageError` and `StoreError`.
    """
    began = time.monotonic()
    if workers is not None and workers < 1:
        raise UsageError(f"packing takes at least one worker, not {workers}")
    plan = make_plan(listing, options)
    store = open_store(dest, **(storage_options or {}))
    standing = destination.survey(store, plan)
    manifest = standing.manifest
    if manifest is None and not dry_run:
        if not standing.claimed:
            destination.claim(store, plan)
        receipts = []
        with closing(_receipts(plan, store, standing, Fetch(source_options or {}), workers)) as arriving:
            for receipt in arriving:
                receipts.append(receipt)
                if on_progress is not None:
                    on_progress(_progress(plan, receipts, time.monotonic() - began))
        manifest = destination.commit(store, plan, receipts)
    if not dry_run:
        store.sweep()
    actions = Counter(remark.action for remark in destination.read_remarks(store)) if manifest else {}
    return PackReport(
        url=store.url,
        manifest=f"{store.url}/{PATH}" if manifest else None,
        plan=plan.fingerprint,
        shards=len(plan.shard_names),
        resumed=len(plan.shard_names) if standing.manifest else len(standing.receipts),
        samples=manifest.samples if manifest else len(plan.order),
        bytes=manifest.size if manifest else plan.expected_bytes,
        skipped=actions.get("skipped", 0),
        repaired=actions.get("repaired", 0),
        notes=plan.notes,
        seconds=time.monotonic() - began,
    )


def pack(
    source: str,
    *inputs: str,
    dest: str,
    workers: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    source_options: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    dry_run: bool = False,
    **options: Any,  # noqa: ANN401 - those of the source and of `PackOptions`
) -> PackReport:
    """Pack a data set as it was released: what the source of that name finds in its inputs.

    Guarantees and costs are those of `pack_listing`, after the source's own listing. `options` are those of
    the source and of `PackOptions`, by name; `name` is by default that of the destination's folder,
    `split` what the source can tell, or else `train`.
    """
    found = SOURCES.get(source)
    if found is None:
        raise UsageError(f"there is no source {source!r}, only {', '.join(SOURCES)}")
    if isinstance(options.get("jpeg"), str):
        options["jpeg"] = JpegPolicy.parse(options["jpeg"])
    of_source = {option.name for option in options_of(found)}
    of_packing = {item.name for item in fields(PackOptions)}
    unknown = options.keys() - of_source - of_packing
    if unknown:
        raise UsageError(f"neither {source} nor packing has the option {', '.join(sorted(unknown))}")
    own = {name: value for name, value in options.items() if name in of_source}
    listing = found(*inputs, **own, **(source_options or {}))
    if isinstance(listing, Stream):
        raise UsageError(f"{source} gives a stream here, which is not packed yet")
    choices = {name: value for name, value in options.items() if name in of_packing}
    if "split" in of_source or "split" not in choices:
        choices["split"] = listing.split or options.get("split") or "train"
    choices.setdefault("name", default_name(dest, choices["split"]))
    return pack_listing(
        listing,
        dest,
        PackOptions(**choices),
        workers=workers,
        storage_options=storage_options,
        source_options=source_options,
        on_progress=on_progress,
        dry_run=dry_run,
    )


def _receipts(
    plan: Plan, store: Store, standing: destination.Standing, fetch: Fetch, workers: int | None
) -> Generator[Receipt, None, None]:
    """Yield the receipts that there are, then publish the missing shards and yield theirs."""
    yield from standing.receipts.values()
    missing = [i for i, name in enumerate(plan.shard_names) if name not in standing.receipts]
    shared = store.shared and fetch.shared(plan.listing.references)
    crew = min(workers or local.usable_cpus(), len(missing)) if shared else 1
    publisher = Publisher(store, Recipe(plan.fingerprint, plan.options, plan.schema), fetch)
    yield from local.run(publisher, (plan.task(i) for i in missing), crew)


def _progress(plan: Plan, receipts: Sequence[Receipt], seconds: float) -> Progress:
    return Progress(
        shards_done=len(receipts),
        shards=len(plan.shard_names),
        samples_done=sum(receipt.shard.samples for receipt in receipts),
        samples=len(plan.order),
        bytes_done=sum(receipt.shard.size for receipt in receipts),
        bytes_expected=plan.expected_bytes,
        seconds=seconds,
    )
