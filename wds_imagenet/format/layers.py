"""Label layers: where they lie beside the shards, and which data set they belong to. Pure."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self, TypeAlias

from wds_imagenet.errors import ManifestError, UsageError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.manifest import METADATA_FOLDER, Manifest, typed
from wds_imagenet.util import strict_json

LAYERS: Final = f"{METADATA_FOLDER}/layers/"
LAYER_MANIFEST: Final = "manifest.json"
LAYER_PLAN: Final = "plan.json"
Classes: TypeAlias = tuple[Mapping[str, Any], ...]
"""Metadata of each class, by label."""
_FORMAT: Final = "wds-imagenet-layer"
_VERSION: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def layer_folder(name: str) -> str:
    """Return a layer's folder in its data set, with a slash at its end. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r:.120} cannot name a layer: use letters, digits, '_' and '-', at most 100")
    return f"{LAYERS}{name}/"


def layer_names(paths: Iterable[str]) -> list[str]:
    """Return the names of the finished layers: those that have a manifest.

    Args:
        paths: paths of a data set's objects.
    """
    found = (path.removeprefix(LAYERS).split("/") for path in paths if path.startswith(LAYERS))
    return sorted(parts[0] for parts in found if parts[1:] == [LAYER_MANIFEST] and _NAME.fullmatch(parts[0]))


def unfinished_layers(paths: Iterable[str]) -> list[str]:
    """Return the names of the folders of layers that have files, but no manifest.

    Args:
        paths: paths of a data set's objects.
    """
    paths = list(paths)
    inner = [path.removeprefix(LAYERS) for path in paths if path.startswith(LAYERS)]
    folders = {path.split("/")[0] for path in inner if "/" in path and not is_ignored(path)}
    return sorted(folders - set(layer_names(paths)))


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """The plan of a layer: its data set, and the members that its samples add."""

    name: str
    base: str
    """Fingerprint of the data set's manifest."""
    suffixes: tuple[str, ...]
    """Suffixes of the members of each sample, in their order."""
    fields: Mapping[str, str]
    """Name of each metadata field → its JSON type."""
    annotations_sha256: str
    """SHA-256 of all annotations of the samples."""
    classes_sha256: str
    labels: tuple[Mapping[str, Any], ...] = field(default=())
    """For people: each label file's name, and the number of samples that it annotates."""

    def to_json(self) -> bytes:
        """Return the plan's bytes."""
        return strict_json.dumps({"format": _FORMAT, "version": _VERSION, **asdict(self)})

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the plan's bytes; the layer's manifest has it as `plan`."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse a plan's bytes. Raises `ManifestError` for bytes that `to_json` did not write."""
        try:
            value = strict_json.loads(data)
            version = value.pop("version")
            if value.pop("format") != _FORMAT or version != _VERSION:
                raise ManifestError(
                    f"the layer's plan has another format, or version {version!r:.20}; upgrade wds-imagenet"
                )
            plan = cls(
                name=typed(value["name"], str),
                base=typed(value["base"], str),
                suffixes=tuple(typed(suffix, str) for suffix in typed(value["suffixes"], list)),
                fields={name: typed(kind, str) for name, kind in typed(value["fields"], dict).items()},
                annotations_sha256=typed(value["annotations_sha256"], str),
                classes_sha256=typed(value["classes_sha256"], str),
                labels=tuple(typed(item, dict) for item in typed(value["labels"], list)),
            )
            if plan.to_json() != data:
                raise ManifestError(
                    "the layer's plan was changed after it was written; write the layer again"
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(f"the layer's plan cannot be read: {error!r:.200}") from error
        return plan


def merge_classes(classes: Classes, layer: Manifest) -> Classes:
    """Return the class table of a data set that is read with a layer.

    A layer with labels replaces the table. Another layer's fields are merged over those of each class.

    Args:
        classes: class table without the layer.
        layer: manifest of the layer.

    Raises:
        ManifestError: if the layer has another number of classes.
    """
    if "cls" in layer.suffixes:
        return layer.classes
    if not classes or not layer.classes:
        return classes or layer.classes
    if len(classes) != len(layer.classes):
        raise ManifestError(
            f"it has {len(layer.classes):,} classes, but the data set {len(classes):,}: name it before the "
            "layer that replaces the labels, or leave it out"
        )
    return tuple({**item, **more} for item, more in zip(classes, layer.classes, strict=True))


def check_layer(base: Manifest, layer: Manifest, plan: LayerPlan) -> None:
    """Raise `ManifestError` unless the layer matches its plan and this data set, block by block.

    A layer of classes alone has no blocks.
    """
    if layer.plan != plan.fingerprint:
        raise ManifestError(
            f"the manifest of the layer {plan.name!r} does not belong to its plan; write the layer again"
        )
    if plan.base != base.fingerprint or layer.keys_sha256 != base.keys_sha256:
        raise ManifestError(
            f"the layer {plan.name!r} was made for another data set: it names the fingerprint "
            f"{plan.base:.12}…, this one has {base.fingerprint:.12}…; run 'add-layer' again, under "
            "another name"
        )
    classes_sha256 = hashlib.sha256(strict_json.dumps(layer.classes)).hexdigest()
    if (
        "cls" not in layer.suffixes and classes_sha256 != plan.classes_sha256
    ):  # a table with labels has counts too
        raise ManifestError(f"the layer {plan.name!r} has other classes than its plan; write the layer again")
    has_samples = layer.shards or layer.suffixes or plan.suffixes
    if has_samples and _counts(base) != _counts(layer):
        raise ManifestError(
            f"the layer {plan.name!r} has other blocks than its data set; write the layer again"
        )


def _counts(manifest: Manifest) -> list[tuple[str, list[int]]]:
    return [(shard.name, [block.samples for block in shard.blocks]) for shard in manifest.shards]
