"""What a loader has done so far, and where its time went."""

import threading
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Stats:
    """Sums since the loader was made. Seconds of a stage add up over its threads."""

    samples: int = 0
    """Samples handed out, padding not counted."""
    batches: int = 0
    skipped: int = 0
    blocks: int = 0
    """Blocks fetched: one ranged request each."""
    bytes: int = 0
    """Bytes fetched."""
    plan_cpu_seconds: float = 0.0
    """CPU time to plan batches and to hand them over, in the thread that iterates."""
    fetch_seconds: float = 0.0
    """Wall time in ranged reads and their checksums."""
    fetch_cpu_seconds: float = 0.0
    """CPU time of the same."""
    walk_cpu_seconds: float = 0.0
    """CPU time to find the samples in verified blocks."""
    transform_cpu_seconds: float = 0.0
    """CPU time to decode, crop and resize, and in the user's own transform."""
    native_cpu_seconds: float = 0.0
    """Of that, what the native engine took without the GIL."""
    process_cpu_seconds: float = 0.0
    """All CPU time of the loader's own process, which there is with `process=True`, its start excepted."""
    starved_seconds: float = 0.0
    """Wall time in which decoding threads waited for blocks."""
    wait_seconds: float = 0.0
    """Wall time in which the consumer waited for a batch."""
    consumer_seconds: float = 0.0
    """Wall time that the consumer spent between two batches."""
    first_batch_seconds: float = 0.0
    """Wall time from the first request to the first batch, of the latest epoch."""

    @property
    def interpreter_cpu_seconds(self) -> float:
        """CPU time to plan, find samples and label them: under the GIL, if the native engine decodes."""
        return (
            self.plan_cpu_seconds
            + self.walk_cpu_seconds
            + self.transform_cpu_seconds
            - self.native_cpu_seconds
        )

    def since(self, before: "Stats") -> "Stats":
        """Return what was added since the sums were `before`, which has the wait for the first batch."""
        added = {f.name: getattr(self, f.name) - getattr(before, f.name) for f in fields(self)}
        return Stats(**{**added, "first_batch_seconds": before.first_batch_seconds})


@dataclass(slots=True)
class Meter:
    """Stats that several threads add to."""

    stats: Stats = field(default_factory=Stats)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **amounts: float) -> None:
        """Add to the named sums. Costs about a microsecond."""
        with self.lock:
            for name, amount in amounts.items():
                setattr(self.stats, name, getattr(self.stats, name) + amount)

    def drain(self) -> dict[str, float]:
        """Return the sums, and begin again at nothing."""
        with self.lock:
            stats, self.stats = self.stats, Stats()
        return {f.name: getattr(stats, f.name) for f in fields(Stats)}

    def snapshot(self) -> Stats:
        """Return a copy that no longer changes."""
        with self.lock:
            return Stats(**{f.name: getattr(self.stats, f.name) for f in fields(Stats)})
