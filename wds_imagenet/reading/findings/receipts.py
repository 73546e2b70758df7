"""The receipts that were kept, compared with the manifest and the shards, and foreign files among them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import ManifestError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.manifest import METADATA_FOLDER, Manifest, Shard, shard_to_json
from wds_imagenet.format.own_hash import OWN_HASH, check_own_hash
from wds_imagenet.reading.findings.files import read_believed
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import MAX_METADATA
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 16
_RECEIPT_FIELDS: Final = {"format", "plan", "shard", "keys", "labels", "remarks", OWN_HASH}


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """The keys and labels that were found in one whole shard."""

    keys: Sequence[str]
    labels: Mapping[int, int] | None
    """Samples by label; None if they are not compared."""


def check_receipts(
    store: Store, manifest: Manifest, facts: Mapping[str, ShardFacts], folder: str = f"{METADATA_FOLDER}/"
) -> Iterator[Finding]:
    """Yield the faults of the receipts that were kept. Costs a listing, and a request for each.

    Receipts of a finished data set may be deleted; none needs to be there. Foreign files are no faults.

    Args:
        store: that of the data set.
        manifest: the manifest of the data set or layer.
        facts: the facts of each shard that could be read whole, by name.
        folder: the folder of the receipts' folder.
    """
    if not store.listable:
        return
    shards = _receipt_paths(manifest, folder)
    paths = _listed(store, folder)
    for path in paths:
        if path not in shards and _is_own(store, path, manifest):
            yield Finding("the receipt of a shard that is not in the manifest", file=path)

    def check(path: str) -> Finding | None:
        shard = shards[path]
        data = read_believed(store, path, lambda data: not _receipt_fault(data, manifest, shard, facts))
        what = "" if data is None else _receipt_fault(data, manifest, shard, facts)
        return Finding(what, file=path) if what else None

    known = [path for path in paths if path in shards]
    with closing(map_ahead(check, known, threads=_THREADS, name="receipts")) as found:
        yield from (item for item in found if item is not None)


def note_receipts(store: Store, manifest: Manifest, folder: str = f"{METADATA_FOLDER}/") -> list[str]:
    """Return a note on the files in the folder of the receipts that are no receipts of this data set.

    Args:
        store: that of the data set.
        manifest: the manifest of the data set or layer.
        folder: the folder of the receipts' folder.
    """
    shards = _receipt_paths(manifest, folder)
    paths = _listed(store, folder) if store.listable else []
    foreign = [path for path in paths if path not in shards and not _is_own(store, path, manifest)]
    if not foreign:
        return []
    count = quantity(len(foreign), "files")
    return [f"{folder}receipts/ has {count} that are no receipts of this data set, such as {foreign[0]}"]


def _receipt_paths(manifest: Manifest, folder: str) -> dict[str, Shard]:
    """Return path → shard of each receipt; indexed shards have none."""
    if manifest.plan is None:
        return {}
    return {f"{folder}receipts/{shard.name}.json": shard for shard in manifest.shards}


def _listed(store: Store, folder: str) -> list[str]:
    inside = f"{folder}receipts/"
    paths = [info.path for info in store.list_objects(inside)]
    return [path for path in paths if not is_ignored(path.removeprefix(inside))]


def _is_own(store: Store, path: str, manifest: Manifest) -> bool:
    """Return True for the receipt of a shard that a quarantine or an earlier run has left behind."""
    if manifest.plan is None:
        return False

    def fits(data: bytes) -> bool:
        try:
            value = strict_json.loads(data, max_bytes=MAX_METADATA)
            if not isinstance(value, dict) or value.keys() != _RECEIPT_FIELDS:
                return False
            check_own_hash(value, "the receipt", "delete it")
            name = value["shard"]["name"]
        except (ValueError, ManifestError, KeyError, TypeError):
            return False
        return str(name).startswith(f"{manifest.name}-{manifest.split}-")

    return fits(read_believed(store, path, fits) or b"")


def _receipt_fault(data: bytes, manifest: Manifest, shard: Shard, facts: Mapping[str, ShardFacts]) -> str:
    try:
        value = strict_json.loads(data, max_bytes=MAX_METADATA)
        if not isinstance(value, dict) or value.keys() != _RECEIPT_FIELDS:
            return "it is no receipt"
        check_own_hash(value, "the receipt", "delete it: a finished data set needs no receipts")
    except (ValueError, ManifestError) as error:
        return str(error)
    if strict_json.dumps(value) != data:
        return "it has the values that were packed, but not the bytes"
    expected: dict[str, Any] = {"plan": manifest.plan, "shard": shard_to_json(shard)}
    found = facts.get(shard.name)
    if found is not None:
        expected["keys"] = list(found.keys)
        if found.labels is not None:
            expected["labels"] = {str(label): count for label, count in sorted(found.labels.items())}
    wrong = [name for name, item in expected.items() if value[name] != item]
    return f"its {' and '.join(wrong)} differ from the manifest and the shard" if wrong else ""
