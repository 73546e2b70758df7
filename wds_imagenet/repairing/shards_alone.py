"""The manifest of a data set that has lost its receipts, made by reading its shards as `index` does."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from wds_imagenet.errors import CorruptError, ManifestError
from wds_imagenet.format.dataset_name import default_name
from wds_imagenet.format.manifest import (
    KEYS_PATH,
    METADATA_FOLDER,
    QUARANTINE,
    REPORT_PATH,
    Manifest,
    Shard,
    shard_to_json,
)
from wds_imagenet.format.own_hash import OWN_HASH
from wds_imagenet.indexing.shard_entries import Entries, read_entries
from wds_imagenet.inputs.shards.member_rules import MemberRules
from wds_imagenet.inputs.split_files import SplitFile, choose_split
from wds_imagenet.reading.fetch_blocks import Fetcher, block_locations
from wds_imagenet.reading.findings.files import read_if_there
from wds_imagenet.repairing.classes import restore_classes
from wds_imagenet.repairing.samples import intact_samples
from wds_imagenet.sample import MAX_JSON_BYTES, packed_sha256
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import ObjectInfo
from wds_imagenet.util.messages import quantity

_OURS: Final = re.compile(r"(?P<name>[^/]+)-(?P<split>[^/-]+)-(?P<number>[0-9]{6})\.tar")
_NUMBERED: Final = re.compile(r"(.*?)([0-9]{1,9})([^0-9]*\.tar)")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


def manifest_of_shards(
    store: Store, sizes: Mapping[str, int], plan: Mapping[str, Any], rest: Mapping[str, Any], threads: int
) -> tuple[Manifest, tuple[str, ...]]:
    """Return a manifest with the values of the plan and, where it has none, with those that `index` finds.

    If no receipt and no manifest proves the bytes of a shard, each image is compared with the SHA-256 in its
    JSON, where it has one. The plan or `keys.txt` proves that no shard is missing. Without both, the shard
    numbers must be contiguous, and a note is returned. Costs up to two reads of all shards, and disk space
    for some.

    Args:
        store: the data set.
        sizes: the size of each file, by path.
        plan: the parsed plan; {} if it is lost.
        rest: the parsed rest of the manifest; {} if it is lost.
        threads: number of shards that are read at the same time.

    Raises:
        ManifestError: shards are missing, or the class table cannot be restored.
        CorruptError: a shard is no tar, has other bytes than the damaged manifest states, or has an image of
            other bytes than its JSON states.
        SourceError: a sample cannot be used, a key is repeated, or there are several splits.
    """
    options = plan.get("options", {})
    names, name, split = _shard_names(store, sizes, options, rest)
    rules = MemberRules(max_json_bytes=MAX_JSON_BYTES)
    size = options.get("block_bytes")
    block_bytes = size if isinstance(size, int) and size > 0 else None
    entries = read_entries(store, names, rules, block_bytes=block_bytes, threads=threads)
    if entries.empty:
        raise ManifestError(f"{entries.empty[0]} has no samples")
    notes = _check_complete(store, sizes, plan, rest, names, keys=entries.keys.decode().splitlines())
    report = read_if_there(store, REPORT_PATH) if plan else None
    manifest = Manifest(
        name=name,
        split=split,
        suffixes=entries.suffixes,
        keys_sha256=hashlib.sha256(entries.keys).hexdigest(),
        shards=entries.shards,
        classes=_classes(store, plan, rest, entries),
        plan=plan.get("sha256"),
        report_sha256=None if report is None else hashlib.sha256(report).hexdigest(),
    )
    proven = _proven(manifest, rest)
    if proven is None:
        _check_stated(entries.shards, rest)
        _check_totals(manifest, rest)
        _check_images(store, manifest)
    return (manifest, notes) if proven is None else (proven, ())


def _shard_names(
    store: Store, sizes: Mapping[str, int], options: Mapping[str, Any], rest: Mapping[str, Any]
) -> tuple[list[str], str, str]:
    """Return the shards in their order, and the name and the split of the data set."""
    tars = sorted(path for path in sizes if path.endswith(".tar") and "/" not in path)
    if options:
        name, split = options["name"], options["split"]
        return [path for path in tars if path.startswith(f"{name}-{split}-")], name, split
    listed = rest.get("shards")
    entries = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    stated = [str(item.get("name")) for item in entries]
    name, split = rest.get("name"), rest.get("split")
    if stated and isinstance(name, str) and isinstance(split, str):
        missing = [path for path in stated if path not in sizes]
        if missing:
            raise ManifestError(f"the shard {missing[0]!r} is missing")
        return stated, name, split
    if not tars:
        raise ManifestError("there is no shard")
    files = [SplitFile(store, ObjectInfo(path, sizes[path], None)) for path in tars]
    chosen, found = choose_split(files, None, store.url)
    stems = {_stem(file.info.path) for file in chosen}
    stem = stems.pop() if len(stems) == 1 else None
    split = found or "train"
    return tars, *(stem or (default_name(store.url, split), split))


def _stem(path: str) -> tuple[str, str] | None:
    match = _OURS.fullmatch(path)
    return None if match is None else (match["name"], match["split"])


def _check_complete(
    store: Store,
    sizes: Mapping[str, int],
    plan: Mapping[str, Any],
    rest: Mapping[str, Any],
    names: Sequence[str],
    *,
    keys: Collection[str],
) -> tuple[str, ...]:
    """Raise `ManifestError` if a shard is missing. Return a note if nothing states the number of shards."""
    aside = {path for path in sizes if path.startswith(QUARANTINE) and path.endswith(".tar")}
    count = plan.get("shards")
    if count is not None and count != len(names) + len(aside):
        raise ManifestError(f"the plan has {count:,} shards, and {len(names):,} are here")
    listed = (read_if_there(store, KEYS_PATH) or b"").decode("utf-8", "replace").splitlines()
    if listed and len(listed) != len(keys):
        raise ManifestError(
            f"{KEYS_PATH} lists {len(listed):,} keys, and the shards have {len(keys):,}: a shard is missing, "
            "or that file is damaged; if it is, remove it and run repair again"
        )
    stated = rest.get("shards")
    if isinstance(stated, list) and stated and count is None:
        count = len(stated)
        if count != len(names):
            raise ManifestError(f"the damaged manifest has {count:,} shards, and {len(names):,} are here")
    if count is not None or listed:
        return ()
    missing = missing_number(names)
    if missing is not None:
        raise ManifestError(f"the numbers of the shards have a gap: {missing} may be missing")
    if plan or any(path.startswith(f"{METADATA_FOLDER}/receipts/") for path in sizes):
        raise ManifestError(
            "nothing states the number of shards: packing was begun and not finished, or files are lost; run "
            "the same 'pack' again"
        )
    note = (
        f"nothing states the number of shards: the new manifest lists the {quantity(len(names), 'shards')} "
        "that are here, and 'verify' cannot find that others are lost. Compare the number with your source"
    )
    return (note,)


def missing_number(names: Sequence[str]) -> str | None:
    """Return the name of the first shard that is missing from a numbering, None if there is no gap.

    Args:
        names: the names of the shards, in their order. Names without a common numbering have no gap.
    """
    found = [match for match in map(_NUMBERED.fullmatch, names) if match is not None]
    if len(found) != len(names) or len({(match[1], match[3]) for match in found}) != 1:
        return None
    numbers = {int(match[2]) for match in found}
    first = 0 if all(map(_OURS.fullmatch, names)) else min(numbers)
    gap = next((number for number in range(first, max(numbers)) if number not in numbers), None)
    return None if gap is None else f"{found[0][1]}{gap:0{len(found[0][2])}d}{found[0][3]}"


def _check_totals(manifest: Manifest, rest: Mapping[str, Any]) -> None:
    """Raise `ManifestError` if both totals differ from the damaged manifest: one flipped bit changes one."""
    samples, size = rest.get("samples"), rest.get("bytes")
    if type(samples) is int and type(size) is int and samples != manifest.samples and size != manifest.size:
        raise ManifestError(
            f"the damaged manifest states {samples:,} samples in {size:,} bytes, and the shards have "
            f"{manifest.samples:,} in {manifest.size:,}: a shard is missing"
        )


def _check_stated(shards: Sequence[Shard], rest: Mapping[str, Any]) -> None:
    """Raise `CorruptError` for a shard whose SHA-256 and blocks are others than the damaged manifest states.

    A flipped bit of the manifest changes one of the two, and a damaged shard changes both.
    """
    listed = rest.get("shards")
    entries = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    stated = {str(item.get("name")): item for item in entries}
    for shard in shards:
        ours, theirs = shard_to_json(shard), stated.get(shard.name, {})
        if all(name in theirs and theirs[name] != ours[name] for name in ("sha256", "blocks")):
            raise CorruptError(f"the shard {shard.name} is damaged: the manifest states other bytes")


def _check_images(store: Store, manifest: Manifest) -> None:
    """Raise `CorruptError` for an image that does not have the SHA-256 in its JSON."""
    fetcher = Fetcher(store)
    for location in block_locations(manifest):
        for sample in fetcher.samples(location):
            stated = packed_sha256(sample.json)
            if stated is not None and hashlib.sha256(sample.image).hexdigest() != stated:
                raise CorruptError(
                    f"{location}: the image of sample {sample.key!r} does not have the SHA-256 in its JSON: "
                    "name another copy (--from, or copy=), or pack again"
                )


def _classes(
    store: Store, plan: Mapping[str, Any], rest: Mapping[str, Any], entries: Entries
) -> tuple[Mapping[str, Any], ...]:
    damaged = rest.get("classes")
    table = damaged if isinstance(damaged, list) else []
    if not plan:
        return entries.classes.table()
    if not plan.get("classes"):
        return ()
    jsons = (sample.json for sample in intact_samples(store, "", entries.shards))
    labels = entries.classes.samples if "cls" in entries.suffixes else None
    return restore_classes(table, jsons, str(plan.get("classes_sha256")), labels)


def _proven(manifest: Manifest, rest: Mapping[str, Any]) -> Manifest | None:
    """Return the manifest with the values of a damaged one, if that one's own hash proves them."""
    plan, report = (
        value if isinstance(value := rest.get(name), str) and _HEX.fullmatch(value) else None
        for name in ("plan", "report_sha256")
    )
    classes = rest.get("classes")
    tables = [manifest.classes]
    if isinstance(classes, list) and all(isinstance(item, dict) for item in classes):
        tables.append(tuple(classes))
    for table in tables:
        try:
            found = replace(manifest, classes=table, plan=plan, report_sha256=report)
        except ManifestError:
            continue
        if found.fingerprint == rest.get(OWN_HASH):
            return found
    return None
