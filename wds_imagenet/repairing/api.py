"""`repair`: find the damage of a data set, plan the steps that mend it, and take them in a safe order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Final

from wds_imagenet.errors import UsageError
from wds_imagenet.format.layers import LAYER_MANIFEST, unfinished_layers
from wds_imagenet.format.manifest import KEYS_PATH, MANIFEST_PATH, Manifest
from wds_imagenet.reading.arguments import whole
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.findings.files import note_card, read_if_there
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.reading.findings.layers import find_unfinished, open_layers
from wds_imagenet.reading.findings.receipts import note_receipts
from wds_imagenet.reading.verify import verify
from wds_imagenet.repairing.damage import Damage, Place, find_file_damage, find_shard_damage
from wds_imagenet.repairing.layers import find_layers, fit_layer, mend_layer
from wds_imagenet.repairing.manifests import Restored, parse, restore_manifest
from wds_imagenet.repairing.packers import check_no_packer
from wds_imagenet.repairing.quarantine import leave_out
from wds_imagenet.repairing.report import RepairAction, RepairReport
from wds_imagenet.repairing.steps import Put, Step, take
from wds_imagenet.storage import Store, open_store
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.argument_types import check_arguments

_REMEDY: Final = (
    "name another copy (--from, or copy=), run the same 'pack' again with --check, or leave the shard out "
    "with option 'quarantine'"
)


def repair(
    url: str | PathLike[str],
    *,
    copy: str | PathLike[str] | None = None,
    quarantine: bool = False,
    dry_run: bool = False,
    threads: int = 4,
    storage_options: StorageOptions | None = None,
    copy_storage_options: StorageOptions | None = None,
    on_action: Callable[[RepairAction], object] | None = None,
) -> RepairReport:
    """Mend a damaged data set and its label layers, or leave damaged shards out.

    `repair` guarantees four things. It changes only files that are not as they were packed. It writes a file
    only if the file then has the hash that the manifest or the plan states, and reads it back. It writes each
    manifest last. If it is interrupted, the same call continues.

    If no fault is left, `verify` finds none. `repair` never changes a `README.md` that is there, nor a file
    among the receipts that is no receipt of the data set: the notes name them. If nothing states the number
    of shards, as of an indexed data set without manifest and `keys.txt`, a note says so.

    `repair` mends a shard only from another copy. It mends a manifest from an intact copy, or from the plan
    and the receipts, or else by reading the shards, whose bytes nothing proves then. It mends `keys.txt`, the
    report and the files of other readers from the manifest, receipts and shards. Costs a read of every shard,
    and temporary disk space for one shard.

    Args:
        url: URL of the data set.
        copy: URL of another copy of the data set, which may be damaged elsewhere.
        quarantine: leave shards out that cannot be mended. The shards move to `.wds-imagenet/quarantine`, and
            their keys are listed there. The manifest, and so the fingerprint of the data set, changes.
        dry_run: find the damage and plan the repair, and write nothing.
        threads: threads that read shards.
        storage_options: options of the data set's store.
        copy_storage_options: options of the copy's store.
        on_action: called after each file that was changed; in a dry run, for each that would be.

    Raises:
        ManifestError: the manifest cannot be mended.
        UsageError: the store can only be read, or another program works in the folder.
        CorruptError: a store returns other bytes than were written.
        StoreError: a store fails.
    """
    check_arguments(repair, locals())
    store = open_store(fspath(url), storage_options)
    if not store.writable and not dry_run:
        raise UsageError(f"{store.url}: stores behind HTTP can only be read; repair a copy elsewhere")
    other = None if copy is None else open_store(fspath(copy), copy_storage_options)
    threads = whole("threads", threads, 1)
    check_no_packer(store)
    plan = _plan(store, other, threads, quarantine=quarantine)
    actions = []
    for step in plan.steps:
        if not dry_run:
            if isinstance(step, Put) and step.path == MANIFEST_PATH:
                _check_unchanged(store, plan.restored)
            take(store, step)
        actions.append(RepairAction(step.path, step.what))
        if on_action is not None:
            on_action(actions[-1])
    notes = [*plan.restored.notes, *_note_files(store, plan)]
    if plan.manifest.plan is None and not plan.left and not (dry_run and actions):
        # No packer has checked the samples of indexed shards.
        plan.left += verify(Dataset(store, plan.manifest), threads=threads).findings
    old = plan.restored.manifest.fingerprint if parse(plan.restored.found) else None
    return RepairReport(
        url=store.url,
        actions=tuple(actions),
        left=tuple(plan.left),
        lost_keys=plan.lost_keys,
        fingerprint=plan.manifest.fingerprint,
        old_fingerprint=None if old == plan.manifest.fingerprint else old,
        dry_run=dry_run,
        notes=tuple(notes),
    )


@dataclass(slots=True)
class _Repair:
    """A planned repair."""

    restored: Restored
    manifest: Manifest
    """The manifest after the repair."""
    steps: list[Step] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    lost_keys: tuple[str, ...] = ()


def _plan(store: Store, other: Store | None, threads: int, *, quarantine: bool) -> _Repair:
    sizes = {info.path: info.size for info in store.list_objects()}
    place = Place(store, other, sizes, threads)
    restored = restore_manifest(store, other, sizes, threads)
    manifest = restored.manifest
    if manifest.shards_in is not None:
        raise UsageError(
            f"{store.url} has the manifest of shards in the folder above, which repair does not mend: copy "
            "damaged shards again, or remove the manifest and run 'index' again"
        )
    plan = _Repair(restored, manifest)
    _plan_steps(plan, place, quarantine=quarantine)
    written = {step.path for step in plan.steps}
    unfinished = [find_unfinished(name) for name in unfinished_layers(sizes)]
    plan.left += [item for item in unfinished if f"{item.file}{LAYER_MANIFEST}" not in written]
    return plan


def _plan_steps(plan: _Repair, place: Place, *, quarantine: bool) -> None:
    """Add the steps that mend a data set, and the faults that no step mends."""
    manifest, restored = plan.manifest, plan.restored
    shards = find_shard_damage(place, "", manifest, _REMEDY)
    files = find_file_damage(place, manifest, shards.lost)
    plan.steps += shards.steps
    if quarantine and shards.lost:
        _plan_quarantine(plan, place, shards, files)
        return
    plan.left += [*shards.left, *files.left]
    for name in find_layers(place):
        damage = mend_layer(place, manifest, name)
        plan.steps += damage.steps
        plan.left += damage.left
    plan.steps += files.steps
    if restored.origin:
        plan.steps.append(
            Put(MANIFEST_PATH, manifest.to_json(), restored.origin, create=restored.found is None)
        )


def _plan_quarantine(plan: _Repair, place: Place, shards: Damage, files: Damage) -> None:
    """Add the steps that leave the lost shards out of the data set and of its layers."""
    manifest = plan.manifest
    mended = next((s.data for s in files.steps if isinstance(s, Put) and s.path == KEYS_PATH), None)
    keys = None if any(item.file == KEYS_PATH for item in files.left) else mended
    if keys is None and not any(item.file == KEYS_PATH for item in files.left):
        keys = read_if_there(place.store, KEYS_PATH)
    aside = leave_out(place.store, manifest, {shard.name for shard in shards.lost}, keys)
    lost = {shard.name for shard in shards.lost}
    plan.manifest, plan.lost_keys = aside.manifest, aside.lost_keys
    plan.left += [item for item in shards.left if item.shard not in lost]
    plan.left += [item for item in files.left if item.file != KEYS_PATH]
    rewritten = {step.path for step in (*aside.before, *aside.after)}
    plan.steps += [step for step in files.steps if step.path not in rewritten]
    plan.steps += aside.before
    for name in find_layers(place):
        steps, left = fit_layer(place, manifest, aside.manifest, name)
        plan.steps += steps
        plan.left += left
    plan.steps += aside.after


def _note_files(store: Store, plan: _Repair) -> list[str]:
    """Return notes on the files that repair leaves alone, though they are not as they were packed."""
    notes = note_card(store, plan.manifest) + note_receipts(store, plan.manifest)
    for layer in open_layers(Dataset(store, plan.manifest), None)[0]:
        notes += note_receipts(store, layer.manifest, layer.folder)
    return notes


def _check_unchanged(store: Store, restored: Restored) -> None:
    """Raise `UsageError` if another program has written the manifest since it was read."""
    if read_if_there(store, MANIFEST_PATH) != restored.found:
        raise UsageError(
            f"another program has changed {store.url}/{MANIFEST_PATH} during the repair: run repair again"
        )
