"""One fault of a data set, with its place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a data set.

    Attributes:
        what: the fault, in a sentence.
        shard: the shard's name, with its folder for a layer's shard; None for a fault of the whole.
        offset: the first byte of the block in its shard, or the first byte of a file that differs; None for a
            fault of the whole shard or file.
        key: the sample's key; None for a fault of the whole block.
        file: the path of a file that is no shard; None for a fault of a shard or of the whole.
    """

    what: str
    shard: str | None = None
    offset: int | None = None
    key: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        where = [self.file, self.shard, None if self.offset is None else f"offset {self.offset:,}", self.key]
        return ": ".join([", ".join(part for part in where if part), self.what]).removeprefix(": ")
