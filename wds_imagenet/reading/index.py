"""Index the shards of another program: a manifest for them, so that they are read like our own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.format.blocks import MAX_TARGET
from wds_imagenet.format.dataset_name import default_name
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.reading.arguments import whole
from wds_imagenet.reading.shard_index import IndexedShard, index_shards, shard_infos
from wds_imagenet.storage import ObjectInfo, Store, open_store
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.storage.url import parse_url


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The result of `index`.

    Attributes:
        url: the folder of the manifest, which `Dataset.open` and `Loader` take.
        manifest: the manifest that was written.
    """

    url: str
    manifest: Manifest

    @property
    def samples(self) -> int:
        """Samples in all shards."""
        return self.manifest.samples

    @property
    def shards(self) -> int:
        """Number of shards."""
        return len(self.manifest.shards)

    @property
    def bytes(self) -> int:
        """Bytes of all shards."""
        return self.manifest.size


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """The progress of `index` after each shard.

    Attributes:
        bytes: bytes of the shards indexed so far.
        total_bytes: bytes of all shards.
        samples: samples found so far.
    """

    bytes: int
    total_bytes: int
    samples: int


def index(
    urls: str | Sequence[str],
    *,
    out: str | None = None,
    name: str | None = None,
    split: str = "train",
    block_bytes: int | None = None,
    threads: int = 2,
    storage_options: StorageOptions | None = None,
    on_progress: Callable[[IndexProgress], object] | None = None,
) -> IndexReport:
    """Write a manifest for WebDataset shards of another program. The shards are read once and never written.

    The manifest has the same content as a manifest of `pack`: the checksum of each block, the hash of each
    shard, and unique keys. `index` needs temporary disk space for `threads` shards.

    Args:
        urls: one URL or several. Each is a folder of `.tar` files, or one `.tar` file.
        out: the folder for the manifest. All shards must lie inside this folder. The default is the folder of
            the first URL.
        name: the data set's name; by default the folder's.
        split: the split's name.
        block_bytes: target size of a block. A reader fetches one block per request. The default is at most
            2 MiB.
        threads: number of shards that `index` reads at the same time.
        storage_options: options of the store, by name.
        on_progress: called after each shard, in order, by the calling thread.

    Raises:
        UsageError: a URL does not lie in `out`, or nothing exists at a URL.
        SourceError: there are no tars, a tar is compressed, or a key is repeated.
        CorruptError: a shard is damaged, or is no tar.
        ExistsError: the folder has a manifest already.
        StoreError: the store cannot be read or written.
    """
    urls = [urls] if isinstance(urls, str) else list(urls)
    if not urls:
        raise UsageError("index needs at least one URL")
    folder = urls[0] if out is None else out
    if out is None and folder.endswith(".tar"):
        folder = folder.rpartition("/")[0] or "."
    threads = whole("threads", threads, 1)
    if block_bytes is not None and whole("block_bytes", block_bytes, 1) > MAX_TARGET:
        raise UsageError(f"block_bytes is at most 1 GiB, and not {block_bytes:,} bytes")
    store = open_store(folder, storage_options)
    infos = [info for url in urls for info in _shards_at(store, _below(url, folder))]
    total_bytes = sum(info.size for info in infos)
    done = samples = 0

    def on_shard(indexed: IndexedShard) -> None:
        nonlocal done, samples
        done += indexed.shard.size
        samples += indexed.shard.samples
        if on_progress is not None:
            on_progress(IndexProgress(done, total_bytes, samples))

    manifest = index_shards(
        store,
        [info.path for info in infos],
        name=name or default_name(store.url, split),
        split=split,
        block_bytes=block_bytes,
        threads=threads,
        on_shard=on_shard,
    )
    return IndexReport(store.url, manifest)


def _below(url: str, folder: str) -> str:
    """Return a URL's path in the folder: "" for the folder itself, and a folder's path with its slash."""
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


def _shards_at(store: Store, prefix: str) -> list[ObjectInfo]:
    """Return the tars below a prefix, or the one tar of that path.

    Raises `UsageError` if there is nothing, not even an empty folder, and `SourceError` if there is no tar.
    """
    found = shard_infos(store, prefix)
    if not found:
        url = f"{store.url}/{prefix}".rstrip("/")
        location = parse_url(url)
        is_folder = location.scheme == "file" and Path(location.root).is_dir()
        if not is_folder and next(iter(store.list_objects(prefix)), None) is None:
            raise UsageError(f"there is nothing at {url}: no tar, and no folder with tars")
        raise SourceError(f"{url} has no shards to index: files that end with .tar")
    return found
