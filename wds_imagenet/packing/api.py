"""Pack a data set: from what a source finds to a committed manifest."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from typing import Any

from wds_imagenet.errors import UsageError
from wds_imagenet.format.manifest import MANIFEST_PATH
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.shard import Recipe
from wds_imagenet.packing.engines import local
from wds_imagenet.packing.options import JpegPolicy, PackOptions, default_name
from wds_imagenet.packing.plan.label_files import LabelChoices, open_labels
from wds_imagenet.packing.plan.listing_plan import Plan
from wds_imagenet.packing.plan.listing_plan import plan as make_plan
from wds_imagenet.packing.publish import destination
from wds_imagenet.packing.publish.claim import DestinationClaim
from wds_imagenet.packing.publish.preflight import check_apart, check_destination, check_engines
from wds_imagenet.packing.publish.receipt import Receipt
from wds_imagenet.packing.publish.stream_run import pack_stream
from wds_imagenet.packing.publish.upload import Publisher
from wds_imagenet.packing.report import PackReport, Progress
from wds_imagenet.sources import SOURCES, Listing, Stream, options_of, takes_several
from wds_imagenet.storage import Store, open_store
from wds_imagenet.util.messages import unknown_name


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
    check: bool = False,
) -> PackReport:
    """Pack a listing into shards at `dest`, any URL that a store takes.

    Guarantees that there is a manifest only when every shard is whole and in place; that the same
    listing and options give the same bytes for any number of workers and any number of interrupted
    runs; that nothing is overwritten but what the same plan put there. Run again after a crash, it
    goes on where it was; run again after the end, it changes nothing. With `check` it reads every finished
    shard first, of a finished data set too, and builds anew those that are missing or damaged.

    `workers` defaults to the CPUs at hand; a store that other processes cannot see takes one.
    `storage_options` are those of the destination's store, `source_options` those of the source's.
    Raises `UsageError` (of it `PlanError`: the destination holds something else), `SourceError`,
    `ImageError`, `StoreError`, and `CorruptError` for a finished data set that `check` could repair.
    """
    began = time.monotonic()
    if workers is not None and workers < 1:
        raise UsageError(f"packing takes at least one worker, not {workers}")
    plan = make_plan(listing, options)
    store = open_store(dest, storage_options)
    standing = destination.survey(store, plan, check=check)
    manifest = standing.manifest
    try:
        if manifest is None and not dry_run:
            receipts = []
            with closing(_receipts(plan, store, standing, Fetch(source_options or {}), workers)) as arriving:
                for receipt in arriving:
                    receipts.append(receipt)
                    if on_progress is not None:
                        on_progress(_progress(plan, receipts, time.monotonic() - began))
            ordered = sorted(receipts, key=lambda receipt: receipt.shard.name)
            manifest = destination.commit(store, plan, ordered)
    finally:
        if not dry_run:
            store.sweep()  # what a worker left that was killed, just now or in an earlier run
    actions = Counter(remark.action for remark in destination.read_remarks(store)) if manifest else {}
    return PackReport(
        url=store.url,
        manifest=f"{store.url}/{MANIFEST_PATH}" if manifest else None,
        plan=plan.fingerprint,
        shards=len(plan.shard_names),
        resumed=len(plan.shard_names) if standing.manifest else len(standing.receipts),
        samples=manifest.samples if manifest else len(plan.order),
        bytes=manifest.size if manifest else plan.expected_bytes,
        skipped=actions.get("skipped", 0),
        repaired=actions.get("repaired", 0),
        turned=actions.get("turned", 0),
        notes=plan.notes,
        seconds=time.monotonic() - began,
        already=standing.manifest is not None,
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
    check: bool = False,
    **options: Any,  # noqa: ANN401 - those of the source and of `PackOptions`
) -> PackReport:
    """Pack a data set as it was released: what the source of that name finds in its inputs.

    Guarantees and costs are those of `pack_listing`, after the source's own listing, or of `pack_stream`
    where it can only be read from beginning to end. `options` are those of the source, of `PackOptions`
    and of `LabelChoices`, by name; `name` is by default that of the destination's folder, `split` what
    the source can tell, or else `train`.
    """
    found = SOURCES.get(source)
    if found is None:
        raise UsageError(f"there is no source {source!r}, only {', '.join(SOURCES)}")
    if isinstance(options.get("jpeg"), str):
        options["jpeg"] = JpegPolicy.parse(options["jpeg"])
    of_source = {option.name for option in options_of(found)}
    of_packing = {item.name for item in fields(PackOptions)}
    of_labels = {item.name for item in fields(LabelChoices)}
    known = of_source | of_packing | of_labels
    if surplus := options.keys() - known:
        raise unknown_name(f"option of {source} or of packing", surplus, known)
    if options.get("samples_per_shard") is not None and options.get("shard_bytes") is not None:
        raise UsageError("give option 'samples_per_shard' or option 'shard_bytes', not both")
    if not inputs or (len(inputs) > 1 and not takes_several(found)):
        what = "one or more inputs" if takes_several(found) else "one input"
        raise UsageError(f"the source {source} takes {what}, not {len(inputs)}")
    choices = {name: value for name, value in options.items() if name in of_packing}
    _check_ahead(inputs, dest, choices, of_source, storage_options or {})
    own = {name: value for name, value in options.items() if name in of_source}
    labels = LabelChoices(**{name: value for name, value in options.items() if name in of_labels})
    if workers != 1 and not dry_run:
        local.warm_up()
    opened = open_labels(labels, source_options or {})
    listing = opened.annotate(found(*inputs, **own, storage_options=source_options or {}))
    if "split" in of_source or "split" not in choices:
        choices["split"] = listing.split or options.get("split") or "train"
    choices.setdefault("name", default_name(dest, choices["split"]))
    common: dict[str, Any] = {
        "workers": workers,
        "storage_options": storage_options,
        "source_options": source_options,
        "on_progress": on_progress,
        "dry_run": dry_run,
        "check": check,
    }
    if isinstance(listing, Stream):
        return pack_stream(listing, dest, PackOptions(**choices), **common)
    return pack_listing(listing, dest, PackOptions(**choices), **common)


def _check_ahead(
    inputs: Sequence[str],
    dest: str,
    choices: Mapping[str, Any],
    of_source: Collection[str],
    storage_options: Mapping[str, Any],
) -> None:
    """Refuse before the listing what can be refused by then; some choices only the listing settles."""
    split = choices.get("split") or "train"
    options = PackOptions(**{"name": default_name(dest, split), **choices, "split": split})
    check_engines(options)
    check_apart(inputs, dest)
    unsettled = set() if "split" in choices and "split" not in of_source else {"split", "shuffle"}
    if unsettled and "name" not in choices:
        unsettled.add("name")
    if choices.get("shuffle") is not None:
        unsettled.discard("shuffle")
    if options.block_bytes is None:
        unsettled.add("block_bytes")
    check_destination(open_store(dest, storage_options), options, unsettled)


def _receipts(
    plan: Plan, store: Store, standing: destination.DestinationState, fetch: Fetch, workers: int | None
) -> Generator[Receipt, None, None]:
    """Yield the receipts that there are, then publish the missing shards and yield theirs."""
    yield from standing.receipts.values()
    missing = [i for i, name in enumerate(plan.shard_names) if name not in standing.receipts]
    shared = store.shared and fetch.shared(plan.listing.references)
    crew = min(workers or local.usable_cpus(), len(missing)) if shared else 1
    recipe = Recipe(plan.fingerprint, plan.options, plan.schema)
    claim = None if standing.claimed else DestinationClaim(destination.PLAN_PATH, plan.to_json())
    publisher = Publisher(store, recipe, fetch, standing.expected, claim)
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
