"""`wds-imagenet index`."""

import click

from wds_imagenet.cli.inspect import describe
from wds_imagenet.cli.progress import progress
from wds_imagenet.cli.shared_options import Size, as_json, human, storage_option
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity


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
def index_shards(
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
    from wds_imagenet.reading.index import IndexProgress
    from wds_imagenet.reading.index import index as index_shards

    with progress("indexing", None, quiet=json) as shown:

        def on_progress(now: IndexProgress) -> None:
            shown.expect(now.total_bytes)
            shown.update(now.bytes, f"{now.samples:,} samples")

        report = index_shards(
            urls,
            out=out,
            name=name,
            split=split,
            block_bytes=block_bytes,
            threads=threads,
            storage_options=storage_options,
            on_progress=on_progress,
        )
    manifest = report.manifest
    if json:
        click.echo(strict_json.dumps(describe(report.url, manifest, manifest.classes)).decode())
    else:
        click.echo(
            f"{report.url}: indexed {quantity(manifest.samples, 'samples')} in "
            f"{quantity(len(manifest.shards), 'shards')} ({human(manifest.size)})"
        )
