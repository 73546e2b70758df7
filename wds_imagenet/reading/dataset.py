"""A finished data set: opened by its manifest, read by index, by key or from end to end."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from os import PathLike, fspath
from typing import Final, Self

import numpy as np

from wds_imagenet.errors import CorruptError, ManifestError, NotFoundError, UsageError
from wds_imagenet.format import manifest as manifests
from wds_imagenet.format.layers import merge_classes
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.reading.fetch import BlockLocation, Fetcher, block_locations
from wds_imagenet.reading.layers import Blocks, Layer
from wds_imagenet.sample import Sample
from wds_imagenet.storage import Store, open_store
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.messages import quantity
from wds_imagenet.util.threads import map_ahead


class Dataset:
    """What a manifest describes: immutable, of known length, every byte of it verified when read.

    Safe to use from many threads. Opening costs one request, and for 1.3 million samples about 3 MB.
    """

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        layers: Sequence[Layer] = (),
        fetcher: Fetcher | None = None,
    ) -> None:
        self.store: Final = store
        self.manifest: Final = manifest
        self.layers: Final = tuple(layers)
        self.fetcher: Final = Fetcher(store) if fetcher is None else fetcher
        classes = manifest.classes
        for layer in self.layers:
            try:
                classes = merge_classes(classes, layer.manifest)
            except ManifestError as error:
                error.add_note(f"in the layer {layer.name!r} of {store.url}")
                raise
        self.classes: Final = classes
        """By label: its class's `name` and what else is known of it; of whichever gives the labels, with
        what layers of class names add."""

    @classmethod
    def open(
        cls, url: str, *, layers: Sequence[str] = (), storage_options: StorageOptions | None = None
    ) -> Self:
        """Open a data set by the URL of its folder, its samples with what the named layers give them.

        A later layer counts for more; each costs two requests here and, if it is of samples, one more with
        every block.
        Raises `ManifestError` where there is no manifest, or one that cannot be read: without it a
        prefix is not a data set yet. Raises `StoreError` where the store cannot be asked.
        """
        store = open_store(url, storage_options)
        try:
            data = store.read(manifests.MANIFEST_PATH).data
        except NotFoundError as error:
            raise _no_manifest(store) from error
        try:
            manifest = Manifest.from_json(data)
        except ManifestError as error:
            error.add_note(f"in {store.url}/{manifests.MANIFEST_PATH}")
            raise
        if not manifest.shards:
            raise ManifestError(f"{store.url} is no data set: its manifest lists no shards, as a layer's may")
        if isinstance(layers, str):
            raise UsageError(f"layers are a list of names: [{layers!r}]")
        return cls(store, manifest, [Layer.open(store, manifest, name) for name in layers])

    def __repr__(self) -> str:
        shards = quantity(len(self.manifest.shards), "shards")
        return f"Dataset({self.url!r}: {quantity(len(self), 'samples')} in {shards})"

    @property
    def url(self) -> str:
        """The folder's URL, without credentials."""
        return self.store.url

    @cached_property
    def block_locations(self) -> list[BlockLocation]:
        """Every block, in the order of the data set."""
        return block_locations(self.manifest)

    @cached_property
    def blocks(self) -> Blocks:
        """Every block's samples, with what the layers give them."""
        return Blocks(self.fetcher, self.block_locations, self.layers)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The members of every sample; empty where samples differ."""
        own = self.manifest.suffixes
        given = [suffix for layer in self.layers for suffix in layer.manifest.suffixes]
        return tuple(dict.fromkeys([*own, *given])) if own else ()

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.manifest.samples

    def __getitem__(self, item: int | str) -> Sample:
        """Return one sample by its index, or by its key.

        Costs one request of a block (2 MiB); the first look-up of a key reads all keys (20 MB for
        ImageNet). Raises `IndexError` or `KeyError`.
        """
        if isinstance(item, str):
            return self[self.index_of(item)]
        index = item + len(self) if item < 0 else item
        if not 0 <= index < len(self):
            raise IndexError(f"sample {item} of {len(self)}")
        location = self.block_locations[
            bisect_right(self.block_locations, index, key=lambda e: e.first_sample) - 1
        ]
        return own(self.blocks.samples(location)[index - location.first_sample])

    def samples(self, *, threads: int = 4) -> Iterator[Sample]:
        """Yield every sample, once, in the order of the shards. Holds at most 2·threads blocks."""
        blocks = map_ahead(
            self.blocks.samples, self.block_locations, threads=threads, ahead=2 * threads, name="samples"
        )
        for block in blocks:
            yield from map(own, block)

    def keys(self) -> Iterator[str]:
        """Yield every key, in the order of the shards. Costs one request."""
        for line in self._key_lines().split(b"\n")[:-1]:
            yield line.decode("utf-8")

    def index_of(self, key: str) -> int:
        """Return the index of the sample of this key. Raises `KeyError`."""
        names, indices = self._sorted_keys
        raw = key.encode("utf-8")
        found = int(np.searchsorted(names, raw))
        if found == len(names) or names[found] != raw:
            raise KeyError(f"{self.url} has no sample {key!r}")
        return int(indices[found])

    @cached_property
    def _sorted_keys(self) -> tuple[np.ndarray, np.ndarray]:
        names = np.array(self._key_lines().split(b"\n")[:-1], dtype=np.bytes_)
        indices = np.argsort(names, kind="stable")
        return names[indices], indices

    def _key_lines(self) -> bytes:
        data = self.store.read(manifests.KEYS_PATH).data
        if hashlib.sha256(data).hexdigest() != self.manifest.keys_sha256:
            raise CorruptError(f"{self.url}/{manifests.KEYS_PATH} is not the list that was packed")
        if data.count(b"\n") != len(self) or (data and not data.endswith(b"\n")):
            raise CorruptError(f"{self.url}/{manifests.KEYS_PATH} has not {len(self)} lines")
        return data


def _no_manifest(store: Store) -> ManifestError:
    """Return the error for a folder without a manifest. Raises `NotFoundError` where there is no bucket."""
    there = list(store.list_objects(f"{manifests.METADATA_FOLDER}/")) if store.listable else []
    if there:
        return ManifestError(
            f"{store.url} is no data set yet: packing was begun and not finished. Run the same 'pack' again"
        )
    return ManifestError(
        f"{store.url} is no data set: it has no {manifests.MANIFEST_PATH}, or does not exist. For shards "
        "that others wrote, run 'wds-imagenet index'"
    )


def own(sample: Sample) -> Sample:
    """Return the sample with bytes of its own, so that it does not keep its whole block alive."""
    return Sample(sample.key, {suffix: bytes(data) for suffix, data in sample.members.items()})


def as_dataset(
    dataset: Dataset | str | PathLike[str], storage_options: StorageOptions | None, layers: Sequence[str] = ()
) -> Dataset:
    """Return the data set, opened if it is given as a URL."""
    if not isinstance(dataset, Dataset):
        return Dataset.open(fspath(dataset), layers=layers, storage_options=storage_options)
    if storage_options or layers:
        raise UsageError("storage options and layers belong to a URL; this data set is open already")
    return dataset
