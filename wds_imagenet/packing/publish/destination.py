"""The destination as a whole: whose it is, what of it is done, and the commit that ends it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from wds_imagenet.errors import CorruptError, ExistsError, ManifestError, NotFoundError, PlanError
from wds_imagenet.format.companions import OPEN_CLIP_FILE, README_FILE, TIMM_FILE, companion_files
from wds_imagenet.format.manifest import KEYS_PATH, MANIFEST_PATH, METADATA_FOLDER, Manifest, Shard
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.packing.plan.listing_plan import Plan, differences
from wds_imagenet.packing.plan.schema import Schema
from wds_imagenet.packing.plan.stream_plan import StreamPlan
from wds_imagenet.packing.publish.receipt import Receipt, Remark, receipt_path
from wds_imagenet.packing.publish.verify import check_sizes, sound
from wds_imagenet.storage import Store
from wds_imagenet.util import strict_json

PLAN_PATH: Final = f"{METADATA_FOLDER}/plan.json"
AnyPlan: TypeAlias = Plan | StreamPlan
REPORT_PATH: Final = f"{METADATA_FOLDER}/report.jsonl"


@dataclass(frozen=True, slots=True)
class DestinationState:
    """How far a plan has come at its destination."""

    claimed: bool
    """Whether the plan lies there."""
    manifest: Manifest | None
    """Of the finished data set, None if it is not finished."""
    receipts: Mapping[str, Receipt]
    """Of the shards that are done, by name."""
    expected: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of every shard by name, where a manifest has said it already."""


def survey(store: Store, plan: AnyPlan, *, check: bool = False) -> DestinationState:
    """Find out what of a plan is done, changing nothing.

    Raises `PlanError` if the destination holds another plan's work, finished or not, or files that
    packing would overwrite, and `CorruptError` if shards of a finished data set are missing or of another
    size. Costs two requests, a listing, and one more a finished shard.

    With `check` every finished shard is read, and counts only if it holds what its receipt and the
    manifest say; the rest is then to be built, of a finished data set too.
    """
    # Listed before the plan is looked for: whoever put these shards had put a plan before them.
    prefix = f"{plan.options.name}-{plan.options.split}-"
    sizes = {item.path: item.size for item in store.list_objects(prefix)}
    theirs = read_if_there(store, PLAN_PATH)
    finished = read_if_there(store, MANIFEST_PATH)
    expected: dict[str, str] = {}
    if theirs is not None and theirs != plan.to_json():
        raise taken(store, differences(theirs, plan.to_json()), finished=finished is not None)
    if finished is not None:
        manifest = Manifest.from_json(finished)
        if manifest.plan != plan.fingerprint:
            raise PlanError(
                f"{store.url} holds a finished data set of another origin ({manifest.name}, "
                f"{manifest.samples:,} samples). Choose another destination; it is never overwritten"
            )
        if not check:
            check_sizes(store.url, manifest, sizes)
            return DestinationState(True, manifest, {})
        expected = {shard.name: shard.sha256 for shard in manifest.shards}
    elif theirs is None:
        check_vacant(store, sizes)
        return DestinationState(False, None, {})
    names = expected or plan.shard_names or (sizes if check else ())  # a stream does not know its own
    paths = {receipt_path(name): name for name in names}
    receipts = dict(find_receipts(store, plan.fingerprint, paths, sizes))
    if check:
        known = (r for name, r in receipts.items() if r.shard.sha256 == expected.get(name, r.shard.sha256))
        receipts = {receipt.shard.name: receipt for receipt in sound(store, known)}
    return DestinationState(True, None, receipts, expected)


def commit(store: Store, plan: AnyPlan, receipts: Iterable[Receipt]) -> Manifest:
    """Put all that goes with the shards, and last the manifest that makes them a data set.

    The receipts are those of all shards, in their order. Whoever comes second with the same bytes has
    done his work too; with others, that is a `PlanError`, and the data set stays as it was.
    """
    shards: list[Shard] = []
    lines: list[bytes] = []
    remarks: list[bytes] = []
    labels: Counter[int] = Counter()
    for receipt in receipts:
        shards.append(receipt.shard)
        lines.append("".join(f"{key}\n" for key in receipt.keys).encode())
        remarks += (strict_json.dumps(remark.to_json()) + b"\n" for remark in receipt.remarks)
        labels.update(receipt.labels)
    keys = b"".join(lines)
    manifest = Manifest(
        name=plan.options.name,
        split=plan.options.split,
        suffixes=plan.schema.suffixes,
        keys_sha256=hashlib.sha256(keys).hexdigest(),
        shards=tuple(shards),
        classes=class_table(plan.schema, labels),
        plan=plan.fingerprint,
    )
    store.put(KEYS_PATH, keys)
    store.put(REPORT_PATH, b"".join(remarks))
    for path, data in companion_files(manifest).items():
        store.put(path, data)
    try:
        store.put(MANIFEST_PATH, manifest.to_json(), create=True)
    except ExistsError as error:
        if store.read(MANIFEST_PATH).data != manifest.to_json():
            raise PlanError(f"{store.url} was finished by another packer, with other bytes") from error
    return manifest


def read_remarks(store: Store) -> list[Remark]:
    """Return the report of a finished data set."""
    lines = store.read(REPORT_PATH).data.splitlines()
    try:
        return [Remark(**strict_json.loads(line)) for line in lines]
    except (ValueError, TypeError) as error:
        raise CorruptError(f"{store.url}/{REPORT_PATH} cannot be read: {error}") from error


def taken(store: Store, told: str, *, finished: bool) -> PlanError:
    """Return the error for a place that holds the work of another plan, in which it was told to differ."""
    state, other = ("finished", "") if finished else ("unfinished", ", or remove what is there")
    return PlanError(
        f"{store.url} holds the {state} work of another plan: {told}. Choose another destination{other}; "
        "it is never overwritten"
    )


def read_if_there(store: Store, path: str) -> bytes | None:
    """Return an object's bytes, None if there is none."""
    try:
        return store.read(path).data
    except NotFoundError:
        return None


def check_vacant(store: Store, shards: Mapping[str, int]) -> None:
    """Refuse a place without a plan that has what packing would overwrite, one of these shards included."""
    for path in (*list(shards)[:1], TIMM_FILE, OPEN_CLIP_FILE, README_FILE):
        with suppress(NotFoundError):
            store.info(path)
            raise PlanError(
                f"{store.url} has {path!r}, which packing would overwrite, and no plan beside it. "
                "Choose an empty destination, or move that away"
            )


def find_receipts(
    store: Store,
    plan: str,
    paths: Mapping[str, str],
    sizes: Mapping[str, int],
    folder: str = f"{METADATA_FOLDER}/receipts/",
) -> Iterable[tuple[str, Receipt]]:
    """Yield the receipts in a folder that still hold; a shard without one is simply built again.

    `plan` is the fingerprint that they must have, `paths` tells whose receipt lies where, and `sizes`
    how large the shards are that are there.
    """
    for item in store.list_objects(folder):
        name = paths.get(item.path)
        if name is None:
            continue
        try:
            receipt = Receipt.from_json(store.read(item.path).data)
        except ManifestError:
            continue
        shard = receipt.shard
        if (receipt.plan, shard.name, shard.size) == (plan, name, sizes.get(name)):
            yield name, receipt


def class_table(schema: Schema, labels: Mapping[int, int]) -> tuple[Metadata, ...]:
    """Return what is known of each class and, of samples that have one label, how many it has."""
    classes = []
    for label, record in enumerate(schema.classes):
        head: dict[str, Any] = {"name": record.get("class_name", str(label))}
        head |= {"samples": labels.get(label, 0)} if schema.labelled else {}
        rest = {name: value for name, value in record.items() if name not in {"class_name", "samples", *head}}
        classes.append(head | rest)
    return tuple(classes)
