"""What packing tells of itself: while it goes on, and in the end."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How far packing has come; given for every shard that is done, those of an earlier run first.

    Of a stream, only the end tells how many shards and samples there are: they are None.
    """

    shards_done: int
    shards: int | None
    samples_done: int
    samples: int | None
    bytes_done: int
    """Of shards; of a stream, of what came with their samples."""
    bytes_expected: int | None
    """In the end, by the sizes that the source told; None if it did not."""
    seconds: float


@dataclass(frozen=True, slots=True)
class PackReport:
    """What packing came to."""

    url: str
    """Of the data set."""
    manifest: str | None
    """The manifest's URL; None after a dry run."""
    plan: str
    """The plan's fingerprint."""
    shards: int
    """After a dry run of a stream, about how many are expected; 0 where only reading it would tell."""
    resumed: int
    """How many of the shards an earlier run had finished."""
    samples: int
    """In the data set; after a dry run, how many are planned, 0 where only reading a stream would tell."""
    bytes: int
    """Of all shards; after a dry run, about how many are expected, 0 where that is not known."""
    skipped: int
    repaired: int
    notes: tuple[str, ...]
    """What a person ought to hear."""
    seconds: float
    turned: int = 0
    already: bool = False
    """Whether all was finished before, and nothing had to be done."""

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)
