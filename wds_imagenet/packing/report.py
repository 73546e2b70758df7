"""Progress while packing runs, and the reports at its end."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PackProgress:
    """Progress of packing, given for every shard that is done, those of earlier runs first."""

    shards_done: int
    """Shards that are at the destination."""
    shards: int | None
    """All shards; None for a stream, whose number is known only at its end."""
    samples_done: int
    """Samples of these shards."""
    samples: int | None
    """All samples; None for a stream that does not state them."""
    bytes_done: int
    """Bytes of the finished shards; of a stream, bytes that it gave for their samples."""
    bytes_expected: int | None
    """The final `bytes_done`, estimated from the sizes that the source lists; None without them."""
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
    """Shards of the data set; after a dry run of a stream an estimate, 0 without one."""
    resumed: int
    """Shards that an earlier run had finished."""
    samples: int
    """Samples of the data set; after a dry run of a stream, 0 if it does not state them."""
    bytes: int
    """Bytes of all shards; after a dry run an estimate, 0 without one."""
    skipped: int
    """Images that were left out."""
    repaired: int
    """Images that were repaired."""
    notes: tuple[str, ...]
    """Facts that a user ought to read."""
    seconds: float
    """Seconds from the listing to the manifest."""
    rotated: int = 0
    """Images that were rotated."""
    already: bool = False
    """True if an earlier run had finished everything, and nothing was done."""

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
    """Tars of the layer: as many as the data set has, or none for a layer of classes alone."""
    resumed: int
    """Tars that an earlier run had finished."""
    bytes: int
    """Bytes of the layer's tars; 0 after a dry run."""
    notes: tuple[str, ...]
    """Facts that a user ought to read."""
    seconds: float
    """Seconds of the whole run."""

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)
