"""A data set without its damaged shards: they are moved aside, and their keys are listed."""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from wds_imagenet.errors import DataError
from wds_imagenet.format.info_files import README_FILE, companion_files
from wds_imagenet.format.layers import LayerPlan
from wds_imagenet.format.manifest import KEYS_PATH, LOST_KEYS, MANIFEST_PATH, QUARANTINE, Manifest, Shard
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.fetch_blocks import Fetcher
from wds_imagenet.reading.findings.files import read_if_there
from wds_imagenet.repairing.steps import Keep, Put, Remove, Step
from wds_imagenet.storage import Store


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The steps that leave damaged shards out."""

    manifest: Manifest
    before: Sequence[Step]
    """The steps before those of the layers."""
    after: Sequence[Step]
    """The steps after those of the layers; the manifest is among them."""
    lost_keys: tuple[str, ...]


def leave_out(store: Store, manifest: Manifest, lost: Collection[str], keys: bytes | None) -> Quarantine:
    """Return the manifest without some shards, and the steps to it. Reads all other shards.

    Args:
        store: that of the data set.
        manifest: its manifest.
        lost: the names of the shards.
        keys: the intact `keys.txt` of the manifest; None if it is lost.

    Raises:
        DataError: no shard is left.
    """
    shards = tuple(shard for shard in manifest.shards if shard.name not in lost)
    if not shards:
        raise DataError(f"every shard of {store.url} is damaged: nothing would be left; use another copy")
    kept, labels = _read(store, "", manifest, shards)
    new_keys = "".join(f"{key}\n" for key in kept).encode()
    new = replace(
        manifest,
        shards=shards,
        keys_sha256=hashlib.sha256(new_keys).hexdigest(),
        classes=_counted(manifest, labels),
    )
    found = (read_if_there(store, LOST_KEYS) or b"").decode("utf-8", "replace").split("\n")[:-1]
    here = set(kept)
    gone = [key for key in (keys or b"").decode().split("\n")[:-1] if key not in here]
    lost_keys = tuple(dict.fromkeys([*found, *gone]))
    listed = "".join(f"{key}\n" for key in lost_keys).encode()
    before: list[Step] = [Keep(name, f"{QUARANTINE}{name}", "kept aside, damaged") for name in sorted(lost)]
    before.append(Put(LOST_KEYS, listed, f"lists {len(lost_keys):,} lost keys"))
    after: list[Step] = [Put(KEYS_PATH, new_keys, "written without the lost keys")]
    if manifest.plan is not None:
        old = companion_files(manifest)
        card = read_if_there(store, README_FILE)
        edited = {README_FILE} if card not in {None, old[README_FILE]} else set()
        files = companion_files(new).items()
        after += [Put(path, data, "written anew") for path, data in files if path not in edited]
    after.append(Put(MANIFEST_PATH, new.to_json(), f"written without {', '.join(sorted(lost))}"))
    for name in sorted(lost):
        after.append(Remove(name, "removed: it is left out"))
        after.append(Remove(f".wds-imagenet/receipts/{name}.json", "removed with its shard"))
    return Quarantine(new, before, after, lost_keys)


def leave_out_of_layer(
    store: Store, folder: str, layer: Manifest, plan: LayerPlan, base: Manifest
) -> list[Step]:
    """Return the steps that fit a layer to a data set without some of its shards.

    Args:
        store: that of the data set.
        folder: the layer's folder.
        layer: its manifest, for the old data set.
        plan: its plan, for the old data set.
        base: the new manifest of the data set.
    """
    names = {shard.name for shard in base.shards}
    shards = tuple(shard for shard in layer.shards if shard.name in names)
    new_plan = replace(plan, base=base.fingerprint)
    classes = layer.classes
    if "cls" in layer.suffixes:
        classes = _counted(layer, _read(store, folder, layer, shards)[1])
    new = replace(
        layer, shards=shards, keys_sha256=base.keys_sha256, plan=new_plan.fingerprint, classes=classes
    )
    gone = [shard.name for shard in layer.shards if shard.name not in names]
    inside = folder.removeprefix(".wds-imagenet/")
    steps: list[Step] = [Keep(f"{folder}{n}", f"{QUARANTINE}{inside}{n}", "kept aside") for n in gone]
    steps.append(Put(f"{folder}plan.json", new_plan.to_json(), "fitted to the new data set"))
    steps.append(Put(f"{folder}manifest.json", new.to_json(), "fitted to the new data set"))
    steps += [Remove(f"{folder}{name}", "removed: its shard is left out") for name in gone]
    steps += [
        Remove(f"{folder}receipts/{shard.name}.json", "removed: the layer has a new plan")
        for shard in layer.shards
    ]
    return steps


def _counted(manifest: Manifest, labels: Counter[int]) -> tuple[dict[str, object], ...]:
    return tuple(
        {**item, "samples": labels[label]} if "samples" in item else dict(item)
        for label, item in enumerate(manifest.classes)
    )


def _read(
    store: Store, folder: str, manifest: Manifest, shards: Sequence[Shard]
) -> tuple[list[str], Counter[int]]:
    """Return the keys of some shards, and their samples by label."""
    some = replace(manifest, shards=tuple(shards), classes=())
    keys: list[str] = []
    labels: Counter[int] = Counter()
    for sample in Dataset(store, some, fetcher=Fetcher(store, folder)).samples():
        keys.append(sample.key)
        if sample.label is not None:
            labels[sample.label] += 1
    return keys, labels
