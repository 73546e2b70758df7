"""Label a finished data set: a layer of labels beside its shards, and not an image written."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from wds_imagenet.errors import CorruptError, ExistsError, ManifestError, NotFoundError, PlanError, UsageError
from wds_imagenet.format import manifest as manifests
from wds_imagenet.format.layers import LAYER_MANIFEST, LAYER_PLAN, LayerPlan, layer_folder
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.layer_shard import LayerPublisher, layer_receipt_path
from wds_imagenet.packing.engines import local
from wds_imagenet.packing.plan.label_files import LabelChoices, open_labels
from wds_imagenet.packing.plan.layer_plan import Layering, plan_layer
from wds_imagenet.packing.publish.claim import DestinationClaim
from wds_imagenet.packing.publish.destination import class_table, find_receipts
from wds_imagenet.packing.publish.receipt import Receipt
from wds_imagenet.packing.publish.verify import check_sizes, sound
from wds_imagenet.storage import Store, open_store


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What labelling came to."""

    url: str
    """Of the data set."""
    layer: str
    manifest: str | None
    """The URL of the layer's manifest; None after a dry run."""
    samples: int
    suffixes: tuple[str, ...]
    """What the layer gives each sample."""
    fields: Mapping[str, str]
    """What it adds to the JSON, and of which type."""
    classes: tuple[str, ...]
    """What it adds to the class table of the data set."""
    shards: int
    """How many tars it has: as many as the data set, or none if it tells of classes alone."""
    resumed: int
    """How many tars an earlier run had finished."""
    bytes: int
    """Of all the layer's tars; 0 after a dry run."""
    notes: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)


def relabel(
    url: str,
    *,
    labels: Mapping[str, str] | None = None,
    captions: str | None = None,
    label_options: Mapping[str, str] | None = None,
    class_names: Mapping[str, str] | None = None,
    layer: str | None = None,
    workers: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    source_options: Mapping[str, Any] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    dry_run: bool = False,
    check: bool = False,
) -> LayerReport:
    """Write what label files say of a finished data set's samples and classes as a layer beside its shards.

    `labels`, `captions`, `label_options` and `class_names` are those of `LabelChoices`, `layer` names the
    layer (by default as its sources). Guarantees that nothing of the data set itself is touched; that
    there is a layer only when every tar of it is whole and in place; that the same files give the same
    bytes, for any number of workers and of interrupted runs; and that a layer is never overwritten. Run
    again, it goes on where it was; with `check` it reads every finished tar first, of a finished layer too,
    and builds anew those that are missing or damaged.

    Class names alone make a layer without tars, which costs next to nothing to read.

    Costs one pass over the label files, the memory of all keys (20 MB for ImageNet), and for each sample
    some 2 kB of tar. `source_options` are those of the label files' store; `on_progress` is called with
    the tars that are done, and all. Raises `ManifestError` where there is no data set, `PlanError` where
    the layer holds other labels, `CorruptError` for a finished layer that `check` could repair,
    `SourceError`, `UsageError` and `StoreError`.
    """
    began = time.monotonic()
    choices = LabelChoices(labels or {}, captions, label_options or {}, class_names or {})
    if workers is not None and workers < 1:
        raise UsageError(f"labelling takes at least one worker, not {workers}")
    if layer is not None:
        layer_folder(layer)
    store = open_store(url, storage_options)
    base, keys = _read_base(store)
    opened = open_labels(choices, source_options or {})
    if not opened.joins and not opened.tables:
        raise UsageError("there is nothing to label with: give a file, as option 'labels'")
    name = layer or "-".join(opened.joins or opened.tables)
    layering = plan_layer(name, base, keys, opened)
    manifest, done, expected = _survey(store, layering, check=check)
    resumed = len(layering.shards) if manifest else len(done)
    if manifest is None and not dry_run:
        receipts = []
        plan = layering.plan
        claim = DestinationClaim(f"{layer_folder(name)}{LAYER_PLAN}", plan.to_json())
        fetch = Fetch(source_options or {})
        publisher = LayerPublisher(store, name, plan.fingerprint, layering.schema, fetch, claim, expected)
        with closing(_receipts(layering, publisher, done, workers)) as arriving:
            for receipt in arriving:
                receipts.append(receipt)
                if on_progress is not None:
                    on_progress(len(receipts), len(layering.shards))
        claim(store)  # already made, but for a layer without tars
        manifest = _commit(store, layering, receipts)
    if not dry_run:
        store.sweep()
    return LayerReport(
        url=store.url,
        layer=name,
        manifest=f"{store.url}/{layer_folder(name)}{LAYER_MANIFEST}" if manifest else None,
        samples=base.samples,
        suffixes=layering.plan.suffixes,
        fields=layering.plan.fields,
        classes=tuple(layering.classes[0]) if layering.classes else (),
        shards=len(layering.shards),
        resumed=resumed,
        bytes=manifest.size if manifest else 0,
        notes=layering.notes,
        seconds=time.monotonic() - began,
    )


def _read_base(store: Store) -> tuple[Manifest, bytes]:
    try:
        base = Manifest.from_json(store.read(manifests.MANIFEST_PATH).data)
    except NotFoundError as error:
        raise ManifestError(
            f"{store.url} is no data set: it has no {manifests.MANIFEST_PATH}. Finish 'pack' first, or "
            "'index' shards that others wrote"
        ) from error
    keys = store.read(manifests.KEYS_PATH).data
    if hashlib.sha256(keys).hexdigest() != base.keys_sha256 or keys.count(b"\n") != base.samples:
        raise CorruptError(f"{store.url}/{manifests.KEYS_PATH} is not the list that was packed")
    return base, keys


def _survey(
    store: Store, layering: Layering, *, check: bool
) -> tuple[Manifest | None, dict[str, Receipt], dict[str, str]]:
    """Return the manifest if all is done, else the receipts of what is, and what a manifest says of the rest.

    Changes nothing. Raises `PlanError` if the layer is another's, `CorruptError` if it is finished and not
    whole; with `check` the rest of it is then to be built.
    """
    folder = layer_folder(layering.plan.name)
    # Listed before the plan is put: whoever put these tars had put a plan before them.
    sizes = {info.path.removeprefix(folder): info.size for info in store.list_objects(folder)}
    if LAYER_PLAN not in sizes and any(name.endswith(".tar") for name in sizes):
        raise PlanError(f"{store.url}/{folder} has tars and no plan: it is no layer; move it away")
    plan = layering.plan.to_json()
    if LAYER_PLAN in sizes and (theirs := store.read(f"{folder}{LAYER_PLAN}").data) != plan:
        raise PlanError(
            f"{store.url} has a layer {layering.plan.name!r} that says something else: "
            f"{_differences(LayerPlan.from_json(theirs), layering.plan)}. Give yours another name; what is "
            "there is never overwritten"
        )
    expected: dict[str, str] = {}
    if LAYER_MANIFEST in sizes:
        manifest = Manifest.from_json(store.read(f"{folder}{LAYER_MANIFEST}").data)
        if not check:
            check_sizes(f"{store.url}/{folder}", manifest, sizes, "relabel")
            return manifest, {}, {}
        expected = {shard.name: shard.sha256 for shard in manifest.shards}
    paths = {layer_receipt_path(layering.plan.name, s.name): s.name for s in layering.shards}
    found = dict(find_receipts(store, layering.plan.fingerprint, paths, sizes, f"{folder}receipts/"))
    if check:
        known = (r for name, r in found.items() if r.shard.sha256 == expected.get(name, r.shard.sha256))
        found = {receipt.shard.name: receipt for receipt in sound(store, known, folder)}
    return None, found, expected


def _receipts(
    layering: Layering, publisher: LayerPublisher, done: Mapping[str, Receipt], workers: int | None
) -> Generator[Receipt, None, None]:
    """Yield the receipts that there are, and publish what is missing."""
    yield from done.values()
    missing = [i for i, shard in enumerate(layering.shards) if shard.name not in done]
    shared = publisher.store.shared and publisher.fetch.shared(layering.references)
    crew = min(workers or local.usable_cpus(), len(missing)) if shared else 1
    yield from local.run(publisher, (layering.task(i) for i in missing), crew)


def _commit(store: Store, layering: Layering, receipts: Iterable[Receipt]) -> Manifest:
    by_name = {receipt.shard.name: receipt for receipt in receipts}
    ordered = [by_name[shard.name] for shard in layering.shards]
    labels: Counter[int] = Counter()
    for receipt in ordered:
        labels.update(receipt.labels)
    manifest = Manifest(
        name=layering.base.name,
        split=layering.base.split,
        suffixes=layering.plan.suffixes,
        keys_sha256=layering.base.keys_sha256,
        shards=tuple(receipt.shard for receipt in ordered),
        classes=layering.classes or class_table(layering.schema, labels),
        plan=layering.plan.fingerprint,
    )
    path = f"{layer_folder(layering.plan.name)}{LAYER_MANIFEST}"
    try:
        store.put(path, manifest.to_json(), create=True)
    except ExistsError as error:
        if store.read(path).data != manifest.to_json():
            raise PlanError(f"{store.url}/{path} was put there by another, with other bytes") from error
    return manifest


def _differences(theirs: LayerPlan, ours: LayerPlan) -> str:
    names = [name for name in asdict(ours) if getattr(theirs, name) != getattr(ours, name)]
    return "not the same are its " + ", ".join(name.removesuffix("_sha256") for name in names)
