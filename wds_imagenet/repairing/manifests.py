"""The manifest of a damaged data set or layer: intact, from another copy, or made anew from receipts."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import DataError, ManifestError, NotFoundError
from wds_imagenet.format.layers import LayerPlan, check_layer
from wds_imagenet.format.manifest import (
    MANIFEST_PATH,
    MAX_BYTES,
    METADATA_FOLDER,
    PLAN_PATH,
    Manifest,
)
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.reading.findings.files import read_believed, read_if_there
from wds_imagenet.repairing.classes import restore_classes
from wds_imagenet.repairing.samples import intact_samples
from wds_imagenet.repairing.shards_alone import manifest_of_shards
from wds_imagenet.sample import IMAGE_SUFFIXES, Sample
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import MAX_METADATA
from wds_imagenet.util import strict_json

_MAX_PLAN: Final = 64 << 20
_HEAD: Final = 4096
_TOTALS: Final = re.compile(rb'"samples":([0-9]{1,18}),"bytes":([0-9]{1,18}),')


@dataclass(frozen=True, slots=True)
class Restored:
    """A manifest, and the bytes that stand in its place now."""

    manifest: Manifest
    found: bytes | None
    """None if there is no file."""
    origin: str
    """Where the manifest comes from; "" if it is intact."""
    notes: tuple[str, ...] = ()
    """The facts that nothing proves."""


def restore_manifest(store: Store, other: Store | None, sizes: Mapping[str, int], threads: int) -> Restored:
    """Return the manifest of a data set. Reads receipts, then samples, then whole shards, only if it must.

    Args:
        store: the damaged data set.
        other: another copy, or None.
        sizes: the size of each file of the data set, by path.
        threads: number of shards that are read at the same time.

    Raises:
        ManifestError: the manifest cannot be restored; the message has the way on.
    """
    found = read_manifest(store, MANIFEST_PATH)
    intact = parse(found)
    if intact is not None:
        return Restored(intact, found, _own_bytes(intact, found))
    plan = read_if_there(store, PLAN_PATH)
    if other is not None:
        copy = parse(read_manifest(other, MANIFEST_PATH))
        if copy is None:
            raise ManifestError(f"{other.url} has no intact manifest either: name another copy")
        if not _same(copy, plan, sizes):
            raise ManifestError(f"{other.url} is another data set than {store.url}: name a copy of it")
        return Restored(copy, found, f"copied from {other.url}")
    why = "it has no plan"
    if plan is not None:
        try:
            return Restored(_from_receipts(store, plan, found, sizes), found, "made from the receipts")
        except (ManifestError, NotFoundError) as error:
            why = str(error)
    try:
        manifest, notes = manifest_of_shards(store, sizes, _parsed(plan), _rest(found), threads)
    except (DataError, NotFoundError) as error:
        remedy = (
            "remove the damaged manifest and run 'index' again"
            if plan is None
            else "if packing was begun and not finished, or no copy is left, remove the manifest if there "
            "is one, and run the same 'pack' again"
        )
        raise ManifestError(
            f"the manifest of {store.url} cannot be made anew: {why}; from the shards alone: {error}. "
            f"Name another copy (--from, copy=); or {remedy}"
        ) from error
    origin = "made by reading the shards, whose bytes no receipt proves"
    return Restored(manifest, found, origin, notes)


def restore_layer(
    store: Store, other: Store | None, folder: str, base: Manifest
) -> tuple[Restored, LayerPlan, bytes]:
    """Return the manifest and the plan of a layer, and the bytes of the plan. Raises `ManifestError`."""
    found, plan = read_manifest(store, f"{folder}manifest.json"), read_plan(store, f"{folder}plan.json")
    intact = _layer(base, found, plan)
    if intact is not None and found is not None and plan is not None:
        return Restored(intact[0], found, _own_bytes(intact[0], found)), intact[1], plan
    if other is not None:
        theirs = read_manifest(other, f"{folder}manifest.json")
        plan_copy = read_plan(other, f"{folder}plan.json")
        copied = _layer(base, theirs, plan_copy)
        if copied is not None and plan_copy is not None:
            return Restored(copied[0], found, f"copied from {other.url}"), copied[1], plan_copy
    if plan is None:
        raise ManifestError("its plan is missing: run the same 'add-layer' again, or name another copy")
    planned = LayerPlan.from_json(plan)
    if planned.base != base.fingerprint:
        raise ManifestError("it was made for another data set: run 'add-layer' again, under another name")
    receipts = [
        _receipt(store, f"{folder}receipts/{shard.name}.json", planned.fingerprint)
        for shard in (base.shards if planned.suffixes else ())
    ]
    labels = sum((Counter(receipt.labels) for receipt in receipts), Counter[int]())
    shards = tuple(receipt.shard for receipt in receipts)
    classes = _layer_classes(planned, found, labels, intact_samples(store, folder, shards))
    layer = Manifest(
        base.name, base.split, planned.suffixes, base.keys_sha256, shards, classes, planned.fingerprint
    )
    check_layer(base, layer, planned)
    return Restored(layer, found, "made from the receipts"), planned, plan


def read_manifest(store: Store, path: str) -> bytes | None:
    """Return the bytes of a manifest, None if it is missing. Damaged ones are read once more."""
    return read_believed(store, path, lambda data: parse(data) is not None)


def read_plan(store: Store, path: str) -> bytes | None:
    """Return the bytes of a layer's plan, None if it is missing. Damaged ones are read once more."""
    return read_believed(store, path, _is_plan)


def parse(data: bytes | None) -> Manifest | None:
    """Return an intact manifest, None for any other bytes."""
    if data is None:
        return None
    try:
        return Manifest.from_json(data)
    except ManifestError:
        return None


def _is_plan(data: bytes) -> bool:
    try:
        LayerPlan.from_json(data)
    except ManifestError:
        return False
    return True


def _layer(base: Manifest, data: bytes | None, plan: bytes | None) -> tuple[Manifest, LayerPlan] | None:
    manifest = parse(data)
    if manifest is None or plan is None:
        return None
    try:
        planned = LayerPlan.from_json(plan)
        check_layer(base, manifest, planned)
    except ManifestError:
        return None
    return manifest, planned


def _own_bytes(manifest: Manifest, found: bytes | None) -> str:
    """Return the origin of an intact manifest: "" unless its values stand in other bytes, as with spaces."""
    return "" if found == manifest.to_json() else "its values written as they were packed"


def _same(copy: Manifest, plan: bytes | None, sizes: Mapping[str, int]) -> bool:
    """Return True if a copy's manifest has the plan here, or else the name and size of every shard here."""
    if plan is not None and copy.plan is not None and hashlib.sha256(plan).hexdigest() == copy.plan:
        return True
    here = {path: size for path, size in sizes.items() if path.endswith(".tar") and "/" not in path}
    stated = {shard.name: shard.size for shard in copy.shards}
    matching = [name for name, size in here.items() if stated.get(name) == size]
    return bool(matching) and here.keys() <= stated.keys()


def _from_receipts(store: Store, plan: bytes, damaged: bytes | None, sizes: Mapping[str, int]) -> Manifest:
    value = _plan(plan)
    options, fingerprint = value["options"], hashlib.sha256(plan).hexdigest()
    stem = f"{options['name']}-{options['split']}-"
    listed = sorted(path for path in sizes if path.startswith(stem) and path.endswith(".tar"))
    rest = _rest(damaged)
    count = value.get("shards", len(rest.get("shards") or ()))
    if type(count) is not int or not count:
        raise ManifestError("the number of its shards is not known")
    names = [f"{stem}{number:06d}.tar" for number in range(count)]
    if missing := sorted(set(names) ^ set(listed)):
        raise ManifestError(f"the shards {', '.join(missing[:3])} are missing, or more than planned")
    folder = f"{METADATA_FOLDER}/receipts/"
    receipts = [_receipt(store, f"{folder}{name}.json", fingerprint) for name in names]
    if wrong := [r.shard.name for r in receipts if sizes[r.shard.name] != r.shard.size]:
        raise ManifestError(f"{wrong[0]} has another size than its receipt states")
    keys = "".join(f"{key}\n" for receipt in receipts for key in receipt.keys).encode()
    report = b"".join(strict_json.dumps(r.to_json()) + b"\n" for one in receipts for r in one.remarks)
    labels = sum((Counter(receipt.labels) for receipt in receipts), Counter[int]())
    shards = tuple(receipt.shard for receipt in receipts)
    sample = next(intact_samples(store, "", shards), None)
    if sample is None:
        raise ManifestError("no block of its shards can be read")
    suffixes = tuple("image" if suffix in IMAGE_SUFFIXES else suffix for suffix in sample.members)
    classes: tuple[dict[str, Any], ...] = ()
    if value.get("classes"):
        jsons = (one.json for one in intact_samples(store, "", shards))
        table = rest.get("classes")
        classes = restore_classes(
            table if isinstance(table, list) else (),
            jsons,
            value["classes_sha256"],
            labels if "cls" in suffixes else None,
        )
    return Manifest(
        name=options["name"],
        split=options["split"],
        suffixes=suffixes,
        keys_sha256=hashlib.sha256(keys).hexdigest(),
        shards=shards,
        classes=classes,
        plan=fingerprint,
        report_sha256=hashlib.sha256(report).hexdigest(),
    )


def _layer_classes(
    plan: LayerPlan, damaged: bytes | None, labels: Counter[int], samples: Iterator[Sample]
) -> tuple[Mapping[str, Any], ...]:
    table = _rest(damaged).get("classes")
    table = table if isinstance(table, list) else []
    if "cls" not in plan.suffixes:
        for found in (table, []):
            if hashlib.sha256(strict_json.dumps(found)).hexdigest() == plan.classes_sha256:
                return tuple(found)
        raise ManifestError("its classes cannot be restored: run the same 'add-layer' again")
    return restore_classes(table, (one.json for one in samples), plan.classes_sha256, labels)


def _plan(plan: bytes) -> dict[str, Any]:
    try:
        value = strict_json.loads(plan, max_bytes=_MAX_PLAN)
        options = value["options"]
        if not isinstance(options["name"], str) or not isinstance(options["split"], str):
            raise ManifestError("its plan names no data set")
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"its plan cannot be read: {error}") from error
    return dict(value)


def _parsed(plan: bytes | None) -> dict[str, Any]:
    """Return a plan's values and its hash, {} if it cannot be read."""
    try:
        return {} if plan is None else _plan(plan) | {"sha256": hashlib.sha256(plan).hexdigest()}
    except ManifestError:
        return {}


def _rest(damaged: bytes | None) -> dict[str, Any]:
    """Return the values of a damaged manifest. If it is no JSON, the totals at its beginning."""
    try:
        value = strict_json.loads(damaged or b"", max_bytes=MAX_BYTES)
    except ValueError:
        totals = _TOTALS.search((damaged or b"")[:_HEAD])
        return {} if totals is None else {"samples": int(totals[1]), "bytes": int(totals[2])}
    return value if isinstance(value, dict) else {}


def _receipt(store: Store, path: str, plan: str) -> Receipt:
    receipt = Receipt.from_json(store.read(path, limit=MAX_METADATA).data)
    if receipt.plan != plan:
        raise ManifestError(f"{path} belongs to another plan")
    return receipt
