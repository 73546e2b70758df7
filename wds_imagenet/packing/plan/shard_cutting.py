"""Arrivals → full shards, in the order in which they come. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.packing.plan.listing_plan import expected_size
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.plan.source_urls import describe
from wds_imagenet.packing.plan.stream_plan import StreamPlan
from wds_imagenet.packing.plan.stream_schema import check
from wds_imagenet.sample import check_key


@dataclass(frozen=True, slots=True)
class FullShard:
    """A shard to be built, and what goes into it."""

    task: ShardTask
    arrivals: tuple[StreamedImage, ...] = field(repr=False)

    @property
    def images(self) -> Iterator[bytes]:
        """The bytes of its images."""
        return (arrival.data for arrival in self.arrivals)

    @property
    def elsewhere(self) -> list[Reference]:
        """Its samples with those attachments that did not come with them, and are to be read."""
        return [
            replace(arrival.reference, attachments=arrival.reference.attachments[len(arrival.attached) :])
            for arrival in self.arrivals
        ]

    def attached(self, read: Iterable[tuple[bytes, ...]]) -> Iterator[tuple[bytes, ...]]:
        """Yield the bytes of each sample's attachments, given those that were read."""
        return (arrival.attached + more for arrival, more in zip(self.arrivals, read, strict=True))

    @property
    def size(self) -> int:
        """How many bytes came with its samples."""
        return sum(arrival.size for arrival in self.arrivals)


def fill(arrivals: Iterable[StreamedImage], plan: StreamPlan) -> Iterator[FullShard]:
    """Yield the shards of a stream, each when the next sample has no room in it.

    Holds one shard. Raises `SourceError`, naming the member, for a sample that is not as the
    stream declared, and for two with one key in one shard, which would be taken for one.
    """
    options = plan.options
    held: dict[str, StreamedImage] = {}
    size = number = 0
    for arrival in arrivals:
        reference = arrival.reference
        _check(reference, plan, held)
        length = expected_size(reference, len(arrival.data), plan.schema, options)
        if options.samples_per_shard is not None:
            full = len(held) >= options.samples_per_shard
        else:
            full = bool(held) and size + length > options.shard_bytes
        if full:
            yield _full(plan.shard_name(number), held)
            held, size, number = {}, 0, number + 1
        held[reference.key] = arrival
        size += length
    if held:
        yield _full(plan.shard_name(number), held)


def _full(name: str, held: dict[str, StreamedImage]) -> FullShard:
    arrivals = tuple(held.values())
    return FullShard(ShardTask(name, tuple(arrival.reference for arrival in arrivals)), arrivals)


def _check(reference: Reference, plan: StreamPlan, held: dict[str, StreamedImage]) -> None:
    try:
        check_key(reference.key)
        check(reference, plan.schema)
    except DataError as error:
        error.add_note(f"of {describe(reference)}")
        raise
    if reference.key in held:
        raise SourceError(
            f"{describe(held[reference.key].reference)} and {describe(reference)} have the same key "
            f"{reference.key!r}: name them apart in the source"
        )
