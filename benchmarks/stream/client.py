"""The client alone: `get_range_async` of obstore for every block, in random order, without a checksum."""

import asyncio
import random
from collections.abc import Iterator

import obstore
from obstore.store import LocalStore, S3Store

from stream.source import BUCKET, Source, endpoint
from wds_imagenet import Dataset


def batches(source: Source, epochs: int, requests: str) -> Iterator[tuple[None, list[str]]]:
    """Yield the keys of a whole epoch: it cannot check them, since it does not look into blocks."""
    dataset = Dataset.open(str(source.folder / "shards"))
    locations = dataset.block_locations[source.rank :: source.ranks]
    names = [path.stem for path in (source.folder / "folder").glob("*/*.jpg")] if source.rank == 0 else []
    store: LocalStore | S3Store
    if source.is_remote:
        store = S3Store(
            BUCKET,
            prefix=f"{source.folder.name}/shards",
            endpoint=endpoint(),
            client_options={"allow_http": True},
        )
    else:
        store = LocalStore(source.url())
    yield None, []
    for epoch in range(epochs):
        random.Random(epoch).shuffle(locations)
        asyncio.run(
            fetch(store, [(at.shard.name, at.offset, at.block.size) for at in locations], int(requests))
        )
        yield None, names


async def fetch(store: LocalStore | S3Store, ranges: list[tuple[str, int, int]], requests: int) -> None:
    """Read all ranges."""
    free = asyncio.Semaphore(requests)

    async def read(name: str, start: int, length: int) -> None:
        async with free:
            await obstore.get_range_async(store, name, start=start, length=length)

    await asyncio.gather(*(read(*one) for one in ranges))
