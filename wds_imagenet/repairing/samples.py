"""The samples of the blocks that are intact, of a data set whose other blocks may be damaged."""

from collections.abc import Iterator, Sequence

from wds_imagenet.errors import ChangedError, DataError, NotFoundError
from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.reading.fetch_blocks import BlockLocation, Fetcher, block_locations
from wds_imagenet.sample import Sample
from wds_imagenet.storage import Store


def intact_samples(store: Store, folder: str, shards: Sequence[Shard]) -> Iterator[Sample]:
    """Yield the samples of the blocks that are intact.

    Args:
        store: that of the data set.
        folder: the folder of the shards.
        shards: the shards.
    """
    fetcher = Fetcher(store, folder)
    manifest = Manifest("", "", (), "0" * 64, tuple(shards))
    for location in block_locations(manifest):
        yield from _block(fetcher, location)


def _block(fetcher: Fetcher, location: BlockLocation) -> Sequence[Sample]:
    try:
        return fetcher.samples(location)
    except (DataError, NotFoundError, ChangedError):
        return ()
