"""The images of a stream, cut into shards in the order in which they are read. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.packing.plan.faults import check_fault, limited
from wds_imagenet.packing.plan.sample_size import content_size, overhead
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.plan.source_urls import describe
from wds_imagenet.packing.plan.stream_plan import StreamPlan
from wds_imagenet.packing.plan.stream_schema import check
from wds_imagenet.sample import check_key


@dataclass(frozen=True, slots=True)
class FullShard:
    """The task of building one shard of a stream, with the bytes of its images."""

    task: ShardTask
    images: tuple[StreamedImage, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """The shard's name."""
        return self.task.name

    @property
    def input_bytes(self) -> int:
        """Bytes that the stream gave for its samples."""
        return sum(image.size for image in self.images)

    @property
    def unread(self) -> list[Reference]:
        """Its samples with only those attachments that lie in files of their own."""
        return [
            replace(image.reference, attachments=image.reference.attachments[len(image.attached) :])
            for image in self.images
        ]

    def attached(self, read: Iterable[tuple[bytes, ...]]) -> Iterator[tuple[bytes, ...]]:
        """Yield the bytes of each sample's attachments, given those that were read from files."""
        return (image.attached + more for image, more in zip(self.images, read, strict=True))


def cut_shards(images: Iterable[StreamedImage], plan: StreamPlan) -> Iterator[FullShard]:
    """Yield the shards of a stream, each when the next sample has no room in it.

    An image that cannot be used takes no room. It joins the shard that is being filled.

    Holds one shard in memory.

    Raises:
        SourceError: a sample contradicts the stream's declaration, or two samples of one shard have the
            same key; the message names the member.
    """
    options = plan.options
    samples: dict[str, StreamedImage] = {}
    unusable: list[StreamedImage] = []
    size = number = 0
    for image in images:
        reference = limited(image.reference, len(image.data), options.max_image_bytes)
        if reference is not image.reference:
            image = replace(image, reference=reference, data=b"")  # noqa: PLW2901 - releases the memory
        check_fault(reference, options)
        if reference.fault is not None:
            unusable.append(image)
            continue
        _check(reference, plan, samples)
        length = content_size(reference, len(image.data), options) + overhead(plan.schema)
        if options.samples_per_shard is not None:
            full = len(samples) >= options.samples_per_shard
        else:
            full = bool(samples) and size + length > options.shard_bytes
        if full:
            yield _full(plan.shard_name(number), samples, unusable)
            samples, unusable, size, number = {}, [], 0, number + 1
        samples[reference.key] = image
        size += length
    if samples or unusable:
        yield _full(plan.shard_name(number), samples, unusable)


def _full(name: str, samples: dict[str, StreamedImage], unusable: list[StreamedImage]) -> FullShard:
    images = (*unusable, *samples.values())
    return FullShard(ShardTask(name, tuple(image.reference for image in images)), images)


def _check(reference: Reference, plan: StreamPlan, samples: dict[str, StreamedImage]) -> None:
    try:
        check_key(reference.key)
        check(reference, plan.schema)
    except DataError as error:
        error.add_note(f"of {describe(reference)}")
        raise
    if reference.key in samples:
        raise SourceError(
            f"{describe(samples[reference.key].reference)} and {describe(reference)} have the same key "
            f"{reference.key!r}: rename one in the source"
        )
