"""Measure a loader, and name its bottleneck."""

import resource
import sys
import time
from dataclasses import dataclass
from itertools import chain, repeat

from wds_imagenet.reading.batches.stats import Stats
from wds_imagenet.reading.loader import Loader
from wds_imagenet.util.processes import usable_cpus


@dataclass(frozen=True, slots=True)
class Measurement:
    """A run of a loader after its first batch, with a consumer that does nothing."""

    stats: Stats
    seconds: float
    cpu_seconds: float
    """CPU time of this process, and of the loader's child process."""
    peak_bytes: int
    """The highest resident memory of both since they began; shared memory counts twice."""
    threads: int
    processors: int

    @property
    def images_per_second(self) -> float:
        """Samples handed out each second."""
        return self.stats.samples / self.seconds

    @property
    def busy(self) -> float:
        """The fraction of the processors that was in use."""
        return self.cpu_seconds / (self.seconds * self.processors)

    @property
    def starved(self) -> float:
        """The fraction of the decoding threads' time in which they waited for blocks."""
        return self.stats.starved_seconds / (self.seconds * self.threads)

    @property
    def fetch_rate(self) -> float:
        """Bytes fetched each second."""
        return self.stats.bytes / self.seconds


def measure(loader: Loader, seconds: float) -> Measurement:
    """Iterate for so many seconds after the first batch, at least to the second; then close the loader."""
    epochs = chain.from_iterable(repeat(loader))
    next(epochs)
    before, began, cpu = loader.stats(), time.perf_counter(), time.process_time()
    for _ in epochs:
        if time.perf_counter() - began >= seconds:
            break
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    stats = loader.stats().since(before)
    peak = peak_bytes(resource.RUSAGE_SELF)
    loader.close()
    if stats.process_cpu_seconds:
        peak += peak_bytes(resource.RUSAGE_CHILDREN)
    return Measurement(
        stats=stats,
        seconds=took,
        cpu_seconds=cpu + stats.process_cpu_seconds,
        peak_bytes=peak,
        threads=loader.threads,
        processors=usable_cpus(),
    )


def verdict(measured: Measurement) -> str:
    """Return one sentence that names the bottleneck, and the change that would help."""
    stats, starved, busy = measured.stats, measured.starved, measured.busy
    if busy > 0.75:
        decoding = stats.transform_cpu_seconds / max(measured.cpu_seconds, 1e-9)
        each = stats.transform_cpu_seconds / max(stats.samples, 1)
        return (
            f"The processors are the bottleneck: {busy:.0%} of them was in use, {decoding:.0%} of that to "
            f"decode and resize ({each * 1e3:.2f} ms an image); more cores, or smaller images (pack "
            "--jpeg resize=…), would help, a faster store would not."
        )
    if starved > 0.2:
        return (
            f"The store is the bottleneck: decoding threads waited for blocks {starved:.0%} of their time, "
            f"while {measured.fetch_rate / 1e6:,.0f} MB/s arrived; a nearer or faster store, or smaller "
            "images (pack --jpeg resize=…), would help."
        )
    return (
        f"Other programs are the bottleneck, or too few threads: ours used {busy:.0%} of the processors and "
        f"waited for the store {starved:.0%} of the time; try --threads, or an idle machine."
    )


def peak_bytes(who: int) -> int:
    """Return the highest resident memory, in bytes, of this process or of its largest child that ended."""
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
