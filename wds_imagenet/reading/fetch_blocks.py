"""Fetch a block: one ranged read, one checksum, and its samples."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, TypeAlias, TypeVar

from wds_imagenet.errors import CorruptError, StoreError
from wds_imagenet.format.crc import crc32
from wds_imagenet.format.manifest import Block, Manifest, Shard
from wds_imagenet.format.samples import ArchiveSamples
from wds_imagenet.reading.buffers import Buffers
from wds_imagenet.sample import Sample
from wds_imagenet.storage import ObjectInfo, Store

Data: TypeAlias = bytes | memoryview
Request: TypeAlias = Callable[[Store, str, int, int, str | None], Awaitable[tuple[Data, ObjectInfo | None]]]
"""A ranged read of a store: path, start, size and ETag → bytes, and the info of the same reply."""
_Result = TypeVar("_Result")
_KEPT: Final = 512 << 20  # bytes: the blocks that all lanes of one rank read at a time
_TRUSTED: Final = 64 << 20  # bytes: a larger block is read only from a shard that is as large as it should be
_REMEDY: Final = "run the same 'pack' again with --check"


@dataclass(frozen=True, slots=True)
class BlockLocation:
    """The location of a block: its shard, and its offset there."""

    shard: Shard
    offset: int
    block: Block
    is_last: bool
    """True if the archive ends in this block."""
    first_sample: int
    """The index in the data set of the block's first sample."""

    def __str__(self) -> str:
        stop = self.offset + self.block.size
        return f"{self.shard.name}, bytes {self.offset:,} to {stop:,}"


def block_locations(manifest: Manifest) -> list[BlockLocation]:
    """Return every block of the data set, in order. Costs about a microsecond a block."""
    found: list[BlockLocation] = []
    first_sample = 0
    for shard in manifest.shards:
        offsets = accumulate((block.size for block in shard.blocks), initial=0)
        for offset, block in zip(offsets, shard.blocks, strict=False):
            is_last = block is shard.blocks[-1]
            found.append(BlockLocation(shard, offset, block, is_last, first_sample))
            first_sample += block.samples
    return found


class Fetcher:
    """Reads blocks of one data set, or of one of its layers in a folder, from any number of threads.

    The bytes returned are those that the packer wrote; otherwise a `CorruptError` names shard and offset. A
    block with a wrong checksum is read once more, since the network may have damaged it and not the store.
    """

    def __init__(self, store: Store, folder: str = "", remedy: str = _REMEDY) -> None:
        self.store: Final = store
        self.folder: Final = folder
        self._remedy: Final = remedy
        self._buffers: Final = Buffers(_KEPT)
        # The first reply pins the shard's ETag; threads that race write the same value.
        self._etags: dict[str, str | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle a copy of what other threads may be changing."""
        return {**vars(self), "_etags": self._etags.copy()}

    def read(self, location: BlockLocation) -> Data:
        """Return the verified bytes of a block, in memory that is used again. Costs one request."""
        return _completed(self.read_async(location, self._read_into))

    async def read_async(self, location: BlockLocation, request: Request) -> Data:
        """Return the verified bytes of a block, read by `request`. Costs one request."""
        data, info = await self._read(location, request)
        if crc32(data) != location.block.crc32:
            data, info = await self._read(location, request)
            actual = crc32(data)
            if actual != location.block.crc32:
                size = info.size if info else self.store.info(self._path(location)).size
                raise CorruptError(
                    f"{self._url(location)}: the block's checksum is {actual:08x}, the manifest "
                    f"says {location.block.crc32:08x}; the shard has {size:,} bytes, the manifest says "
                    f"{location.shard.size:,}. Its bytes were changed or the shard was replaced: "
                    f"copy the shard again; or {self._remedy}, which rebuilds damaged shards"
                )
        return data

    def samples(self, location: BlockLocation) -> Sequence[Sample]:
        """Return the samples of a block; their members are views into its bytes."""
        return self.split(location, self.read(location))

    def split(self, location: BlockLocation, data: Data) -> Sequence[Sample]:
        """Return the samples in a block's verified bytes. Costs about 1 µs a sample."""
        try:
            samples = ArchiveSamples(data, ended=location.is_last)
        except CorruptError as error:
            error.add_note(f"in the block {self._url(location)}; offsets count from its beginning")
            raise
        if len(samples) != location.block.samples:
            raise CorruptError(
                f"{self._url(location)}: the block has {len(samples)} samples, "
                f"the manifest says {location.block.samples}"
            )
        return samples

    def release_memory(self) -> None:
        """Return the memory that is kept for further blocks to the system."""
        self._buffers.clear()

    def _path(self, location: BlockLocation) -> str:
        return f"{self.folder}{location.shard.name}"

    def _url(self, location: BlockLocation) -> str:
        return f"{self.store.url}/{self.folder}{location}"

    async def _read(self, location: BlockLocation, request: Request) -> tuple[Data, ObjectInfo | None]:
        name = self._path(location)
        if location.block.size > _TRUSTED and name not in self._etags:
            self._check_size(location, self.store.info(name))  # before memory is taken
        etag = self._etags.get(name)
        try:
            data, info = await request(self.store, name, location.offset, location.block.size, etag)
        except (StoreError, CorruptError) as error:
            error.add_note(f"while reading the block {self.folder}{location}")
            raise
        if info is not None:
            self._check_size(location, info)
            self._etags[name] = info.etag
        return data, info

    def _check_size(self, location: BlockLocation, info: ObjectInfo) -> None:
        if info.size != location.shard.size:
            raise CorruptError(
                f"{self.store.url}/{self._path(location)} has {info.size:,} bytes, the manifest says "
                f"{location.shard.size:,}: it was cut or replaced after it was packed "
                f"(found at the block of offset {location.offset:,})"
            )

    async def _read_into(
        self, store: Store, name: str, start: int, size: int, etag: str | None
    ) -> tuple[Data, ObjectInfo | None]:
        view = self._buffers.take(size).data
        return view, store.read_into(name, start, view, etag=etag)


def _completed(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: _Result = end.value
        return result
    work.close()
    raise AssertionError("the coroutine waits")
