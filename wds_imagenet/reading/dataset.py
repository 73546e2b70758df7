"""A finished data set: opened by its manifest, and read by index, by key or from end to end."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from os import PathLike, fspath
from typing import Final, Self, cast, overload

import numpy as np

from wds_imagenet.errors import CorruptError, ManifestError, NotFoundError, UsageError
from wds_imagenet.format import manifest as manifests
from wds_imagenet.format.layers import merge_classes
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.reading.arguments import whole
from wds_imagenet.reading.fetch_blocks import BlockLocation, Fetcher, block_locations
from wds_imagenet.reading.layers import BlockReader, Layer
from wds_imagenet.sample import Sample
from wds_imagenet.storage import Store, open_store, split_url
from wds_imagenet.storage.store import MAX_METADATA, MAX_READ, StorageOptions, read_parsed
from wds_imagenet.util.argument_types import check_arguments
from wds_imagenet.util.messages import quantity
from wds_imagenet.util.threads import map_ahead

_SMALL: Final = 64 << 20
"""Bytes of an array of keys, whatever the length of `keys.txt`."""


class Dataset:
    """A finished data set of known length, which never changes. `Dataset` verifies every byte that it reads.

    Many threads may use one `Dataset`. `Dataset.open` opens a data set by its URL. It costs one request, and
    about 3 MB of memory for 1.3 million samples.

    Attributes:
        store: the store of the data set's folder.
        manifest: the manifest, which lists shards and blocks.
        layers: the label layers that are merged over the samples.
        classes: for each label, the `name` and further facts of its class, also those from layers.
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

    @classmethod
    def open(
        cls, url: str, *, layers: Sequence[str] = (), storage_options: StorageOptions | None = None
    ) -> Self:
        """Open a data set by the URL of its folder.

        Costs one request, and two for each layer. Each later read of a block costs one request more for
        every layer of samples.

        Args:
            url: the folder: a path, or a URL of s3, gs, az, http or any scheme of fsspec.
            layers: names of label layers, whose members replace the data set's; the last one counts most.
            storage_options: options of the store, by name.

        Raises:
            ManifestError: the folder or a layer has no manifest, or one that cannot be read.
            StoreError: the store cannot be read.
            UsageError: an option is unknown.
        """
        check_arguments(Dataset.open, locals())
        store = open_store(url, storage_options)
        try:
            manifest = read_parsed(store, manifests.MANIFEST_PATH, Manifest.from_json)
        except NotFoundError as error:
            raise _no_manifest(store) from error
        except ManifestError as error:
            error.add_note(f"in {store.url}/{manifests.MANIFEST_PATH}")
            raise
        if not manifest.shards:
            raise ManifestError(f"{store.url} is no data set: its manifest lists no shards")
        if isinstance(layers, str):
            raise UsageError(f"layers are a list of names: pass [{layers!r}]")
        fetcher = None
        if manifest.shards_in is not None:
            fetcher = Fetcher(open_store(split_url(store.url)[0], storage_options))
        return cls(store, manifest, [Layer.open(store, manifest, name) for name in layers], fetcher)

    def __reduce__(self) -> tuple[type[Self], tuple[Store, Manifest, Sequence[Layer], Fetcher]]:
        """Pickle without caches, which another thread may be filling."""
        return type(self), (self.store, self.manifest, self.layers, self.fetcher)

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
    def blocks(self) -> BlockReader:
        """The object that reads the blocks of the shards and of the layers."""
        return BlockReader(self.fetcher, self.block_locations, self.layers)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The suffixes of every sample's members; empty if samples differ."""
        own = self.manifest.suffixes
        given = [suffix for layer in self.layers for suffix in layer.manifest.suffixes]
        return tuple(dict.fromkeys([*own, *given])) if own else ()

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.manifest.samples

    @overload
    def __getitem__(self, item: int | str) -> Sample: ...

    @overload
    def __getitem__(self, item: slice) -> list[Sample]: ...

    def __getitem__(self, item: int | str | slice) -> Sample | list[Sample]:
        """Return one sample by its index or by its key, or the list of samples of a slice.

        Costs one request of a block (2 MiB), for a slice one for each block; the first look-up of a key reads
        all keys (20 MB for ImageNet).

        Args:
            item: an index, negative ones from the end; a key; or a slice of indices.

        Raises:
            IndexError: there is no such index.
            KeyError: there is no such key.
            CorruptError: the sample's block is damaged.
            UsageError: the item is none of these.
        """
        if isinstance(item, slice):
            return list(self._at(range(len(self))[item]))
        number = self.index_of(item) if isinstance(item, str) else whole("an index", item)
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {item} of {len(self)}")
        return next(self._at([number % len(self)]))

    def _at(self, numbers: Iterable[int]) -> Iterator[Sample]:
        """Yield the samples of these indices; reads the block of neighbours once."""
        location, samples = None, None
        for number in numbers:
            at = bisect_right(self.block_locations, number, key=lambda e: e.first_sample) - 1
            if samples is None or location is not self.block_locations[at]:
                location = self.block_locations[at]
                samples = self.blocks.samples(location)
            yield own(samples[number - self.block_locations[at].first_sample])

    def samples(self, *, threads: int = 4) -> Iterator[Sample]:
        """Yield every sample once, in the order of the shards. Holds at most 2·threads blocks.

        Args:
            threads: threads that fetch blocks.
        """
        blocks = map_ahead(
            self.blocks.samples, self.block_locations, threads=threads, ahead=2 * threads, name="samples"
        )
        for block in blocks:
            yield from map(own, block)

    def keys(self) -> Iterator[str]:
        """Yield every key, in the order of the shards. Costs one request."""
        data = self._key_lines()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CorruptError(f"{self.url}/{manifests.KEYS_PATH} is not UTF-8: {error}") from error
        yield from text.split("\n")[:-1]

    def index_of(self, key: str) -> int:
        """Return the index of the sample of this key. Raises `KeyError`."""
        names, indices = self._sorted_keys
        raw = key.encode("utf-8", "surrogatepass")  # a key of the command line may be no UTF-8
        found = bisect_left(names, raw)
        if found == len(names) or names[found] != raw:
            raise KeyError(f"{self.url} has no sample {key!r}")
        return int(indices[found])

    @cached_property
    def _sorted_keys(self) -> tuple[Sequence[bytes], Sequence[int]]:
        data = self._key_lines()
        lines = data.split(b"\n")[:-1]
        if max(map(len, lines), default=0) * len(lines) > 8 * len(data) + _SMALL:  # one long key widens all
            order = sorted(range(len(lines)), key=lines.__getitem__)
            return [lines[i] for i in order], order
        names = np.array(lines, dtype=np.bytes_)
        indices = np.argsort(names, kind="stable")
        return cast("Sequence[bytes]", names[indices]), cast("Sequence[int]", indices)

    def _key_lines(self) -> bytes:
        most = min(MAX_READ, max(MAX_METADATA, len(self) * manifests.MAX_KEY_BYTES))
        return read_parsed(self.store, manifests.KEYS_PATH, self._check_keys, limit=most)

    def _check_keys(self, data: bytes) -> bytes:
        if hashlib.sha256(data).hexdigest() != self.manifest.keys_sha256:
            raise CorruptError(f"{self.url}/{manifests.KEYS_PATH} is not the list that was packed")
        if data.count(b"\n") != len(self) or (data and not data.endswith(b"\n")):
            raise CorruptError(f"{self.url}/{manifests.KEYS_PATH} has not {len(self)} lines")
        return data


def _no_manifest(store: Store) -> ManifestError:
    """Return the error for a folder without a manifest. Raises `NotFoundError` if there is no bucket."""
    is_begun = store.listable and any(True for _ in store.list_objects(f"{manifests.METADATA_FOLDER}/"))
    if is_begun:
        return ManifestError(
            f"{store.url} is no data set yet: packing was begun and not finished. Run the same 'pack' again"
        )
    return ManifestError(
        f"{store.url} is no data set: it has no {manifests.MANIFEST_PATH}, or does not exist. For shards of "
        "another program, run 'wds-imagenet index'"
    )


def own(sample: Sample) -> Sample:
    """Return a copy of the sample that does not keep its whole block in memory."""
    return Sample(sample.key, {suffix: bytes(data) for suffix, data in sample.members.items()})


def as_dataset(
    dataset: Dataset | str | PathLike[str], storage_options: StorageOptions | None, layers: Sequence[str] = ()
) -> Dataset:
    """Return the data set; a URL is opened first."""
    if not isinstance(dataset, Dataset):
        return Dataset.open(fspath(dataset), layers=layers, storage_options=storage_options)
    if storage_options or layers:
        raise UsageError(
            "storage options and layers belong to a URL, and this data set is open: leave them out"
        )
    return dataset
