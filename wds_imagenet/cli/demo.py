"""`wds-imagenet demo`."""

import time
from pathlib import Path

import click


@click.command()
@click.option(
    "--pictures", default=2400, show_default=True, type=click.IntRange(240), help="How many to draw."
)
@click.option("--epochs", default=8, show_default=True, type=click.IntRange(1), help="How long to train.")
@click.option("--keep", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep the data here.")
def demo(pictures: int, epochs: int, keep: Path | None) -> None:
    """Go the whole way on this machine: draw, serve by S3, pack, verify, stream, train.

    Needs no data and no network. Takes about a minute.
    """
    from wds_imagenet.demo.tour import tour

    began = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"{time.monotonic() - began:5.1f} s  {line}")

    tour(say, count=pictures, epochs=epochs, keep=keep)
