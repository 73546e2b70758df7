"""`wds-imagenet index`."""

from typing import TYPE_CHECKING

import click

from wds_imagenet.cli.inspect import describe
from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.progress import progress
from wds_imagenet.cli.shared_options import Size, as_flags, as_json, human, storage_option
from wds_imagenet.util.messages import quantity

if TYPE_CHECKING:
    from wds_imagenet.indexing.index import IndexProgress


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--out",
    metavar="URL",
    help="Folder for the manifest. All shards must lie inside it, or inside the folder above. By default the "
    "folder of the first URL, or a folder in it named after the split if it has another split's manifest.",
)
@click.option("--name", default=None, help="Name of the data set; by default the name of the folder.")
@click.option(
    "--split",
    help="Split of the shards. It chooses among the splits in the shards' names or in _info.json. By default "
    "the only split in the names, or train.",
)
@click.option(
    "--block-bytes",
    type=Size(),
    help="Target size of a block; a reader fetches one block per request. By default 2MiB or less.",
)
@click.option(
    "--max-json-bytes",
    type=Size(),
    show_default="1MiB",
    help="Size of the largest JSON, label or caption.",
)
@click.option(
    "--threads",
    default=2,
    show_default=True,
    type=click.IntRange(1),
    help="Number of shards that index reads at the same time.",
)
@storage_option
@as_json
def index(
    urls: tuple[str, ...],
    out: str | None,
    name: str | None,
    split: str | None,
    block_bytes: int | None,
    max_json_bytes: int | None,
    threads: int,
    storage_options: dict[str, str],
    json: bool,
) -> None:
    """Write a manifest for the WebDataset shards at URL..., so that this package reads them like its own.

    Each URL is a folder of .tar files, one .tar file, or a pattern such as in1k-{000..146}.tar. The shards
    are read once and never written.
    """
    from wds_imagenet.indexing.index import index as index_urls

    with progress("indexing", None, quiet=json) as bar:

        def on_progress(now: "IndexProgress") -> None:
            bar.expect(now.total_bytes)
            bar.update(now.bytes, f"{now.samples:,} samples")

        report = index_urls(
            urls,
            out=out,
            name=name,
            split=split,
            block_bytes=block_bytes,
            max_json_bytes=max_json_bytes,
            threads=threads,
            storage_options=storage_options,
            on_progress=on_progress,
        )
    manifest = report.manifest
    if json:
        echo_json(describe(report.url, manifest, manifest.classes))
    else:
        for note in report.notes:
            echo(f"note: {as_flags(note)}")
        echo(
            f"{report.url}: indexed {quantity(manifest.samples, 'samples')} in "
            f"{quantity(len(manifest.shards), 'shards')} ({human(manifest.size)})"
        )
