"""Index the shards of another program: a manifest for them, so that they are read like our own."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wds_imagenet.errors import NotFoundError, SourceError, UsageError
from wds_imagenet.format.blocks import MAX_TARGET
from wds_imagenet.format.dataset_name import default_name
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.indexing.shard_entries import IndexedShard, index_shards
from wds_imagenet.inputs.shards.member_rules import DEFAULT_JSON_BYTES, MemberRules
from wds_imagenet.inputs.shards.numbering import gap_notes
from wds_imagenet.inputs.shards.split_choice import choose_shards, list_shards
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.reading.arguments import whole
from wds_imagenet.storage import Store, open_store, split_url
from wds_imagenet.storage.store import MAX_METADATA, StorageOptions
from wds_imagenet.storage.url import parse_url
from wds_imagenet.util.argument_types import check_arguments


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The result of `index`.

    Attributes:
        url: the folder of the manifest, which `Dataset.open` and `Loader` take.
        manifest: the manifest that was written.
        notes: remarks for the user, such as a count of ignored members.
    """

    url: str
    manifest: Manifest
    notes: tuple[str, ...] = ()

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
    split: str | None = None,
    block_bytes: int | None = None,
    max_json_bytes: int | None = None,
    threads: int = 2,
    storage_options: StorageOptions | None = None,
    on_progress: Callable[[IndexProgress], object] | None = None,
) -> IndexReport:
    """Write a manifest for WebDataset shards of another program. The shards are read once and never written.

    The manifest has the same content as a manifest of `pack`: the checksum of each block, the hash of each
    shard, and unique keys. `index` needs temporary disk space for `threads` shards.

    Args:
        urls: one URL or several. Each is a folder of `.tar` files, one `.tar` file, or a pattern such as
            `in1k-{000..146}.tar`.
        out: the folder for the manifest. All shards must lie inside this folder, or inside the folder above.
            The default is the folder of the first URL. If that folder has the manifest of another split, it
            is a folder in it, named after the split.
        name: the data set's name; by default the folder's.
        split: the split. If the names of the shards, or timm's `_info.json`, have several splits, `index`
            takes the shards of this one. The default is the only split in the names, or `train`.
        block_bytes: target size of a block. A reader fetches one block per request. The default is at most
            2 MiB.
        max_json_bytes: size of the largest JSON, label or caption. The default is 1 MiB.
        threads: number of shards that `index` reads at the same time.
        storage_options: options of the store, by name.
        on_progress: called after each shard, in order, by the calling thread.

    Raises:
        UsageError: a URL does not lie in `out` or the folder above, or nothing exists at a URL.
        SourceError: there are no tars, a tar is compressed, there are several splits, a sample has no image
            or a malformed member, or a key is repeated.
        CorruptError: a shard is damaged, or is no tar.
        ExistsError: the folder has a manifest already.
        ManifestError: packing was begun in the folder, or in one of the shards, and not finished.
        StoreError: the store cannot be read or written.
    """
    check_arguments(index, locals())
    urls = [urls] if isinstance(urls, str) else list(urls)
    if not urls:
        raise UsageError("index needs at least one URL")
    folder = urls[0] if out is None else out
    if out is None and (folder.endswith(".tar") or re.search(r"[{*]", folder)):
        folder = re.split(r"[{*]", folder, maxsplit=1)[0].rpartition("/")[0] or "."
    threads = whole("threads", threads, 1)
    if block_bytes is not None and whole("block_bytes", block_bytes, 1) > MAX_TARGET:
        raise UsageError(f"block_bytes is at most 1 GiB, and not {block_bytes:,} bytes")
    store = open_store(folder, storage_options)
    shards, found_split, gaps = _find(urls, split, storage_options or {})
    split = found_split or split or "train"
    if out is None and _is_indexed_as_another(store, split):
        folder = f"{folder.rstrip('/')}/{split}"
        store = open_store(folder, storage_options)
    names = [_below(shard, store) for shard in shards]
    above = None
    if None in names:
        above = open_store(split_url(store.url)[0], storage_options)
        names = [_below(shard, above) for shard in shards]
    total_bytes = sum(shard.info.size for shard in shards)
    done = samples = 0

    def on_shard(indexed: IndexedShard) -> None:
        nonlocal done, samples
        done += indexed.size
        samples += len(indexed.keys)
        if on_progress is not None:
            on_progress(IndexProgress(done, total_bytes, samples))

    manifest, notes = index_shards(
        store,
        _all_inside(names, shards, folder),
        above=above,
        name=name or default_name(store.url, split),
        split=split,
        rules=MemberRules(max_json_bytes=whole("max_json_bytes", max_json_bytes or DEFAULT_JSON_BYTES, 1)),
        block_bytes=block_bytes,
        threads=threads,
        on_shard=on_shard,
    )
    return IndexReport(store.url, manifest, (*gaps, *notes))


def _find(
    urls: Sequence[str], split: str | None, options: StorageOptions
) -> tuple[list[SplitFile], str | None, list[str]]:
    """Return the shards of one split, its name, and notes. Raises `SourceError` for several splits."""
    shards: list[SplitFile] = []
    every: list[SplitFile] = []
    first: str | None = None
    for number, url in enumerate(urls):
        listed = list_shards(url, options)
        chosen, found = choose_shards(listed, split, url, options)
        if number and found != first:
            raise SourceError(f"{url} has the split {found}, and {urls[0]} has {first}: index the two apart")
        first = found
        shards += chosen
        every += listed
    return shards, first, list(gap_notes(shards, every))


def _is_indexed_as_another(store: Store, split: str) -> bool:
    """Return True if a folder has the manifest of another split."""
    try:
        return Manifest.from_json(store.read(MANIFEST_PATH, limit=MAX_METADATA).data).split != split
    except NotFoundError:
        return False


def _below(shard: SplitFile, store: Store) -> str | None:
    """Return the path of a shard in a store, None if it lies elsewhere."""
    if shard.store.url == store.url:
        return shard.info.path
    root, path = (parse_url(url).url.rstrip("/") for url in (store.url, shard.url))
    return path.removeprefix(f"{root}/") if path.startswith(f"{root}/") else None


def _all_inside(names: Sequence[str | None], shards: Sequence[SplitFile], folder: str) -> list[str]:
    """Return the names. Raises `UsageError` if one is None."""
    for name, shard in zip(names, shards, strict=True):
        if name is None:
            raise UsageError(
                f"{shard.url} is neither in {folder} nor in the folder above: the manifest names shards "
                "relative to one of the two"
            )
    return [name for name in names if name is not None]
