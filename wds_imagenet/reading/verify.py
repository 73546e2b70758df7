"""Verify a data set: read every byte of it, and report every fault with its location."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import PathLike

from wds_imagenet.format.layers import LAYER_MANIFEST
from wds_imagenet.images.header import MAX_PIXELS
from wds_imagenet.reading.arguments import whole
from wds_imagenet.reading.dataset import Dataset, as_dataset
from wds_imagenet.reading.findings.blocks import VerifiedBlock, verify_blocks, verify_layer_blocks
from wds_imagenet.reading.findings.files import check_bytes, check_files, note_card
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.reading.findings.layers import open_layers
from wds_imagenet.reading.findings.receipts import ShardFacts, check_receipts, note_receipts
from wds_imagenet.reading.layers import Layer
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.argument_types import check_arguments


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of `verify`.

    Attributes:
        url: the data set's folder, without credentials.
        findings: every fault; empty for an intact data set.
        samples: samples found in intact blocks.
        bytes: bytes that `verify` could read, including layers.
        expected_samples: samples that the manifest lists.
        expected_bytes: bytes of all shards, those of layers included.
        layers: the names of the layers that were verified too.
        notes: facts that are no faults, such as an edited `README.md`.
    """

    url: str
    findings: tuple[Finding, ...]
    samples: int
    bytes: int
    expected_samples: int
    expected_bytes: int
    layers: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """The progress of `verify` after each block.

    Attributes:
        bytes: bytes read so far.
        total_bytes: bytes of all shards, those of layers included.
        samples: samples found so far.
        findings: the faults of this block.
    """

    bytes: int
    total_bytes: int
    samples: int
    findings: tuple[Finding, ...]


def verify(
    dataset: Dataset | str | PathLike[str],
    *,
    deep: bool = False,
    max_pixels: int = MAX_PIXELS,
    layers: Sequence[str] | None = None,
    threads: int = 4,
    storage_options: StorageOptions | None = None,
    on_progress: Callable[[VerifyProgress], object] | None = None,
) -> VerifyReport:
    """Read a whole data set and its label layers, and report every fault as a finding.

    `verify` compares a data set with its manifest: sizes, checksums of blocks and shards, tar structure,
    keys, labels, classes, JSON, and the hash of each image. It compares the plan, `keys.txt`, the report, the
    companion files and the receipts with the manifest, too. Without findings, every bit of these files is as
    it was packed, except `README.md`: you may edit it, and a note then says so.

    `verify` lists the folder to find layers, receipts, and tars that the manifest does not have. A layer's
    folder without a manifest is a finding, too. Over HTTP `verify` cannot list the folder.

    `verify` reads the data set once. It needs memory for 2·threads blocks and for all keys.

    Args:
        dataset: the URL of a data set, or an open `Dataset`.
        deep: decode every image too.
        max_pixels: the most pixels of an image that `deep` decodes.
        layers: names of the layers to verify; by default every finished layer that `verify` finds.
        threads: threads that read and check blocks.
        storage_options: options of the store, by name.
        on_progress: called after each block, in order, by the calling thread.

    Raises:
        ManifestError: the URL holds no data set.
        StoreError: the store cannot be read. A missing or changed shard raises no error, but is a finding.
    """
    check_arguments(verify, locals())
    threads = whole("threads", threads, 1)
    max_pixels = whole("max_pixels", max_pixels, 1)
    opened = as_dataset(dataset, storage_options)
    over, damaged = open_layers(opened, layers)
    expected_bytes = opened.manifest.size + sum(layer.manifest.size for layer in over)
    read = samples = 0
    findings: list[Finding] = []
    facts = _Facts()

    def add(found: Sequence[Finding]) -> None:
        findings.extend(found)
        if on_progress is not None:
            on_progress(VerifyProgress(read, expected_bytes, samples, tuple(found)))

    def blocks() -> Iterator[VerifiedBlock]:
        yield from verify_blocks(opened, max_pixels=max_pixels if deep else None, threads=threads)
        keys = facts.keys_of(opened)
        for layer in over:
            yield from verify_layer_blocks(opened, layer, threads=threads, keys=keys)

    for block in blocks():
        read += block.bytes
        samples += len(block.keys)
        facts.add(block)
        add(block.findings)
    others = [*damaged, *check_files(opened.store, opened.manifest), *facts.check_receipts(opened, over)]
    for layer in over:
        path = f"{layer.folder}{LAYER_MANIFEST}"
        others += check_bytes(opened.store, path, layer.manifest.to_json())
    if others:
        add(others)
    notes = note_card(opened.store, opened.manifest) + note_receipts(opened.store, opened.manifest)
    for layer in over:
        notes += note_receipts(opened.store, layer.manifest, layer.folder)
    return VerifyReport(
        url=opened.url,
        findings=tuple(findings),
        samples=samples,
        bytes=read,
        expected_samples=len(opened),
        expected_bytes=expected_bytes,
        layers=tuple(layer.name for layer in over),
        notes=tuple(notes),
    )


@dataclass(slots=True)
class _Facts:
    """The keys and labels of each shard, for the comparison with its receipt."""

    keys: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, block: VerifiedBlock) -> None:
        name = block.location.shard.name
        self.keys.setdefault(name, []).extend(block.keys)
        self.labels.setdefault(name, Counter()).update(label for label in block.labels if label is not None)

    def keys_of(self, dataset: Dataset) -> Callable[[], Iterator[str]]:
        """Return a function that returns all keys, those of `keys.txt` if a shard is damaged."""
        found = [key for shard in dataset.manifest.shards for key in self.keys[shard.name]]
        return partial(iter, found) if len(found) == len(dataset) else dataset.keys

    def check_receipts(self, dataset: Dataset, layers: Sequence[Layer]) -> Iterator[Finding]:
        """Yield the faults of all receipts. The shards that could not be read whole are not compared."""
        whole = [shard for shard in dataset.manifest.shards if len(self.keys[shard.name]) == shard.samples]
        facts = {shard.name: ShardFacts(self.keys[shard.name], self.labels[shard.name]) for shard in whole}
        yield from check_receipts(dataset.store, dataset.manifest, facts)
        of_layers = {name: ShardFacts(item.keys, None) for name, item in facts.items()}
        for layer in layers:
            yield from check_receipts(dataset.store, layer.manifest, of_layers, layer.folder)
