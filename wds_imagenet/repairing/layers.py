"""The layers of a damaged data set: mended, or fitted to a data set without some of its shards."""

from dataclasses import dataclass, replace
from typing import Final

from wds_imagenet.errors import DataError, ManifestError, NotFoundError
from wds_imagenet.format.layers import LAYERS, LayerPlan, check_layer, layer_folder, layer_names
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.reading.findings.files import read_if_there
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.repairing.damage import Damage, Place, find_shard_damage, mend_receipts
from wds_imagenet.repairing.manifests import Restored, parse, restore_layer
from wds_imagenet.repairing.quarantine import leave_out_of_layer
from wds_imagenet.repairing.steps import Put, Step
from wds_imagenet.storage import Store

_REMEDY: Final = "name another copy (--from, or copy=), or run the same 'add-layer' again with --check"


@dataclass(slots=True)
class LayerDamage(Damage):
    """The damage of a layer."""

    found: tuple[Manifest, LayerPlan] | None = None
    """Its manifest and plan; None if they cannot be had."""


def fit_layer(place: Place, old: Manifest, new: Manifest, name: str) -> tuple[list[Step], list[Finding]]:
    """Return the steps that fit a layer to the data set without its lost shards, and the faults left."""
    folder = layer_folder(name)
    if _opened(place.store, folder, new) is not None:  # an interrupted repair has written it
        damage = mend_layer(place, new, name)
        return damage.steps, damage.left
    damage = mend_layer(place, old, name, _half_fitted(place.store, folder, old, new))
    if damage.found is None or damage.lost:
        return [], damage.left
    layer, planned = damage.found
    return [*damage.steps, *leave_out_of_layer(place.store, folder, layer, planned, new)], damage.left


def mend_layer(
    place: Place, base: Manifest, name: str, half: tuple[Manifest, LayerPlan] | None = None
) -> LayerDamage:
    """Return the damage of a layer, and its manifest and plan if they can be had.

    Args:
        place: the data set.
        base: the manifest of the data set.
        name: the layer's name.
        half: manifest and plan of a layer that an interrupted repair has changed in part.
    """
    folder = layer_folder(name)
    damage = LayerDamage()
    try:
        if half is None:
            restored, planned, plan = restore_layer(place.store, place.other, folder, base)
        else:
            restored, planned, plan = Restored(half[0], b"", ""), half[1], half[1].to_json()
    except (DataError, NotFoundError) as error:
        if f"{folder}manifest.json" in place.sizes:  # else the layer is not finished
            damage.left.append(Finding(str(error), file=folder))
        return damage
    damage.found = restored.manifest, planned
    shards = find_shard_damage(place, folder, restored.manifest, _REMEDY)
    damage.steps, damage.left, damage.lost = shards.steps, shards.left, shards.lost
    mend_receipts(place, damage, restored.manifest, folder)
    if half is None and read_if_there(place.store, f"{folder}plan.json") != plan:
        damage.steps.append(Put(f"{folder}plan.json", plan, restored.origin))
    if restored.origin:
        data = restored.manifest.to_json()
        damage.steps.append(Put(f"{folder}manifest.json", data, restored.origin))
    return damage


def _opened(store: Store, folder: str, base: Manifest) -> tuple[Manifest, LayerPlan] | None:
    """Return manifest and plan of an intact layer of a data set, else None."""
    manifest = parse(read_if_there(store, f"{folder}manifest.json"))
    if manifest is None:
        return None
    try:
        planned = LayerPlan.from_json(read_if_there(store, f"{folder}plan.json") or b"")
        check_layer(base, manifest, planned)
    except ManifestError:
        return None
    return manifest, planned


def _half_fitted(
    store: Store, folder: str, old: Manifest, new: Manifest
) -> tuple[Manifest, LayerPlan] | None:
    """Return a layer whose plan is fitted already, and its manifest not yet, as it was; else None."""
    manifest = parse(read_if_there(store, f"{folder}manifest.json"))
    try:
        planned = LayerPlan.from_json(read_if_there(store, f"{folder}plan.json") or b"")
        if manifest is None or planned.base != new.fingerprint:
            return None
        before = replace(planned, base=old.fingerprint)
        check_layer(old, manifest, before)
    except ManifestError:
        return None
    return manifest, before


def find_layers(place: Place) -> list[str]:
    """Return the layers that are finished, here or in the other copy."""
    paths = set(place.sizes)
    if place.other is not None and place.other.listable:
        paths |= {info.path for info in place.other.list_objects(LAYERS)}
    damaged = {
        path.replace("/plan.json", "/manifest.json") for path in place.sizes if path.startswith(LAYERS)
    }
    return layer_names(paths | damaged)
