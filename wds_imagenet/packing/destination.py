"""The destination as a whole: whose it is, what of it is done, and the commit that ends it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet import strict_json
from wds_imagenet.errors import CorruptError, ExistsError, ManifestError, NotFoundError, PlanError
from wds_imagenet.format.companions import OPEN_CLIP, README, TIMM, companions
from wds_imagenet.format.manifest import FOLDER, KEYS_PATH, PATH, Manifest
from wds_imagenet.packing.plan import Plan, differences
from wds_imagenet.packing.receipt import Receipt, Remark, receipt_path
from wds_imagenet.packing.schema import Schema
from wds_imagenet.sources.reference import Metadata
from wds_imagenet.storage import Store

PLAN_PATH: Final = f"{FOLDER}/plan.json"
REPORT_PATH: Final = f"{FOLDER}/report.jsonl"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a plan has come at its destination."""

    claimed: bool
    """Whether the plan lies there."""
    manifest: Manifest | None
    """Of the finished data set, None if it is not finished."""
    receipts: Mapping[str, Receipt]
    """Of the shards that are done, by name."""


def survey(store: Store, plan: Plan) -> Standing:
    """Find out what of a plan is done, changing nothing.

    Raises `PlanError` if the destination holds another plan's work, finished or not, or files that
    packing would overwrite. Costs two requests, a listing, and one more a finished shard.
    """
    # Listed before the plan is looked for: whoever put these shards had put a plan before them.
    prefix = f"{plan.options.name}-{plan.options.split}-"
    sizes = {item.path: item.size for item in store.list_objects(prefix)}
    theirs = _read(store, PLAN_PATH)
    finished = _read(store, PATH)
    if theirs is not None and theirs != plan.to_json():
        state = "unfinished" if finished is None else "finished"
        raise PlanError(
            f"{store.url} holds the {state} work of another plan: {differences(theirs, plan.to_json())}. "
            "Choose another destination; what is there is never overwritten"
        )
    if finished is not None:
        manifest = Manifest.from_json(finished)
        if manifest.plan != plan.fingerprint:
            raise PlanError(
                f"{store.url} holds a finished data set of another origin ({manifest.name}, "
                f"{manifest.samples:,} samples). Choose another destination; it is never overwritten"
            )
        return Standing(True, manifest, {})
    if theirs is None:
        _check_vacant(store, sizes)
        return Standing(False, None, {})
    return Standing(True, None, dict(_receipts(store, plan, sizes)))


def claim(store: Store, plan: Plan) -> None:
    """Put the plan where nobody else's is, or raise `PlanError`."""
    try:
        store.put(PLAN_PATH, plan.to_json(), create=True)
    except ExistsError:
        survey(store, plan)  # another packer was quicker; with the same plan both may go on


def commit(store: Store, plan: Plan, receipts: Iterable[Receipt]) -> Manifest:
    """Put all that goes with the shards, and last the manifest that makes them a data set.

    Whoever comes second with the same bytes has done his work too; with others, that is a
    `PlanError`, and the data set stays as it was.
    """
    by_name = {receipt.shard.name: receipt for receipt in receipts}
    ordered = [by_name[name] for name in plan.shard_names]
    keys = "".join(f"{key}\n" for receipt in ordered for key in receipt.keys).encode()
    labels: Counter[int] = Counter()
    for receipt in ordered:
        labels.update(receipt.labels)
    manifest = Manifest(
        name=plan.options.name,
        split=plan.options.split,
        suffixes=plan.schema.suffixes,
        keys_sha256=hashlib.sha256(keys).hexdigest(),
        shards=tuple(receipt.shard for receipt in ordered),
        classes=_classes(plan.schema, labels),
        plan=plan.fingerprint,
    )
    remarks = (remark for receipt in ordered for remark in receipt.remarks)
    store.put(KEYS_PATH, keys)
    store.put(REPORT_PATH, b"".join(strict_json.dumps(r.to_json()) + b"\n" for r in remarks))
    for path, data in companions(manifest).items():
        store.put(path, data)
    try:
        store.put(PATH, manifest.to_json(), create=True)
    except ExistsError as error:
        if store.read(PATH).data != manifest.to_json():
            raise PlanError(f"{store.url} was finished by another packer, with other bytes") from error
    return manifest


def read_remarks(store: Store) -> list[Remark]:
    """Return the report of a finished data set."""
    lines = store.read(REPORT_PATH).data.splitlines()
    try:
        return [Remark(**strict_json.loads(line)) for line in lines]
    except (ValueError, TypeError) as error:
        raise CorruptError(f"{store.url}/{REPORT_PATH} cannot be read: {error}") from error


def _read(store: Store, path: str) -> bytes | None:
    try:
        return store.read(path).data
    except NotFoundError:
        return None


def _check_vacant(store: Store, shards: Mapping[str, int]) -> None:
    for path in (*list(shards)[:1], TIMM, OPEN_CLIP, README):
        with suppress(NotFoundError):
            store.info(path)
            raise PlanError(
                f"{store.url} has {path!r}, which packing would overwrite, and no plan beside it. "
                "Choose an empty destination, or move that away"
            )


def _receipts(store: Store, plan: Plan, sizes: Mapping[str, int]) -> Iterable[tuple[str, Receipt]]:
    """Yield the receipts that still hold; a shard without one is simply built again."""
    paths = {receipt_path(name): name for name in plan.shard_names}
    for item in store.list_objects(f"{FOLDER}/receipts/"):
        name = paths.get(item.path)
        if name is None:
            continue
        try:
            receipt = Receipt.from_json(store.read(item.path).data)
        except ManifestError:
            continue
        shard = receipt.shard
        if (receipt.plan, shard.name, shard.size) == (plan.fingerprint, name, sizes.get(name)):
            yield name, receipt


def _classes(schema: Schema, labels: Mapping[int, int]) -> tuple[Metadata, ...]:
    """Return what the samples' JSON says of each class, and how many samples it has."""
    classes = []
    for label, record in enumerate(schema.classes):
        head: dict[str, Any] = {"name": record.get("class_name", str(label)), "samples": labels.get(label, 0)}
        rest = {name: value for name, value in record.items() if name not in {"class_name", *head}}
        classes.append(head | rest)
    return tuple(classes)
