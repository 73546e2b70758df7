"""The work that a loader has done so far, and the time that each stage took."""

import threading
from dataclasses import dataclass, field, fields
from typing import Final

_IDLE: Final = 0.1  # of the loop's time: below it, a faster loader would not help
_STARVED: Final = 0.4  # of the decoding threads' time
_TINY: Final = 1e-9


@dataclass(slots=True)
class Stats:
    """Sums since you made the loader. The seconds of a stage are the sum over the threads of the stage.

    Attributes:
        samples: samples handed out, without padding.
        batches: batches handed out.
        skipped: bad samples left out, with `on_bad="skip"`.
        blocks: blocks fetched, one ranged request each.
        bytes: bytes fetched.
        plan_cpu_seconds: CPU time of the thread that iterates, to plan batches and to hand them over.
        fetch_seconds: wall time of ranged reads and their checksums.
        fetch_cpu_seconds: CPU time of ranged reads and their checksums.
        walk_cpu_seconds: CPU time to find the samples in verified blocks.
        transform_seconds: wall time to decode, crop and resize, and of the user's own transform.
        transform_cpu_seconds: CPU time to decode, crop and resize, and of the user's own transform.
        native_cpu_seconds: the part of `transform_cpu_seconds` in the native engine, without the GIL.
        own_cpu_seconds: the part of `transform_cpu_seconds` in the user's own transform, without decoding.
        process_cpu_seconds: all CPU time of the loader's own process after its start, with `process=True`.
        starved_seconds: wall time in which decoding threads waited for blocks.
        wait_seconds: wall time in which the consumer waited for a batch.
        consumer_seconds: wall time that the consumer spent between two batches.
        first_batch_seconds: wall time from the first request to the first batch of the latest epoch.
    """

    samples: int = 0
    batches: int = 0
    skipped: int = 0
    blocks: int = 0
    bytes: int = 0
    plan_cpu_seconds: float = 0.0
    fetch_seconds: float = 0.0
    fetch_cpu_seconds: float = 0.0
    walk_cpu_seconds: float = 0.0
    transform_seconds: float = 0.0
    transform_cpu_seconds: float = 0.0
    native_cpu_seconds: float = 0.0
    own_cpu_seconds: float = 0.0
    process_cpu_seconds: float = 0.0
    starved_seconds: float = 0.0
    wait_seconds: float = 0.0
    consumer_seconds: float = 0.0
    first_batch_seconds: float = 0.0

    @property
    def interpreter_cpu_seconds(self) -> float:
        """CPU time to plan batches, find samples and set labels; under the GIL with the native engine."""
        return (
            self.plan_cpu_seconds
            + self.walk_cpu_seconds
            + self.transform_cpu_seconds
            - self.native_cpu_seconds
        )

    def verdict(self) -> str:
        """Return one sentence that names the bottleneck, and the change that would help.

        The bottleneck is the training loop, the store, a transform in Python, or decoding. The first seconds
        of a loader are not typical: they fetch a block for each lane.
        """
        wall = self.wait_seconds + self.consumer_seconds
        if not self.batches or wall <= 0:
            return "The bottleneck is unknown: no batch was handed out yet."
        waited = self.wait_seconds / wall
        if waited < _IDLE:
            each = self.consumer_seconds / self.batches
            return (
                f"The training loop is the bottleneck: it takes {each * 1e3:,.1f} ms a batch, and waits for "
                f"the loader {waited:.0%} of the time."
            )
        starved = self.starved_seconds / max(self.starved_seconds + self.transform_seconds, _TINY)
        if starved > _STARVED:
            return (
                f"The store is the bottleneck: decoding threads waited for blocks {starved:.0%} of their "
                f"time, while {self.bytes / wall / 1e6:,.1f} MB/s arrived; a nearer or faster store, or "
                "smaller images (pack --jpeg resize=…), would help."
            )
        own = self.own_cpu_seconds / max(self.transform_cpu_seconds, _TINY)
        each = self.transform_cpu_seconds / max(self.samples, 1) * 1e3
        if own > 0.5:
            advice = (
                "it has its own process already, so use a DataLoader of IterableDataset with num_workers="
                if self.process_cpu_seconds
                else "process=True keeps it from holding the GIL of the training loop"
            )
            return (
                f"The transform in Python is the bottleneck: it takes {own * each:,.2f} ms "
                f"an image, {own:.0%} of the decoding threads' CPU time; {advice}."
            )
        return (
            f"Decoding is the bottleneck: {each:,.2f} ms of CPU time an "
            "image; more cores, or smaller images (pack --jpeg resize=…), would help, not a faster store."
        )

    def since(self, before: "Stats") -> "Stats":
        """Return the sums added after the snapshot `before`, with the `first_batch_seconds` of `before`."""
        added = {f.name: getattr(self, f.name) - getattr(before, f.name) for f in fields(self)}
        return Stats(**{**added, "first_batch_seconds": before.first_batch_seconds})


@dataclass(slots=True)
class Meter:
    """Stats to which several threads add."""

    stats: Stats = field(default_factory=Stats)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **amounts: float) -> None:
        """Add to the named sums. Costs about a microsecond."""
        with self.lock:
            for name, amount in amounts.items():
                setattr(self.stats, name, getattr(self.stats, name) + amount)

    def drain(self) -> dict[str, float]:
        """Return the sums, and reset them to zero."""
        with self.lock:
            stats, self.stats = self.stats, Stats()
        return {f.name: getattr(stats, f.name) for f in fields(Stats)}

    def snapshot(self) -> Stats:
        """Return a copy that no longer changes."""
        with self.lock:
            return Stats(**{f.name: getattr(self.stats, f.name) for f in fields(Stats)})
