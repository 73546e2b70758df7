"""Tasks: one shard or one layer tar to be built, as a worker receives it. Light to import."""

from dataclasses import dataclass

from wds_imagenet.inputs.reference import Reference


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard's name and its samples, in their order."""

    name: str
    references: tuple[Reference, ...]

    @property
    def input_bytes(self) -> None:
        """None: progress counts the bytes of the finished shard."""
        return None


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One tar of a layer."""

    name: str
    references: tuple[Reference, ...]
    """Its samples, in their order. They have no image."""
    blocks: tuple[int, ...]
    """Samples in each block: as many as in the same block of the data set's shard."""

    @property
    def input_bytes(self) -> None:
        """None: progress counts the bytes of the finished tar."""
        return None
