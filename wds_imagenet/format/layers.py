"""Label layers: where they lie beside a data set's shards, and what binds them to it. No I/O."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self, TypeAlias

from wds_imagenet.errors import ManifestError, UsageError
from wds_imagenet.format.manifest import METADATA_FOLDER, Manifest
from wds_imagenet.util import strict_json

LAYERS: Final = f"{METADATA_FOLDER}/layers/"
LAYER_MANIFEST: Final = "manifest.json"
LAYER_PLAN: Final = "plan.json"
Classes: TypeAlias = tuple[Mapping[str, Any], ...]
"""By label, what is known of its class."""
_FORMAT: Final = "wds-imagenet-layer"
_VERSION: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def layer_folder(name: str) -> str:
    """Return a layer's folder in its data set, with a slash at its end. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r:.120} cannot name a layer: it takes letters, digits, '_' and '-'")
    return f"{LAYERS}{name}/"


def layer_names(paths: Iterable[str]) -> list[str]:
    """Return the finished layers' names, by the paths of a data set's objects."""
    found = (path.removeprefix(LAYERS).split("/") for path in paths if path.startswith(LAYERS))
    return sorted(parts[0] for parts in found if parts[1:] == [LAYER_MANIFEST] and _NAME.fullmatch(parts[0]))


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """What a layer is to be: of which data set, and what its samples get."""

    name: str
    base: str
    """The fingerprint of the data set's manifest."""
    suffixes: tuple[str, ...]
    """The members of each of its samples, in their order."""
    fields: Mapping[str, str]
    """The JSON types of its metadata."""
    annotations_sha256: str
    """Of all that the label files say of the samples."""
    classes_sha256: str
    labels: tuple[Mapping[str, Any], ...] = field(default=())
    """What the label files are, for people: their names, and of how many samples they say something."""

    def to_json(self) -> bytes:
        """Return the plan's bytes."""
        return strict_json.dumps({"format": _FORMAT, "version": _VERSION, **asdict(self)})

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the plan's bytes: the layer's manifest has it as its `plan`."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read a plan's bytes. Raises `ManifestError` for any that `to_json` did not write."""
        try:
            value = strict_json.loads(data)
            version = value.pop("version")
            if value.pop("format") != _FORMAT or version != _VERSION:
                raise ManifestError(f"the layer's plan is of another format, or of version {version!r:.20}")
            plan = cls(**value)
            plan = cls(**{**value, "suffixes": tuple(plan.suffixes), "labels": tuple(plan.labels)})
            if plan.to_json() != data:
                raise ManifestError("the layer's plan is not as it was written")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(f"the layer's plan cannot be read: {error!r:.200}") from error
        return plan


def merge_classes(classes: Classes, layer: Manifest) -> Classes:
    """Return the class table of those who read a data set with a layer.

    A layer that gives labels has the table of these; what another says of classes is set over what is
    known of them. Raises `ManifestError` if it cannot be of the same classes.
    """
    if "cls" in layer.suffixes:
        return layer.classes
    if not classes or not layer.classes:
        return classes or layer.classes
    if len(classes) != len(layer.classes):
        raise ManifestError(
            f"it tells of {len(layer.classes):,} classes, but there are {len(classes):,}: name it before the "
            "layer that gives other labels, or leave it out"
        )
    return tuple({**item, **more} for item, more in zip(classes, layer.classes, strict=True))


def check_layer(base: Manifest, layer: Manifest, plan: LayerPlan) -> None:
    """Raise `ManifestError` unless the layer is whole, and of just this data set, block by block.

    One that gives samples nothing, but tells of classes, has no blocks.
    """
    if layer.plan != plan.fingerprint:
        raise ManifestError(f"the manifest of the layer {plan.name!r} does not belong to its plan")
    if plan.base != base.fingerprint or layer.keys_sha256 != base.keys_sha256:
        raise ManifestError(
            f"the layer {plan.name!r} was made for another data set: it names the fingerprint "
            f"{plan.base:.12}…, this one has {base.fingerprint:.12}…; run 'add-layer' again, under "
            "another name"
        )
    told = hashlib.sha256(strict_json.dumps(layer.classes)).hexdigest()
    if "cls" not in layer.suffixes and told != plan.classes_sha256:  # a table of labels has counts too
        raise ManifestError(f"the layer {plan.name!r} tells of its classes what its plan does not")
    of_samples = layer.shards or layer.suffixes or plan.suffixes
    if of_samples and _counts(base) != _counts(layer):
        raise ManifestError(f"the layer {plan.name!r} has other blocks than its data set")


def _counts(manifest: Manifest) -> list[tuple[str, list[int]]]:
    return [(shard.name, [block.samples for block in shard.blocks]) for shard in manifest.shards]
