"""Verify a data set: read every byte and say of each that is not as it should be where it lies."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from wds_imagenet.errors import ChangedError, CorruptError, DataError, NotFoundError
from wds_imagenet.format.samples import read_samples
from wds_imagenet.images.decode import decode
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.fetch import Extent
from wds_imagenet.reading.threads import map_ahead
from wds_imagenet.sample import IMAGE_SUFFIXES, Sample


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    what: str
    shard: str | None = None
    offset: int | None = None
    """Of the block in its shard."""
    key: str | None = None

    def __str__(self) -> str:
        where = [self.shard, None if self.offset is None else f"offset {self.offset:,}", self.key]
        return ": ".join([", ".join(part for part in where if part), self.what]).removeprefix(": ")


@dataclass(frozen=True, slots=True)
class Checked:
    """What one block came to."""

    extent: Extent
    data: bytes | None
    """None if it could not be read."""
    keys: tuple[str, ...]
    labels: tuple[int | None, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Totals:
    """What can only be told of the whole."""

    keys: list[str] = field(default_factory=list)
    labels: Counter[int | None] = field(default_factory=Counter)
    complete: bool = True
    """Whether every block could be read: keys and labels are compared only then."""


def verify(dataset: Dataset, *, deep: bool = False, threads: int = 4) -> Iterator[Checked]:
    """Yield every block, checked, and one last time the end of the last with what the whole lacks.

    Guarantees that a data set without findings is, byte for byte, the one whose manifest it has: sizes,
    checksums of blocks and shards, tar structure, keys, labels, JSON, and each image against the hash
    in its JSON. With `deep`, each image also decodes. Costs one reading of the data set; memory for
    2·threads blocks and all keys.
    """
    totals = _Totals()
    digest, readable = hashlib.sha256(), True
    for checked in map_ahead(
        lambda extent: _check_block(dataset, extent, deep=deep),
        dataset.extents,
        threads=threads,
        ahead=2 * threads,
        name="verify",
    ):
        extent, findings = checked.extent, list(checked.findings)
        totals.keys += checked.keys
        totals.labels.update(checked.labels)
        if extent.offset == 0:
            digest, readable = hashlib.sha256(), True
        if checked.data is None:
            totals.complete = readable = False
        else:
            totals.complete &= len(checked.keys) == extent.block.samples
            digest.update(checked.data)
        if extent.is_last and readable and digest.hexdigest() != extent.shard.sha256:
            findings.append(Finding("the shard's SHA-256 is not the manifest's", extent.shard.name))
        yield Checked(extent, None, checked.keys, checked.labels, tuple(findings))
    whole = tuple(_check_whole(dataset, totals))
    if whole:
        yield Checked(dataset.extents[-1], None, (), (), whole)


def _check_block(dataset: Dataset, extent: Extent, *, deep: bool) -> Checked:
    shard, offset = extent.shard.name, extent.offset
    try:
        data = dataset.fetcher.read(extent)
    except CorruptError as error:
        findings = [Finding(str(error), shard, offset), *_damaged(dataset, extent)]
        return Checked(extent, None, (), (), tuple(findings))
    except (NotFoundError, ChangedError) as error:  # a store that is down is no finding
        return Checked(extent, None, (), (), (Finding(str(error), shard, offset),))
    try:
        samples = dataset.fetcher.split(extent, data)
    except CorruptError as error:
        return Checked(extent, data, (), (), (Finding(str(error), shard, offset),))
    labels, wrong = [], []
    for sample in samples:
        label, problems = _check_sample(dataset, sample, deep=deep)
        labels.append(label)
        wrong += [Finding(problem, shard, offset, sample.key) for problem in problems]
    keys = tuple(sample.key for sample in samples)
    return Checked(extent, data, keys, tuple(labels), tuple(wrong))


def _damaged(dataset: Dataset, extent: Extent) -> Iterator[Finding]:
    """Name the samples of a damaged block whose images are not what their JSON says, if it can be told."""
    try:
        data = dataset.store.read(extent.shard.name, extent.offset, extent.offset + extent.block.size).data
        for sample in read_samples(data, ended=extent.is_last):
            for problem in _check_sample(dataset, sample, deep=False)[1]:
                yield Finding(problem, extent.shard.name, extent.offset, sample.key)
    except (DataError, NotFoundError, ChangedError) as error:
        yield Finding(f"from here on: {error}", extent.shard.name, extent.offset)


def _check_sample(dataset: Dataset, sample: Sample, *, deep: bool) -> tuple[int | None, list[str]]:
    problems: list[str] = []
    label: int | None = None
    suffixes = tuple("image" if s in IMAGE_SUFFIXES else s for s in sample.members)
    if dataset.manifest.suffixes and suffixes != dataset.manifest.suffixes:
        expected = ", ".join(dataset.manifest.suffixes)
        problems.append(f"its members are {', '.join(suffixes)}, not {expected}")
    try:
        label = sample.label
        sample.caption  # noqa: B018 - reading it is the check
        declared = sample.json.get("sha256")
        if declared is not None and hashlib.sha256(sample.image).hexdigest() != declared:
            problems.append("its image is not the one whose SHA-256 its JSON has")
        if deep:
            decode(sample.image)
    except DataError as error:
        problems.append(str(error))
    return label, problems


def _check_whole(dataset: Dataset, totals: _Totals) -> Iterator[Finding]:
    manifest = dataset.manifest
    sizes = {info.path: info.size for info in dataset.store.list_objects() if info.path.endswith(".tar")}
    for shard in manifest.shards:
        size = sizes.pop(shard.name, None)
        if size is not None and size != shard.size:
            yield Finding(f"the shard has {size:,} bytes, the manifest says {shard.size:,}", shard.name)
    if manifest.plan is not None:  # what was indexed may have neighbours
        for name in sorted(sizes):
            yield Finding("a tar that is not in the manifest; other readers may take it for a shard", name)
    twice = [key for key, count in Counter(totals.keys).items() if count > 1]
    for key in twice[:10]:
        yield Finding("the key comes more than once in the data set", key=key)
    try:
        keys = list(dataset.keys())
    except (CorruptError, NotFoundError) as error:
        yield Finding(str(error))
        keys = totals.keys
    if not totals.complete:
        return
    if keys != totals.keys:
        yield Finding("keys.txt does not list the shards' keys in their order")
    for index, item in enumerate(manifest.classes):
        if item.get("samples", totals.labels[index]) != totals.labels[index]:
            yield Finding(f"class {index} has {totals.labels[index]} samples, not {item['samples']}")
