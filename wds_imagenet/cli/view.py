"""`wds-imagenet view`."""

import os
import sys
from pathlib import Path

import click

from wds_imagenet.cli.output import echo
from wds_imagenet.cli.shared_options import human, layer_option, storage_option
from wds_imagenet.errors import UsageError


@click.command()
@click.argument("url")
@layer_option
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the server; by default a free one.")
@click.option("--no-open", is_flag=True, help="Print the address, and open no browser.")
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one self-contained page with its pictures to FILE, and start no server.",
)
@click.option(
    "--samples",
    type=click.IntRange(0, 1000),
    help="Number of samples on the page of --html, chosen at random; 60 by default.",
)
@click.option("--seed", type=int, help="Seed of this random choice; 0 by default.")
@storage_option
def view(
    url: str,
    layers: tuple[str, ...],
    port: int | None,
    no_open: bool,
    file: Path | None,
    samples: int | None,
    seed: int | None,
    storage_options: dict[str, str],
) -> None:
    """Show the images, captions, labels, boxes and histograms of the data set at URL in a browser.

    The server accepts requests from this machine only, and runs until Ctrl-C. To view the data set from
    another machine, forward the port: ssh -L 8000:127.0.0.1:8000.
    """
    from wds_imagenet.reading.dataset import Dataset

    if file is None and (samples is not None or seed is not None):
        raise UsageError("option 'samples' and option 'seed' need option 'html'")
    if file is not None and port is not None:
        raise UsageError("give option 'html' or option 'port', not both")
    dataset = Dataset.open(url, layers=layers, storage_options=storage_options)
    if file is not None:
        from wds_imagenet.view.single_page import single_page

        page = single_page(dataset, samples=60 if samples is None else samples, seed=seed or 0).encode()
        with click.open_file(str(file), "wb", atomic=True) as out:
            out.write(page)
        echo(f"{file}: {human(len(page))}", err=True)
        return
    from wds_imagenet.view.server import GalleryServer

    with GalleryServer(dataset, port or 0) as server:
        try:
            echo(f"{dataset.url} is shown at {server.url} until Ctrl-C")
            if not no_open and _has_screen():
                click.launch(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            echo("ended", err=True)


def _has_screen() -> bool:
    """Return True if a browser can open a window. A text browser would take over this terminal."""
    return sys.platform in {"darwin", "win32"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
