"""`wds-imagenet index`."""

import click

from wds_imagenet import strict_json
from wds_imagenet.cli.inspect import describe
from wds_imagenet.cli.options import Size, as_json, human, storage_option
from wds_imagenet.cli.progress import progress


@click.command()
@click.argument("url")
@click.option("--out", metavar="URL", help="Where the manifest goes; beside the shards by default.")
@click.option("--name", default=None, help="The data set's name; the folder's by default.")
@click.option("--split", default="train", show_default=True)
@click.option("--block-bytes", type=Size(), default=2 << 20, show_default="2MiB")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1))
@storage_option
@as_json
def index(
    url: str,
    out: str | None,
    name: str | None,
    split: str,
    block_bytes: int,
    threads: int,
    storage_options: dict[str, str],
    json: bool,
) -> None:
    """Write a manifest for the WebDataset shards at URL, so that they can be read like our own.

    URL is a folder of .tar files, or one .tar. The shards are read once and never written.
    """
    from wds_imagenet.reading.index import index as make
    from wds_imagenet.reading.index import shard_names
    from wds_imagenet.storage import open_store, split_url

    folder, single = split_url(url) if url.endswith(".tar") else (url, None)
    store = open_store(folder, **storage_options)
    names = [single] if single else shard_names(store)
    total = sum(store.info(shard).size for shard in names)
    done = samples = 0
    with progress("indexing", total, quiet=json) as shown:

        def on_shard(indexed: object) -> None:
            nonlocal done, samples
            done += indexed.shard.size  # type: ignore[attr-defined] # an Indexed, imported late
            samples += indexed.shard.samples  # type: ignore[attr-defined] # the same
            shown.update(done, f"{samples:,} samples")

        manifest = make(
            store,
            names,
            out=open_store(out or folder, **storage_options),
            name=name or split_url(folder)[1],
            split=split,
            block_bytes=block_bytes,
            threads=threads,
            on_shard=on_shard,
        )
    if json:
        click.echo(strict_json.dumps(describe(store.url, manifest)).decode())
    else:
        click.echo(
            f"{out or store.url}: indexed {manifest.samples:,} samples in {len(manifest.shards)} shards "
            f"({human(manifest.size)})"
        )
