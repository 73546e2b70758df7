"""One shard to be built: what a worker is sent. Light to import, for every worker does."""

from dataclasses import dataclass

from wds_imagenet.inputs.reference import Reference


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard's name and its samples, in their order."""

    name: str
    references: tuple[Reference, ...]
