"""Packing a listing or a stream that a source returned."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypedDict, Unpack

from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.engines.registry import open_engine
from wds_imagenet.packing.jobs.listing import ListingJob
from wds_imagenet.packing.jobs.stream import StreamJob
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.listing_plan import plan as plan_listing
from wds_imagenet.packing.plan.stream_plan import plan_stream
from wds_imagenet.packing.publish.neighbours import class_notes
from wds_imagenet.packing.publish.run import OnProgress, run
from wds_imagenet.packing.report import PackReport
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity


class RunOptions(TypedDict, total=False):
    """Options of packing that do not change the bytes: those of `pack`."""

    workers: int | None
    storage_options: StorageOptions
    source_storage_options: StorageOptions
    on_progress: OnProgress | None
    dry_run: bool
    check: bool


def pack_listing(
    listing: Listing, dest: str, options: PackOptions, **run_options: Unpack[RunOptions]
) -> PackReport:
    """Pack a listing into shards.

    The guarantees are those of `publish.run`. The same listing and options give the same bytes for any
    number of workers.

    Args:
        listing: the images.
        dest: URL of the data set.
        options: options that decide the bytes.
        run_options: options that do not.

    Raises:
        WdsImagenetError: as `pack` does.
    """
    return _pack(lambda fetch: ListingJob(plan_listing(listing, options), fetch), dest, **run_options)


def pack_stream(
    stream: Stream, dest: str, options: PackOptions, **run_options: Unpack[RunOptions]
) -> PackReport:
    """Pack a stream into shards, reading it once.

    The guarantees are those of `pack_listing`. A run after a crash reads the stream again. A shard at the
    destination stays only if the stream still gives exactly its bytes; with `check`, only if every byte
    of it is intact, too. Two samples with one key in different shards are found at the end.

    The order is the stream's own or, shuffled, as random as `options.window_bytes` allow. Costs the memory
    of that window and of two shards more than there are workers. Workers are threads; by default, one for
    each CPU, at most 4.

    Args:
        stream: the images.
        dest: URL of the data set.
        options: options that decide the bytes.
        run_options: options that do not.

    Raises:
        WdsImagenetError: as `pack` does, and the errors of the stream.
    """
    report = _pack(lambda fetch: StreamJob(plan_stream(stream, options), fetch), dest, **run_options)
    read = report.samples + report.skipped
    if report.manifest is None or stream.published in {None, read}:
        return report
    note = f"the stream has {quantity(read, 'images')}, where {stream.published:,} were published"
    return replace(report, notes=(*report.notes, note))


def _pack(
    make_job: Callable[[Fetch], ListingJob | StreamJob],
    dest: str,
    *,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    check: bool = False,
    dry_run: bool = False,
    storage_options: StorageOptions = NO_OPTIONS,
    source_storage_options: StorageOptions = NO_OPTIONS,
) -> PackReport:
    began = time.monotonic()
    open_engine(workers)  # an error of theirs comes before the plan
    job = make_job(Fetch(source_storage_options))
    store = open_store(dest, storage_options)
    outcome = run(
        job,
        store,
        partial(open_engine, workers),
        on_progress=on_progress,
        dry_run=dry_run,
        check=check,
    )
    manifest, totals = outcome.manifest, job.totals
    classes = job.builder.recipe.schema.classes
    return PackReport(
        url=store.url,
        manifest=f"{store.url}/{job.layout.manifest}" if manifest else None,
        plan=job.fingerprint,
        shards=len(manifest.shards) if manifest else totals.shards or 0,
        resumed=outcome.resumed,
        samples=manifest.samples if manifest else totals.samples or 0,
        bytes=manifest.size if manifest else totals.bytes or 0,
        skipped=outcome.actions.get("skipped", 0),
        repaired=outcome.actions.get("repaired", 0),
        rotated=outcome.actions.get("turned", 0),
        notes=(*job.notes, *class_notes(dest, classes, storage_options), *outcome.notes),
        seconds=time.monotonic() - began,
        already=outcome.finished_before,
    )
