"""Index the WebDataset shards at some URLs: the public form of `index`."""

from collections.abc import Callable
from dataclasses import dataclass

from wds_imagenet.errors import UsageError
from wds_imagenet.format.names import default_name
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.index import Indexed, index_shards, shards_at
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import StorageOptions


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far indexing has come. Passed to `on_progress` after every shard."""

    bytes_done: int
    bytes_expected: int
    samples_done: int


def index(
    *urls: str,
    out: str | None = None,
    name: str | None = None,
    split: str = "train",
    block_bytes: int | None = None,
    threads: int = 2,
    storage_options: StorageOptions | None = None,
    on_progress: Callable[[IndexProgress], None] | None = None,
) -> Dataset:
    """Write a manifest for WebDataset shards that another program wrote, and open them as a data set.

    Guarantees the checksum of each block, the hash of each shard, and unique keys. The shards are never
    written. Costs one read of the shards, and temporary disk space for `threads` of them.

    Args:
        urls: Folders of `.tar` files, or single `.tar` files.
        out: The folder of the manifest, which contains all shards. By default the folder of the first URL.
        name: Name of the data set; by default the name of the folder.
        split: Split that the shards hold.
        block_bytes: Largest block, which one request reads; by default 2 MiB or less.
        threads: Shards that are read at once.
        storage_options: Options of the store.
        on_progress: Called after every shard.

    Raises:
        UsageError: There is nothing at a URL, or a URL lies outside of `out`.
        SourceError: A URL has no shards, a shard is compressed, or two samples have one key.
        CorruptError: A shard is damaged.
        ExistsError: The folder has a manifest already.
    """
    if not urls:
        raise UsageError("give the URL of at least one shard or folder of shards")
    folder = out or (urls[0].rpartition("/")[0] or "." if urls[0].endswith(".tar") else urls[0])
    store = open_store(folder, storage_options)
    infos = [info for url in urls for info in shards_at(store, _path_in(url, folder))]
    expected = sum(info.size for info in infos)
    done = samples = 0

    def on_shard(indexed: Indexed) -> None:
        nonlocal done, samples
        done += indexed.shard.size
        samples += indexed.shard.samples
        if on_progress is not None:
            on_progress(IndexProgress(done, expected, samples))

    manifest = index_shards(
        store,
        [info.path for info in infos],
        name=name or default_name(store.url, split),
        split=split,
        block_bytes=block_bytes,
        threads=threads,
        on_shard=on_shard,
    )
    return Dataset(store, manifest)


def _path_in(url: str, folder: str) -> str:
    """Return the path of a URL in the folder: "" for the folder itself, with a last slash for a folder."""
    inside, root = url.rstrip("/"), folder.rstrip("/")
    if inside == root:
        return ""
    if root == "." and "://" not in inside and not inside.startswith(("/", ".")):
        path = inside
    elif inside.startswith(f"{root}/"):
        path = inside.removeprefix(f"{root}/")
    else:
        raise UsageError(f"{url} is not in {folder}: the manifest names shards relative to its own folder")
    return path if path.endswith(".tar") else f"{path}/"
