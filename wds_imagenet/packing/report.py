"""Progress while packing runs, and the reports at its end."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wds_imagenet.shown import shown_text


@dataclass(frozen=True, slots=True)
class PackProgress:
    """The progress of packing, reported after each finished shard, also for the shards of earlier runs."""

    shards_done: int
    """Shards that are at the destination."""
    shards: int | None
    """Number of all shards. None for a stream: its number of shards is known only at its end."""
    samples_done: int
    """Samples of these shards."""
    samples: int | None
    """All samples; None for a stream that does not state them."""
    bytes_done: int
    """Bytes of the finished shards. For a stream: the bytes that were read from it for these shards."""
    bytes_expected: int | None
    """An estimate of the final `bytes_done`, from the sizes that the source lists. None if it lists none."""
    seconds: float
    """Seconds since the first shard was begun."""


@dataclass(frozen=True, slots=True)
class PackReport:
    """The result of packing a data set."""

    url: str
    """The URL of the data set."""
    manifest: str | None
    """The URL of the manifest; None after a dry run."""
    plan: str
    """The fingerprint of the plan."""
    shards: int
    """Number of shards. After a dry run of a stream, this is an estimate, or 0 if there is none."""
    resumed: int
    """Shards that an earlier run had finished."""
    samples: int
    """Number of samples. After a dry run of a stream, this is 0 if the stream does not state the number."""
    bytes: int
    """Bytes of all shards. After a dry run, this is an estimate, or 0 if there is none."""
    skipped: int
    """Images that were left out."""
    repaired: int
    """Images that were repaired."""
    notes: tuple[str, ...]
    """Remarks for the user."""
    seconds: float
    """Seconds from the listing to the manifest."""
    rotated: int = 0
    """Images that were rotated."""
    already: bool = False
    """True if an earlier run had finished the data set, so that this run did nothing."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(map(shown_text, self.notes)))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LayerReport:
    """The result of adding a label layer to a data set."""

    url: str
    """The URL of the data set."""
    layer: str
    """The name of the layer."""
    manifest: str | None
    """The URL of the layer's manifest; None after a dry run."""
    samples: int
    """Samples of the data set."""
    suffixes: tuple[str, ...]
    """Members that the layer has for each sample."""
    fields: Mapping[str, str]
    """Fields that the layer adds to the JSON, with their types."""
    classes: tuple[str, ...]
    """Fields that the layer adds to the class table of the data set."""
    shards: int
    """Number of tars of the layer: one per shard, or 0 if the layer has only class names."""
    resumed: int
    """Tars that an earlier run had finished."""
    bytes: int
    """Bytes of the layer's tars; 0 after a dry run."""
    notes: tuple[str, ...]
    """Remarks for the user."""
    seconds: float
    """Seconds of the whole run."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(map(shown_text, self.notes)))

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)
