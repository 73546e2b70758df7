"""Verify a data set: read every byte of it, and report every fault with its location."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike

from wds_imagenet.reading.arguments import whole
from wds_imagenet.reading.dataset import Dataset, as_dataset
from wds_imagenet.reading.layers import Layer, list_layers
from wds_imagenet.reading.verify_findings import Finding, VerifiedBlock, verify_blocks, verify_layer_blocks
from wds_imagenet.storage.store import StorageOptions


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
    """

    url: str
    findings: tuple[Finding, ...]
    samples: int
    bytes: int
    expected_samples: int
    expected_bytes: int
    layers: tuple[str, ...]

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
    layers: Sequence[str] | None = None,
    threads: int = 4,
    storage_options: StorageOptions | None = None,
    on_progress: Callable[[VerifyProgress], object] | None = None,
) -> VerifyReport:
    """Read a whole data set and its label layers, and report every fault as a finding.

    `verify` compares a data set with its manifest: sizes, checksums of blocks and shards, tar structure,
    keys, labels, JSON, and the hash of each image. Without findings, every byte of the shards is right.
    `verify` lists the folder to find layers, and tars that the manifest does not have. Over HTTP it cannot
    list the folder.

    `verify` reads the data set once. It needs memory for 2·threads blocks and for all keys.

    Args:
        dataset: the URL of a data set, or an open `Dataset`.
        deep: decode every image too.
        layers: names of the layers to verify; by default every finished layer that `verify` finds.
        threads: threads that read and check blocks.
        storage_options: options of the store, by name.
        on_progress: called after each block, in order, by the calling thread.

    Raises:
        ManifestError: the URL holds no data set.
        StoreError: the store cannot be read. A missing or changed shard raises no error, but is a finding.
    """
    threads = whole("threads", threads, 1)
    opened = as_dataset(dataset, storage_options)
    names = list_layers(opened.store) if layers is None else layers
    over = [Layer.open(opened.store, opened.manifest, name) for name in names]
    expected_bytes = opened.manifest.size + sum(layer.manifest.size for layer in over)
    read = samples = 0
    findings: list[Finding] = []
    for block in _all_blocks(opened, over, deep=deep, threads=threads):
        read += block.bytes
        samples += len(block.keys)
        findings += block.findings
        if on_progress is not None:
            on_progress(VerifyProgress(read, expected_bytes, samples, block.findings))
    return VerifyReport(
        url=opened.url,
        findings=tuple(findings),
        samples=samples,
        bytes=read,
        expected_samples=len(opened),
        expected_bytes=expected_bytes,
        layers=tuple(layer.name for layer in over),
    )


def _all_blocks(
    dataset: Dataset, layers: Sequence[Layer], *, deep: bool, threads: int
) -> Iterator[VerifiedBlock]:
    yield from verify_blocks(dataset, deep=deep, threads=threads)
    for layer in layers:
        yield from verify_layer_blocks(dataset, layer, threads=threads)
