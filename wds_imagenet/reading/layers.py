"""Label layers: their blocks are read and verified with the data set's, and merged sample by sample."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from wds_imagenet.errors import CorruptError, ManifestError, NotFoundError
from wds_imagenet.format.layers import (
    LAYER_MANIFEST,
    LAYER_PLAN,
    LAYERS,
    LayerPlan,
    check_layer,
    layer_folder,
    layer_names,
)
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.reading.fetch_blocks import BlockLocation, Data, Fetcher, Request, block_locations
from wds_imagenet.sample import Sample
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import read_parsed
from wds_imagenet.util import strict_json


@dataclass(frozen=True)
class Layer:
    """A finished layer of a data set: for each of its blocks, one with further members of the same samples.

    A layer of classes alone has no blocks.
    """

    name: str
    manifest: Manifest
    plan: LayerPlan
    fetcher: Fetcher
    block_locations: Sequence[BlockLocation]
    """As many as the data set has, with the same samples; none for a layer of classes alone."""

    @property
    def folder(self) -> str:
        """The layer's folder in its data set, with a slash at its end."""
        return self.fetcher.folder

    @classmethod
    def open(cls, store: Store, base: Manifest, name: str) -> Self:
        """Open a layer of the data set on a store. Costs two requests.

        Raises `ManifestError` if no layer has that name, or if it belongs to another data set.
        """
        folder = layer_folder(name)
        try:
            layer = read_parsed(store, f"{folder}{LAYER_MANIFEST}", Manifest.from_json)
            planned = read_parsed(store, f"{folder}{LAYER_PLAN}", LayerPlan.from_json)
            check_layer(base, layer, planned)
        except NotFoundError as error:
            others = ", ".join(list_layers(store))
            raise ManifestError(
                f"{store.url} has no layer {name!r}{others and f', only {others}'}; if 'add-layer' was "
                "interrupted, run the same again"
            ) from error
        except ManifestError as error:
            error.add_note(f"in {store.url}/{folder}")
            raise
        fetcher = Fetcher(store, folder, "run the same 'add-layer' again with --check")
        return cls(name, layer, planned, fetcher, block_locations(layer))


def list_layers(store: Store) -> list[str]:
    """Return the names of the finished layers; none over HTTP, which has no listing. Costs one listing."""
    if not store.listable:
        return []
    return layer_names(info.path for info in store.list_objects(LAYERS))


class BlockReader:
    """Reads the blocks of a data set together with those of its layers."""

    def __init__(self, base: Fetcher, own: Sequence[BlockLocation], layers: Sequence[Layer] = ()) -> None:
        self._base: Final = base
        self._layers: Final = [layer for layer in layers if layer.block_locations]
        numbers = {(e.shard.name, e.offset): i for i, e in enumerate(own)} if self._layers else {}
        self._numbers: Final[Mapping[tuple[str, int], int]] = numbers

    def read(self, location: BlockLocation) -> list[Data]:
        """Return the verified bytes of a block, then of each layer's block. Costs one request for each."""
        return [self._base.read(location), *(one.fetcher.read(e) for one, e in self._over(location))]

    async def read_async(self, location: BlockLocation, request: Request) -> list[Data]:
        """Return the same as `read`, by requests that are under way at the same time."""
        over = [one.fetcher.read_async(e, request) for one, e in self._over(location)]
        return list(await asyncio.gather(self._base.read_async(location, request), *over))

    @property
    def awaitable(self) -> bool:
        """True if `read_async` lets other tasks run while it waits."""
        return self._base.store.awaitable

    def split(self, location: BlockLocation, data: Sequence[Data]) -> Sequence[Sample]:
        """Return the merged samples in verified bytes. A layer with JSON costs 40 µs a sample."""
        samples = self._base.split(location, data[0])
        for (layer, over), more in zip(self._over(location), data[1:], strict=True):
            theirs = layer.fetcher.split(over, more)
            try:
                samples = [merge(sample, one) for sample, one in zip(samples, theirs, strict=True)]
            except CorruptError as error:
                error.add_note(f"in the block {layer.folder}{over}, which goes with {location}")
                raise
        return samples

    def samples(self, location: BlockLocation) -> Sequence[Sample]:
        """Return the samples of a block; their members are views into its bytes."""
        return self.split(location, self.read(location))

    def release_memory(self) -> None:
        """Return the memory that is kept for further blocks to the system."""
        for fetcher in (self._base, *(layer.fetcher for layer in self._layers)):
            fetcher.release_memory()

    def _over(self, location: BlockLocation) -> list[tuple[Layer, BlockLocation]]:
        if not self._layers:
            return []
        number = self._numbers[location.shard.name, location.offset]
        return [(layer, layer.block_locations[number]) for layer in self._layers]


def merge(sample: Sample, over: Sample) -> Sample:
    """Return a sample with a layer's members in place of its own, and the JSON fields of both.

    The layer's fields win. Raises `CorruptError` if the keys differ, or if JSON cannot be read.
    """
    if sample.key != over.key:
        raise CorruptError(f"the layer has the sample {over.key!r} where {sample.key!r} belongs")
    members = {**sample.members, **over.members}
    if "json" in sample.members and "json" in over.members:
        members["json"] = strict_json.dumps(sample.json | over.json)
    return Sample(sample.key, members)
