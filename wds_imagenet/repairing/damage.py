"""The damage of a data set or layer, and the steps that mend it. Nothing is written here."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from wds_imagenet.errors import ChangedError, DataError, NotFoundError
from wds_imagenet.format.info_files import README_FILE, companion_files
from wds_imagenet.format.manifest import KEYS_PATH, PLAN_PATH, QUARANTINE, REPORT_PATH, Manifest, Shard
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.findings.files import read_believed, read_if_there
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.reading.findings.receipts import check_receipts
from wds_imagenet.repairing.steps import Copy, Put, Remove, Step, has_hash
from wds_imagenet.storage import Store
from wds_imagenet.util import strict_json
from wds_imagenet.util.threads import map_ahead

_MAX_FLIPPED: Final = 8 << 10
"""Plans are smaller; each bit costs one hash of the plan."""


@dataclass(slots=True)
class Damage:
    """The steps that mend a part of a data set, and the faults that no step mends."""

    steps: list[Step] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    lost: list[Shard] = field(default_factory=list)
    """Shards that are damaged or missing, and that no copy has."""


@dataclass(frozen=True, slots=True)
class Place:
    """A damaged data set, and another copy of it."""

    store: Store
    other: Store | None
    sizes: Mapping[str, int]
    """The size of each file, by path."""
    threads: int


def find_shard_damage(place: Place, folder: str, manifest: Manifest, remedy: str) -> Damage:
    """Read all shards of a data set or layer, and return the copies that mend the damaged ones.

    Args:
        place: the data set.
        folder: the folder of the shards.
        manifest: the manifest of the data set or layer.
        remedy: the way on for a shard that no copy has.
    """
    damage = Damage()

    def is_intact(shard: Shard) -> bool:
        return has_hash(place.store, f"{folder}{shard.name}", shard.size, shard.sha256)

    with closing(map_ahead(is_intact, manifest.shards, threads=place.threads, name="repair")) as results:
        for shard, intact in zip(manifest.shards, results, strict=True):
            if intact:
                continue
            path = f"{folder}{shard.name}"
            if place.other is not None and has_hash(place.other, path, shard.size, shard.sha256):
                what = f"copied from {place.other.url}"
                damage.steps.append(Copy(path, shard.size, shard.sha256, place.other, path, what))
            else:
                state = "damaged" if path in place.sizes else "missing"
                damage.lost.append(shard)
                damage.left.append(Finding(f"the shard is {state}: {remedy}", path))
    if manifest.plan is None:  # indexed shards may lie among others
        return damage
    known = {f"{folder}{shard.name}" for shard in manifest.shards}
    for path in place.sizes:
        inside = path.removeprefix(folder)
        if path.startswith(folder) and path.endswith(".tar") and path not in known and "/" not in inside:
            _add_stray(place, path, damage)
    return damage


def find_file_damage(place: Place, manifest: Manifest, lost: Sequence[Shard]) -> Damage:
    """Return the steps that mend keys, plan, report, companion files and receipts of a data set.

    Args:
        place: the data set.
        manifest: its manifest.
        lost: the shards that cannot be read.
    """
    damage = Damage()
    _mend_hashed(place, damage, KEYS_PATH, manifest.keys_sha256, lambda: _keys(place, manifest, lost))
    if manifest.plan is None:
        return damage
    _mend_hashed(place, damage, PLAN_PATH, manifest.plan, lambda: _plans(place.store))
    if manifest.report_sha256 is not None:
        report = manifest.report_sha256
        _mend_hashed(place, damage, REPORT_PATH, report, lambda: _report(place.store, manifest))
    for path, data in companion_files(manifest).items():
        found = read_believed(place.store, path, data.__eq__)
        if found is None or (found != data and path != README_FILE):  # people edit the card
            damage.steps.append(Put(path, data, "written from the manifest"))
    mend_receipts(place, damage, manifest, ".wds-imagenet/")
    return damage


def mend_receipts(place: Place, damage: Damage, manifest: Manifest, folder: str) -> None:
    """Add the steps that mend damaged receipts: a finished data set needs none, so they may be removed."""
    for finding in check_receipts(place.store, manifest, {}, folder):
        path = finding.file or ""
        data = None if place.other is None else read_if_there(place.other, path)
        if data is not None and _is_receipt(data, manifest, path, folder):
            damage.steps.append(Put(path, data, f"copied from {place.other and place.other.url}"))
        else:
            damage.steps.append(Remove(path, "removed: a finished data set needs no receipts"))


def _add_stray(place: Place, path: str, damage: Damage) -> None:
    kept = f"{QUARANTINE}{path.removeprefix('.wds-imagenet/')}"
    if place.sizes.get(kept) == place.sizes[path]:
        damage.steps.append(Remove(path, f"removed: it lies in {kept}"))
    else:
        what = "a tar that is not in the manifest: other readers may take it for a shard; move it away"
        damage.left.append(Finding(what, path))


def _mend_hashed(
    place: Place, damage: Damage, path: str, sha256: str, candidates: Callable[[], Iterator[bytes]]
) -> None:
    """Add the step that writes a file with this hash: from the other copy, or one of the candidates."""

    def fits(data: bytes | None) -> bool:
        return data is not None and hashlib.sha256(data).hexdigest() == sha256

    if fits(read_believed(place.store, path, fits)):
        return
    copy = None if place.other is None else read_believed(place.other, path, fits)
    if place.other is not None and copy is not None and fits(copy):
        damage.steps.append(Put(path, copy, f"copied from {place.other.url}"))
        return
    what = "one bit flipped back" if path == PLAN_PATH else "made anew from receipts or shards"
    for data in candidates():
        if fits(data):
            damage.steps.append(Put(path, data, what))
            return
    remedy = "name another copy, as --from or copy="
    if path == PLAN_PATH:
        remedy += ", or run the same 'pack' again, which writes it"
    damage.left.append(Finding(f"the file is damaged or missing: {remedy}", file=path))


def _keys(place: Place, manifest: Manifest, lost: Sequence[Shard]) -> Iterator[bytes]:
    receipts = _receipts(place.store, manifest)
    if receipts is not None:
        yield "".join(f"{key}\n" for receipt in receipts for key in receipt.keys).encode()
    if not lost:
        try:
            yield "".join(f"{s.key}\n" for s in Dataset(place.store, manifest).samples()).encode()
        except (DataError, NotFoundError, ChangedError):
            return


def _plans(store: Store) -> Iterator[bytes]:
    """Yield the damaged plan with each bit flipped: the hash in the manifest finds the right one."""
    data = bytearray((read_if_there(store, PLAN_PATH) or b"")[:_MAX_FLIPPED])
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        yield bytes(data)
        data[bit // 8] ^= 1 << bit % 8


def _report(store: Store, manifest: Manifest) -> Iterator[bytes]:
    receipts = _receipts(store, manifest)
    if receipts is not None:
        yield b"".join(strict_json.dumps(r.to_json()) + b"\n" for one in receipts for r in one.remarks)


def _receipts(store: Store, manifest: Manifest) -> list[Receipt] | None:
    """Return the receipts of all shards, None if one is missing or damaged."""
    receipts = []
    for shard in manifest.shards:
        data = read_if_there(store, f".wds-imagenet/receipts/{shard.name}.json")
        try:
            receipts.append(Receipt.from_json(data or b""))
        except DataError:
            return None
    return receipts


def _is_receipt(data: bytes, manifest: Manifest, path: str, folder: str) -> bool:
    try:
        receipt = Receipt.from_json(data)
    except DataError:
        return False
    stated = {f"{folder}receipts/{shard.name}.json": shard for shard in manifest.shards}
    return (receipt.plan, receipt.shard) == (manifest.plan, stated.get(path))
