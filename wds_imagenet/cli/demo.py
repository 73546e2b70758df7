"""`wds-imagenet demo`."""

import time
from pathlib import Path

import click

from wds_imagenet.cli.output import echo


@click.command()
@click.option(
    "--pictures", default=2400, show_default=True, type=click.IntRange(240), help="Training pictures to draw."
)
@click.option("--epochs", default=8, show_default=True, type=click.IntRange(1), help="Epochs to train.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep the pictures and the data of the server in this folder.",
)
def demo(pictures: int, epochs: int, keep: Path | None) -> None:
    """Draw pictures, start an S3 server, pack, verify, stream and train, all on this machine.

    The demo needs no data and no network. It takes about a minute.
    """
    from wds_imagenet.demo.run import run_demo

    began = time.monotonic()

    def print_line(line: str) -> None:
        echo(f"{time.monotonic() - began:5.1f} s  {line}")

    run_demo(print_line, count=pictures, epochs=epochs, keep=keep)
