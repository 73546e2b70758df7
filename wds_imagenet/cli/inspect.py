"""`wds-imagenet info`, `ls` and `cat`: print the contents of a data set."""

import re
import sys
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from wds_imagenet.cli.output import echo_json, echo_values
from wds_imagenet.cli.shared_options import as_json, human, layer_option, storage_option
from wds_imagenet.errors import NotFoundError, UsageError
from wds_imagenet.util import strict_json

if TYPE_CHECKING:
    from wds_imagenet.format.layers import Classes
    from wds_imagenet.format.manifest import Manifest
    from wds_imagenet.reading.layers import Layer


@click.command()
@click.argument("url")
@layer_option
@storage_option
@as_json
def info(url: str, layers: tuple[str, ...], storage_options: dict[str, str], json: bool) -> None:
    """Print the counts, sizes, members, layers and classes of the data set at URL.

    info reads only manifests. It lists all label layers. Each --layer adds the class names of the layer to
    the output.
    """
    from wds_imagenet.reading.dataset import Dataset
    from wds_imagenet.reading.layers import Layer, list_layers

    dataset = Dataset.open(url, layers=layers, storage_options=storage_options)
    facts = describe(dataset.url, dataset.manifest, dataset.classes)
    named = {layer.name: layer for layer in dataset.layers}  # over HTTP, which lists nothing, these alone
    layers_found = [
        named.get(name) or Layer.open(dataset.store, dataset.manifest, name)
        for name in list_layers(dataset.store) or named
    ]
    facts["layers"] = [_describe_layer(layer) for layer in layers_found]
    if json:
        echo_json(facts)
        return
    classes = dataset.classes
    echo_values(f"{facts['url']}  ({facts['name']}, split {facts['split']})")
    echo_values(f"  samples      {facts['samples']:,}, each {', '.join(facts['suffixes'])}")
    echo_values(f"  shards       {facts['shards']:,}, {human(facts['bytes'])} in all")
    echo_values(f"  blocks       {facts['blocks']:,}, {human(facts['bytes'] / facts['blocks'])} on average")
    echo_values(f"  fingerprint  {facts['fingerprint']}")
    for layer in facts["layers"]:
        gives = [*layer["suffixes"], *(f"json.{name}" for name in layer["fields"])]
        gives += [f"classes.{name}" for name in dict.fromkeys(chain(*layer["classes"]))]
        echo_values(f"  layer        {layer['name']}, {human(layer['bytes'])}: {', '.join(gives)}")
    if classes:
        spread = facts["samples_a_class"]
        echo_values(f"  classes      {len(classes):,}" + (f", {spread} samples each" if spread else ""))
        for index, item in enumerate(classes[:8]):
            count = f"{item['samples']:7,}" if "samples" in item else " " * 7
            echo_values(f"    {index:5d}  {count}  {_name(item)}")
        if len(classes) > 8:
            echo_values(f"    …  {len(classes) - 8:,} more; --json lists them all")


@click.command()
@click.argument("url")
@storage_option
def ls(url: str, storage_options: dict[str, str]) -> None:
    """Print the key of each sample of the data set at URL, one per line, in the order of the shards."""
    from wds_imagenet.reading.dataset import Dataset

    dataset = Dataset.open(url, storage_options=storage_options)
    for line in dataset.keys():  # noqa: SIM118 - a data set is not a mapping
        echo_values(line)


@click.command()
@click.argument("url")
@click.argument("key")
@click.option("--member", metavar="SUFFIX", help="Write the bytes of this member: jpg, json, txt or cls.")
@click.option("--image", is_flag=True, help="Write the bytes of the image.")
@layer_option
@storage_option
def cat(
    url: str,
    key: str,
    member: str | None,
    image: bool,
    layers: tuple[str, ...],
    storage_options: dict[str, str],
) -> None:
    """Print one sample of the data set at URL: give its KEY, or its number in the form '#17'."""
    from wds_imagenet.reading.dataset import Dataset

    if image and member:
        raise UsageError("give --image or --member, not both")
    dataset = Dataset.open(url, layers=layers, storage_options=storage_options)
    numbered = re.fullmatch(r"#[0-9]{1,18}", key) is not None
    try:
        sample = dataset[int(key[1:])] if numbered else dataset[key]
    except (KeyError, IndexError) as error:
        raise NotFoundError(f"{dataset.url} has no sample {key!r}: 'ls' lists the keys") from error
    if image or member:
        suffix = member or sample.suffix
        if suffix not in sample.members:
            raise UsageError(f"sample {key!r} has no member {suffix!r}, only {', '.join(sample.members)}")
        sys.stdout.buffer.write(bytes(sample.members[suffix]))
        return
    echo_values(f"key      {sample.key}")
    for suffix, data in sample.members.items():
        echo_values(f"{suffix:8s} {len(data):,} bytes")
    for name, value in (("label", sample.label), ("caption", sample.caption)):
        if value is not None:
            echo_values(f"{name:8s} {value}")
    for name, value in sample.json.items():
        echo_values(f"  {name}: {strict_json.dumps(value).decode()}")


def describe(url: str, manifest: "Manifest", classes: "Classes") -> dict[str, Any]:
    """Return the facts that `info` prints, as JSON values.

    Args:
        url: The folder of the data set.
        manifest: Its manifest.
        classes: Its classes by label, with the names that layers add.
    """
    counts = [int(item["samples"]) for item in classes if "samples" in item]
    spread = f"{min(counts):,} to {max(counts):,}" if counts else ""
    if counts and min(counts) == max(counts):
        spread = f"{counts[0]:,}"
    return {
        "url": url,
        "name": manifest.name,
        "split": manifest.split,
        "fingerprint": manifest.fingerprint,
        "samples": manifest.samples,
        "bytes": manifest.size,
        "shards": len(manifest.shards),
        "blocks": sum(len(shard.blocks) for shard in manifest.shards),
        "suffixes": list(manifest.suffixes),
        "samples_a_class": spread,
        "classes": [dict(item) for item in classes],
    }


def _describe_layer(layer: "Layer") -> dict[str, Any]:
    return {
        "name": layer.name,
        "suffixes": list(layer.manifest.suffixes),
        "fields": dict(layer.plan.fields),
        "labels": [dict(item) for item in layer.plan.labels],
        "bytes": layer.manifest.size,
        "fingerprint": layer.manifest.fingerprint,
        "classes": [dict(item) for item in layer.manifest.classes],
    }


def _name(item: Mapping[str, Any]) -> str:
    extra = [str(item[field]) for field in item if field == "wnid" or field.startswith("name_")]
    return "  ".join([str(item.get("name", "")), *extra])
