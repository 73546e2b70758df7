"""`add_layer`: labels for a finished data set, in a layer beside its shards."""

import hashlib
import time
from collections.abc import Mapping
from functools import partial

from wds_imagenet.errors import CorruptError, ManifestError, NotFoundError, UsageError
from wds_imagenet.format.manifest import KEYS_PATH, MANIFEST_PATH, MAX_KEY_BYTES, Manifest
from wds_imagenet.inputs.shards.begun_pack import check_no_begun_pack
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.engines.registry import open_engine
from wds_imagenet.packing.jobs.layer import LayerJob
from wds_imagenet.packing.label_files import LabelOptions, open_labels
from wds_imagenet.packing.plan.layer_plan import plan_layer
from wds_imagenet.packing.publish.layout import layer_layout
from wds_imagenet.packing.publish.run import OnProgress, run
from wds_imagenet.packing.report import LayerReport
from wds_imagenet.storage import Store, open_store
from wds_imagenet.storage.store import MAX_METADATA, MAX_READ, NO_OPTIONS, StorageOptions, read_parsed
from wds_imagenet.util.argument_types import check_arguments


def add_layer(
    url: str,
    *,
    labels: Mapping[str, str] | None = None,
    captions: str | None = None,
    label_options: Mapping[str, str] | None = None,
    class_names: Mapping[str, str] | None = None,
    layer: str | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    dry_run: bool = False,
    check: bool = False,
    storage_options: StorageOptions = NO_OPTIONS,
    source_storage_options: StorageOptions = NO_OPTIONS,
) -> LayerReport:
    """Add the labels of label files to a finished data set, as a layer beside its shards.

    `add_layer` guarantees four things. It changes no file of the data set. The layer has a manifest only when
    every tar of the layer is whole and in place. The same files give the same bytes, for any number of
    workers and of interrupted runs. `add_layer` never overwrites another layer.

    After a crash, the next run continues the work. After a finished run, another run changes nothing. A
    reader uses a layer only if you name the layer.

    `add_layer` reads the label files once. It needs memory for all keys (20 MB for ImageNet), and writes
    about 2 kB of tar per sample. If you give only class names, the layer has no tars.

    Args:
        url: URL of the data set.
        labels: URLs of label files, by the name of the label source, such as `real`.
        captions: URL of a file of captions.
        label_options: options of label sources, such as `kaggle.synsets`.
        class_names: URLs of files of class names, by language, such as `fr`.
        layer: name of the layer; by default the names of its label sources.
        workers: processes; by default, one for each CPU.
        on_progress: a function that `add_layer` calls for each finished tar, also for those of earlier runs.
        dry_run: plan the layer, and write nothing.
        check: read every finished tar, and build missing and damaged ones again.
        storage_options: options of the data set's store.
        source_storage_options: options of the label files' store.

    Raises:
        ManifestError: the URL has no data set.
        PlanError: the layer exists with other labels.
        CorruptError: tars of a finished layer are missing or damaged, and `check` is not set.
        SourceError: a label file cannot be read, or does not fit the data set.
        UsageError: the options contradict each other.
        StoreError: a store fails.
    """
    check_arguments(add_layer, locals())
    began = time.monotonic()
    options = LabelOptions(labels or {}, captions, label_options or {}, class_names or {})
    open_engine(workers)  # an error of theirs comes before the label files are read
    if layer is not None:
        layer_layout(layer)  # checks the name
    store = open_store(url, storage_options)
    base, keys = _read_base(store)
    opened = open_labels(options, source_storage_options)
    if not opened.joins and not opened.tables:
        raise UsageError("there are no labels to add: give a file, as option 'labels'")
    planned = plan_layer(layer or "-".join(opened.joins or opened.tables), base, keys, opened)
    job = LayerJob(planned, Fetch(source_storage_options))
    engines = partial(open_engine, workers)
    outcome = run(job, store, engines, on_progress=on_progress, dry_run=dry_run, check=check)
    manifest = outcome.manifest
    return LayerReport(
        url=store.url,
        layer=planned.plan.name,
        manifest=f"{store.url}/{job.layout.manifest}" if manifest else None,
        samples=base.samples,
        suffixes=planned.plan.suffixes,
        fields=planned.plan.fields,
        classes=tuple(planned.classes[0]) if planned.classes else (),
        shards=len(job.shard_names),
        resumed=outcome.resumed,
        bytes=manifest.size if manifest else 0,
        notes=(*job.notes, *outcome.notes),
        seconds=time.monotonic() - began,
    )


def _read_base(store: Store) -> tuple[Manifest, bytes]:
    """Return the manifest and the key list of a data set."""
    try:
        base = read_parsed(store, MANIFEST_PATH, Manifest.from_json)
    except NotFoundError as error:
        check_no_begun_pack(store, [""])
        raise ManifestError(
            f"{store.url} is no data set: it has no {MANIFEST_PATH}. Run 'pack' first, or 'index' the "
            "shards of another program"
        ) from error

    def check(keys: bytes) -> bytes:
        if hashlib.sha256(keys).hexdigest() != base.keys_sha256 or keys.count(b"\n") != base.samples:
            raise CorruptError(
                f"{store.url}/{KEYS_PATH} was changed after it was written: run the same 'pack' again with "
                "--check, or the same 'index' again"
            )
        return keys

    most = min(MAX_READ, max(MAX_METADATA, base.samples * MAX_KEY_BYTES))
    return base, read_parsed(store, KEYS_PATH, check, limit=most)
