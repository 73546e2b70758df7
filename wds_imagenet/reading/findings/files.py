"""The files beside the shards, compared with the manifest: plan, report, companion files and receipts."""

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import ManifestError, NotFoundError
from wds_imagenet.format.info_files import companion_files
from wds_imagenet.format.manifest import (
    MANIFEST_PATH,
    METADATA_FOLDER,
    PLAN_PATH,
    REPORT_PATH,
    Manifest,
    Shard,
    shard_to_json,
)
from wds_imagenet.format.own_hash import OWN_HASH, check_own_hash
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import MAX_METADATA, MAX_READ
from wds_imagenet.util import strict_json
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 16
_MAX_PLAN: Final = 64 << 20
_MAX_RECEIPT: Final = 256 << 20
_RECEIPT_FIELDS: Final = {"format", "plan", "shard", "keys", "labels", "remarks", OWN_HASH}


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """The keys and labels that were found in one whole shard."""

    keys: Sequence[str]
    labels: Mapping[int, int] | None
    """Samples by label; None if they are not compared."""


def check_files(store: Store, manifest: Manifest) -> Iterator[Finding]:
    """Yield the faults of manifest, plan, report and companion files of a data set. Costs six requests.

    The manifest states the hash of the plan and of the report, and decides every byte of the companion files.
    An indexed data set has the manifest alone.
    """
    yield from check_bytes(store, MANIFEST_PATH, manifest.to_json())
    if manifest.plan is None:
        return
    plan = yield from _hashed(store, PLAN_PATH, manifest.plan)
    if plan is not None:
        yield from _check_plan(plan, manifest)
    if manifest.report_sha256 is not None:
        yield from _hashed(store, REPORT_PATH, manifest.report_sha256)
    for path, expected in companion_files(manifest).items():
        yield from check_bytes(store, path, expected)


def check_bytes(store: Store, path: str, expected: bytes) -> Iterator[Finding]:
    """Yield a finding if a file is missing or has other bytes. Costs one request, or two for a finding."""
    data = read_believed(store, path, expected.__eq__)
    if data is None:
        yield Finding("the file is missing", file=path)
    elif data != expected:
        yield Finding("the file is not as it was packed", offset=_first_difference(data, expected), file=path)


def check_receipts(
    store: Store, manifest: Manifest, facts: Mapping[str, ShardFacts], folder: str = f"{METADATA_FOLDER}/"
) -> Iterator[Finding]:
    """Yield the faults of the receipts that were kept. Costs a listing, and a request for each.

    Receipts of a finished data set may be deleted; none needs to be there.

    Args:
        store: that of the data set.
        manifest: the manifest of the data set or layer.
        facts: the facts of each shard that could be read whole, by name.
        folder: the folder of the receipts' folder.
    """
    if not store.listable:
        return
    shards = {f"{folder}receipts/{shard.name}.json": shard for shard in manifest.shards}
    paths = [info.path for info in store.list_objects(f"{folder}receipts/")]
    for path in paths:
        if path not in shards:
            yield Finding("the receipt of a shard that is not in the manifest", file=path)

    def check(path: str) -> Finding | None:
        shard = shards[path]
        data = read_believed(store, path, lambda data: not _receipt_fault(data, manifest, shard, facts))
        what = "" if data is None else _receipt_fault(data, manifest, shard, facts)
        return Finding(what, file=path) if what else None

    known = [path for path in paths if path in shards]
    with closing(map_ahead(check, known, threads=_THREADS, name="receipts")) as found:
        yield from (item for item in found if item is not None)


def read_if_there(store: Store, path: str) -> bytes | None:
    """Return an object's bytes, None if it is missing."""
    unbounded = path.endswith(("keys.txt", ".jsonl"))
    try:
        return store.read(path, limit=MAX_READ if unbounded else MAX_METADATA).data
    except NotFoundError:
        return None


def read_believed(store: Store, path: str, fits: Callable[[bytes], bool]) -> bytes | None:
    """Return an object's bytes, None if it is missing. Bytes that do not fit are read once more.

    The network may have damaged them, and not the store.
    """
    data = read_if_there(store, path)
    return data if data is None or fits(data) else read_if_there(store, path)


def _hashed(store: Store, path: str, expected: str) -> Generator[Finding, None, bytes | None]:
    """Yield a finding unless a file has this SHA-256; return its bytes if it has."""
    data = read_believed(store, path, lambda data: hashlib.sha256(data).hexdigest() == expected)
    if data is None:
        yield Finding("the file is missing", file=path)
        return None
    actual = hashlib.sha256(data).hexdigest()
    if actual == expected:
        return data
    yield Finding(f"the file has the SHA-256 {actual:.12}…, the manifest says {expected:.12}…", file=path)
    return None


def _check_plan(plan: bytes, manifest: Manifest) -> Iterator[Finding]:
    try:
        value = strict_json.loads(plan, max_bytes=_MAX_PLAN)
    except ValueError as error:
        yield Finding(f"the plan cannot be read: {error}", file=PLAN_PATH)
        return
    options = value.get("options") if isinstance(value, dict) else None
    for name, ours in (("name", manifest.name), ("split", manifest.split)):
        theirs = options.get(name) if isinstance(options, dict) else None
        if theirs != ours:
            yield Finding(f"the {name} is {theirs!r:.60}, in the manifest {ours!r:.60}", file=PLAN_PATH)


def _receipt_fault(data: bytes, manifest: Manifest, shard: Shard, facts: Mapping[str, ShardFacts]) -> str:
    try:
        value = strict_json.loads(data, max_bytes=_MAX_RECEIPT)
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


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
