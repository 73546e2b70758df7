"""Builders: from a task to a shard's file and its receipt, one class for each kind of packing. Picklable."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from wds_imagenet.errors import ImageError
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.layer_shard import build_layer_shard
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.build.shard import Recipe, build_shard
from wds_imagenet.packing.plan.schema import Schema
from wds_imagenet.packing.plan.shard_cutting import FullShard
from wds_imagenet.packing.plan.shard_task import LayerTask, ShardTask

TaskIn = TypeVar("TaskIn", contravariant=True)  # noqa: PLC0105 - named as it is used


class Builder(Protocol[TaskIn]):
    """Builds the shard of a task. An engine pickles it to send it to other processes."""

    def __call__(self, task: TaskIn, file: Path) -> Receipt:
        """Write the shard to the file, and return its receipt. Raises as `build_shard` does."""


@dataclass(frozen=True, slots=True)
class ListingBuilder:
    """Builds a shard from the references of a listing."""

    recipe: Recipe
    fetch: Fetch

    def __call__(self, task: ShardTask, file: Path) -> Receipt:
        """Read the images and attachments, and build the shard."""
        references = task.references
        with (
            closing(self.fetch.images(references, self.recipe.options.max_image_bytes)) as images,
            closing(self.fetch.attached(references)) as attached,
        ):
            return build_shard(task, self.recipe, images, file, attached)


@dataclass(frozen=True, slots=True)
class StreamBuilder:
    """Builds a shard from images that a stream gave, and attachments in files."""

    recipe: Recipe
    fetch: Fetch

    def __call__(self, task: FullShard, file: Path) -> Receipt:
        """Read the attachments that did not come with the stream, and build the shard."""
        faults = (image.reference.fault for image in task.images)
        images = (
            image.data if fault is None else ImageError(fault)
            for image, fault in zip(task.images, faults, strict=True)
        )
        with closing(self.fetch.attached(task.unread)) as read:
            return build_shard(task.task, self.recipe, images, file, task.attached(read))


@dataclass(frozen=True, slots=True)
class LayerBuilder:
    """Builds a tar of a layer from the annotations of label files."""

    plan: str
    """The fingerprint of the layer's plan."""
    schema: Schema
    fetch: Fetch

    def __call__(self, task: LayerTask, file: Path) -> Receipt:
        """Read the attachments, and build the tar."""
        with closing(self.fetch.attached(task.references)) as attached:
            return build_layer_shard(task, self.plan, self.schema, attached, file)
