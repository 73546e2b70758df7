"""Verification block by block: each byte is read once, and each fault is found with its location."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wds_imagenet.errors import ChangedError, CorruptError, DataError, NotFoundError
from wds_imagenet.format.crc import crc32
from wds_imagenet.format.manifest import KEYS_PATH, METADATA_FOLDER
from wds_imagenet.format.samples import ArchiveSamples
from wds_imagenet.images.decode import decode_image
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.fetch_blocks import BlockLocation, Data
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.reading.layers import Layer
from wds_imagenet.sample import IMAGE_SUFFIXES, Sample, packed_sha256
from wds_imagenet.util.threads import map_ahead


@dataclass(frozen=True, slots=True)
class VerifiedBlock:
    """One block, checked."""

    location: BlockLocation
    bytes: int
    """Bytes of the block that could be read: all, or none."""
    keys: tuple[str, ...]
    labels: tuple[int | None, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Totals:
    """Sums over all blocks, for the checks of the whole."""

    keys: list[str] = field(default_factory=list)
    labels: Counter[int | None] = field(default_factory=Counter)
    complete: bool = True
    """True while every block could be read: keys and labels are compared only then."""


def verify_layer_blocks(
    dataset: Dataset,
    layer: Layer,
    *,
    threads: int = 4,
    keys: Callable[[], Iterator[str]] | None = None,
) -> Iterator[VerifiedBlock]:
    """Yield every block of a layer, checked as `verify_blocks` checks those of its data set.

    A layer has the samples of its data set, key by key, in the same blocks; they are not counted again. A
    layer of classes alone has no blocks: opening it has checked it.
    """
    if not layer.block_locations:
        return
    own = Dataset(dataset.store, layer.manifest, fetcher=layer.fetcher)
    for block in verify_blocks(own, threads=threads, keys=keys or dataset.keys):
        shards = (f"{layer.folder}{item.shard or ''}" for item in block.findings)
        findings = (replace(item, shard=shard) for item, shard in zip(block.findings, shards, strict=True))
        yield replace(block, keys=(), labels=(), findings=tuple(findings))


def verify_blocks(
    dataset: Dataset,
    *,
    max_pixels: int | None = None,
    threads: int = 4,
    keys: Callable[[], Iterator[str]] | None = None,
) -> Iterator[VerifiedBlock]:
    """Yield every block, checked; then the last one once more, if the whole has faults of its own.

    A data set without findings is, byte for byte, the one that its manifest describes. Checked are sizes,
    checksums of blocks and shards, tar structure, keys, labels, JSON, and each image against the hash in its
    JSON. A listing finds tars that are not in the manifest; over HTTP there is none. With `max_pixels`, each
    image is decoded too, and one with more pixels is a finding. Costs one read of the data set, and memory
    for 2·threads blocks and all keys.

    `keys` returns the expected keys, by default those of the data set's `keys.txt`.
    """
    totals = _Totals()
    digest, readable = hashlib.sha256(), True
    reported: set[Finding] = set()
    for checked, data in map_ahead(
        lambda location: _check_block(dataset, location, max_pixels),
        dataset.block_locations,
        threads=threads,
        ahead=2 * threads,
        name="verify_blocks",
    ):
        location = checked.location
        # A fault of a whole shard is reported once, not for each of its blocks.
        findings = [item for item in checked.findings if item.offset is not None or item not in reported]
        reported.update(item for item in findings if item.offset is None)
        totals.keys += checked.keys
        totals.labels.update(checked.labels)
        if location.offset == 0:
            digest, readable = hashlib.sha256(), True
        if data is None:
            totals.complete = readable = False
        else:
            totals.complete &= len(checked.keys) == location.block.samples
            digest.update(data)
        if location.is_last and readable and digest.hexdigest() != location.shard.sha256:
            findings.append(Finding("the shard's SHA-256 is not the manifest's", location.shard.name))
        yield VerifiedBlock(location, checked.bytes, checked.keys, checked.labels, tuple(findings))
    whole = tuple(_check_whole(dataset, totals, keys or dataset.keys))
    if whole:
        yield VerifiedBlock(dataset.block_locations[-1], 0, (), (), whole)


def _check_block(
    dataset: Dataset, location: BlockLocation, max_pixels: int | None
) -> tuple[VerifiedBlock, Data | None]:
    shard, offset = location.shard.name, location.offset
    try:
        data, damage = _read(dataset, location)
    except CorruptError as error:
        return VerifiedBlock(location, 0, (), (), (Finding(str(error), shard, offset),)), None
    except (NotFoundError, ChangedError) as error:  # any other error of the store is no finding
        return VerifiedBlock(location, 0, (), (), (Finding(str(error), shard),)), None
    if damage is not None:
        return VerifiedBlock(
            location, len(data), (), (), tuple(_damaged(dataset, location, data, damage))
        ), None
    try:
        samples = dataset.fetcher.split(location, data)
    except CorruptError as error:
        return VerifiedBlock(location, len(data), (), (), (Finding(str(error), shard, offset),)), data
    labels, wrong = [], []
    classes: dict[Finding, None] = {}  # a wrong class is one finding, however many samples it has
    for sample in samples:
        label, fields, problems = _check_sample(dataset, sample, max_pixels)
        labels.append(label)
        wrong += [Finding(problem, shard, offset, sample.key) for problem in problems]
        classes |= dict.fromkeys(_check_class(dataset, label, fields))
    wrong += classes
    keys = tuple(sample.key for sample in samples)
    return VerifiedBlock(location, len(data), keys, tuple(labels), tuple(wrong)), data


def _read(dataset: Dataset, location: BlockLocation) -> tuple[Data, CorruptError | None]:
    """Return a block's bytes, and the damage in them.

    An intact block of a shard that is too long or too short has none: the shard has a finding of its own.
    """
    try:
        return dataset.fetcher.read(location), None
    except CorruptError as error:
        damage = error
    path = f"{dataset.fetcher.folder}{location.shard.name}"
    data = dataset.fetcher.store.read(path, location.offset, location.offset + location.block.size).data
    return data, damage if crc32(data) != location.block.crc32 else None


def _damaged(
    dataset: Dataset, location: BlockLocation, data: Data, damage: CorruptError
) -> Iterator[Finding]:
    """Yield the finding of a damaged block, and of each sample in it whose image differs from its hash."""
    what = str(damage)
    found: list[Finding] = []
    try:
        for sample in ArchiveSamples(data, ended=location.is_last):
            wrong = _check_sample(dataset, sample, None)[2]
            found += [Finding(problem, location.shard.name, location.offset, sample.key) for problem in wrong]
    except DataError as error:
        what += f"; in the block, {error}"
    yield Finding(what, location.shard.name, location.offset)
    yield from found


def _check_sample(
    dataset: Dataset, sample: Sample, max_pixels: int | None
) -> tuple[int | None, Mapping[str, Any], list[str]]:
    """Return a sample's label, its JSON and its faults."""
    problems: list[str] = []
    label: int | None = None
    fields: Mapping[str, Any] = {}
    suffixes = tuple("image" if s in IMAGE_SUFFIXES else s for s in sample.members)
    if dataset.manifest.suffixes and suffixes != dataset.manifest.suffixes:
        expected = ", ".join(dataset.manifest.suffixes)
        problems.append(f"its members are {', '.join(suffixes)}, not {expected}")
    try:
        label, fields = sample.label, sample.json
        sample.caption  # noqa: B018 - reading it is the check
        declared = packed_sha256(fields)
        if declared is not None and hashlib.sha256(sample.image).hexdigest() != declared:
            problems.append("its image does not have the SHA-256 in its JSON")
        if max_pixels is not None:
            decode_image(sample.image, max_pixels=max_pixels)
    except DataError as error:
        problems.append(str(error))
    return label, fields, problems


def _check_class(dataset: Dataset, label: int | None, fields: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each field of a sample's class that differs from the manifest's class table."""
    manifest = dataset.manifest
    if label is None or not manifest.classes or manifest.plan is None:
        return
    if not 0 <= label < len(manifest.classes):
        yield Finding(f"samples have the label {label}, the manifest has {len(manifest.classes)} classes")
        return
    for name, stated in manifest.classes[label].items():
        field = "class_name" if name == "name" else name
        numbered = name == "name" and stated == str(label)  # the name of a class without one
        if name != "samples" and not numbered and fields.get(field, stated) != stated:
            found = f"{stated!r:.60} in the manifest, {fields[field]!r:.60} in the shards"
            yield Finding(f"class {label} has the {name} {found}")


def _check_whole(
    dataset: Dataset, totals: _Totals, expected: Callable[[], Iterator[str]]
) -> Iterator[Finding]:
    manifest = dataset.manifest
    folder = dataset.fetcher.folder
    store = dataset.fetcher.store
    listed = store.list_objects(folder) if store.listable else ()
    paths = ((i.path.removeprefix(folder), i.size) for i in listed)
    sizes = {
        path: size for path, size in paths if path.endswith(".tar") and not path.startswith(METADATA_FOLDER)
    }
    for shard in manifest.shards:
        size = sizes.pop(shard.name, None)
        if size is not None and size != shard.size:
            yield Finding(f"the shard has {size:,} bytes, the manifest says {shard.size:,}", shard.name)
    if manifest.plan is not None:  # indexed shards may lie among others
        for name in sorted(sizes):
            yield Finding("a tar that is not in the manifest: other readers may take it for a shard", name)
    twice = [key for key, count in Counter(totals.keys).items() if count > 1]
    for key in twice[:10]:
        yield Finding("the key comes more than once in the data set", key=key)
    try:
        keys = list(expected())
    except (CorruptError, NotFoundError) as error:
        yield Finding(str(error), file=KEYS_PATH)
        keys = totals.keys
    if not totals.complete:
        return
    if keys != totals.keys:
        yield Finding("the file does not list the shards' keys in their order", file=KEYS_PATH)
    for index, item in enumerate(manifest.classes):
        if item.get("samples", totals.labels[index]) != totals.labels[index]:
            yield Finding(f"class {index} has {totals.labels[index]} samples, not {item['samples']}")
