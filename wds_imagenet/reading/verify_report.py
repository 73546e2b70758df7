"""Verify a data set and its label layers, and report every fault."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.layers import Layer, can_list, list_layers
from wds_imagenet.reading.verify import Checked, Finding, verify_blocks, verify_layer
from wds_imagenet.storage.store import StorageOptions


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far a verification has come. Passed to `on_progress` after every block."""

    bytes_done: int
    """Bytes read so far, of shards and of layers."""
    bytes_expected: int
    """Bytes of all shards and layers, by their manifests."""
    samples_done: int
    """Samples of the data set that could be read so far."""
    findings: tuple[Finding, ...]
    """The faults of the latest block."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of `verify`: the counts of what could be read, and every fault."""

    url: str
    """The folder of the data set, without credentials."""
    samples: int
    """Samples that could be read."""
    samples_expected: int
    """Samples by the manifest."""
    shards: int
    """Shards by the manifest."""
    bytes: int
    """Bytes read, of shards and of layers."""
    bytes_expected: int
    """Bytes of all shards and layers, by their manifests."""
    layers: tuple[str, ...]
    """The label layers that were verified too."""
    findings: tuple[Finding, ...]
    """Every fault; empty if the data set is as it was packed."""
    notes: tuple[str, ...] = ()
    """Checks that this store does not allow."""

    @property
    def ok(self) -> bool:
        """True if there is no fault."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, with `ok`."""
        return {"ok": self.ok, **asdict(self)}


def verify(
    dataset: Dataset | str,
    *,
    deep: bool = False,
    threads: int = 4,
    storage_options: StorageOptions | None = None,
    on_progress: Callable[[VerifyProgress], None] | None = None,
) -> VerifyReport:
    """Read a whole data set and its label layers, and report every difference from what was packed.

    Guarantees that a data set without findings is, byte for byte, the one that its manifest describes.
    Compared are sizes, the checksum of each block and shard, the tar structure, keys, labels and JSON. Each
    image is compared with its hash. Costs one read of all shards and layers, and memory for `2 * threads`
    blocks and all keys. Over HTTP, which lists nothing, layers and stray tars are not looked for.

    Args:
        dataset: The data set, or the URL of its folder.
        deep: Decode every image as well.
        threads: Threads that read and check blocks.
        storage_options: Options of the store, if a URL is given.
        on_progress: Called after every block, in this thread.

    Raises:
        ManifestError: There is no manifest, or it cannot be read.
        StoreError: The store fails. A missing or changed shard is a finding, and not an error.
    """
    opened = Dataset.open(dataset, storage_options=storage_options) if isinstance(dataset, str) else dataset
    store = opened.store
    layers = [Layer.open(store, opened.manifest, name) for name in list_layers(store)]
    expected = opened.manifest.size + sum(layer.manifest.size for layer in layers)
    findings: list[Finding] = []
    done = samples = 0
    for checked in _blocks(opened, layers, deep=deep, threads=threads):
        done += checked.bytes
        samples += len(checked.keys)
        findings += checked.findings
        if on_progress is not None:
            on_progress(VerifyProgress(done, expected, samples, checked.findings))
    return VerifyReport(
        url=opened.url,
        samples=samples,
        samples_expected=opened.manifest.samples,
        shards=len(opened.manifest.shards),
        bytes=done,
        bytes_expected=expected,
        layers=tuple(layer.name for layer in layers),
        findings=tuple(findings),
        notes=() if can_list(store) else ("HTTP lists no files: layers and stray tars are not looked for",),
    )


def _blocks(dataset: Dataset, layers: list[Layer], *, deep: bool, threads: int) -> Iterator[Checked]:
    yield from verify_blocks(dataset, deep=deep, threads=threads)
    for layer in layers:
        yield from verify_layer(dataset, layer, threads=threads)
