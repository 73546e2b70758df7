"""The facts of a data set that its manifest records. Pure, and no sample is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.view.class_table import ClassTable, make_class_table
from wds_imagenet.view.tags import Classes


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """The counts, sizes, shards, layers and classes of a data set."""

    url: str
    name: str
    split: str
    fingerprint: str
    samples: int
    size: int
    """Bytes of all shards."""
    blocks: int
    suffixes: tuple[str, ...]
    """Members of every sample; empty if samples differ."""
    shards: tuple[Shard, ...]
    layers: tuple[str, ...]
    """Layers whose labels are shown."""
    other_layers: tuple[str, ...]
    """Layers beside the data set that are not shown."""
    classes: ClassTable


def make_dataset_info(
    url: str, manifest: Manifest, classes: Classes, layers: Sequence[str], all_layers: Sequence[str]
) -> DatasetInfo:
    """Return the facts of a data set.

    Args:
        url: The folder of the data set.
        manifest: Its manifest.
        classes: Its classes by label, with the names that layers add.
        layers: The layers that are shown.
        all_layers: All layers beside the data set.
    """
    return DatasetInfo(
        url=url,
        name=manifest.name,
        split=manifest.split,
        fingerprint=manifest.fingerprint,
        samples=manifest.samples,
        size=manifest.size,
        blocks=sum(len(shard.blocks) for shard in manifest.shards),
        suffixes=manifest.suffixes,
        shards=manifest.shards,
        layers=tuple(layers),
        other_layers=tuple(name for name in all_layers if name not in layers),
        classes=make_class_table(classes),
    )
