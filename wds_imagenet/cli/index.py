"""`wds-imagenet index`."""

from typing import TYPE_CHECKING

import click

from wds_imagenet.cli.inspect import describe
from wds_imagenet.cli.progress import progress
from wds_imagenet.cli.shared_options import Size, as_json, human, storage_option
from wds_imagenet.errors import UsageError
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity

if TYPE_CHECKING:
    from wds_imagenet.reading.index import Indexed


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--out", metavar="URL", help="Where the manifest goes: a folder around the shards; theirs by default."
)
@click.option("--name", default=None, help="The data set's name; the folder's by default.")
@click.option("--split", default="train", show_default=True)
@click.option("--block-bytes", type=Size(), help="What is fetched as one; 2MiB at most by default.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1))
@storage_option
@as_json
def index(
    urls: tuple[str, ...],
    out: str | None,
    name: str | None,
    split: str,
    block_bytes: int | None,
    threads: int,
    storage_options: dict[str, str],
    json: bool,
) -> None:
    """Write a manifest for the WebDataset shards at URL..., so that they can be read like our own.

    Each URL is a folder of .tar files, or one .tar. The shards are read once and never written.
    """
    from wds_imagenet.packing.options import default_name
    from wds_imagenet.reading.index import index as make
    from wds_imagenet.reading.index import shards_at
    from wds_imagenet.storage import open_store

    folder = out or (urls[0].rpartition("/")[0] or "." if urls[0].endswith(".tar") else urls[0])
    store = open_store(folder, storage_options)
    infos = [info for url in urls for info in shards_at(store, _below(url, folder))]
    total = sum(info.size for info in infos)
    done = samples = 0
    with progress("indexing", total, quiet=json) as shown:

        def on_shard(indexed: "Indexed") -> None:
            nonlocal done, samples
            done += indexed.shard.size
            samples += indexed.shard.samples
            shown.update(done, f"{samples:,} samples")

        manifest = make(
            store,
            [info.path for info in infos],
            name=name or default_name(store.url, split),
            split=split,
            block_bytes=block_bytes,
            threads=threads,
            on_shard=on_shard,
        )
    if json:
        click.echo(strict_json.dumps(describe(store.url, manifest, manifest.classes)).decode())
    else:
        click.echo(
            f"{store.url}: indexed {quantity(manifest.samples, 'samples')} in "
            f"{quantity(len(manifest.shards), 'shards')} ({human(manifest.size)})"
        )


def _below(url: str, folder: str) -> str:
    """Return a URL's path in the folder, "" if it is the folder; a folder's path ends with a slash."""
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
