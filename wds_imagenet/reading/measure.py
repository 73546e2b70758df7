"""Measure a loader, and say what holds it back."""

import resource
import sys
import time
from dataclasses import dataclass

from wds_imagenet.reading.loader import Loader
from wds_imagenet.reading.stats import Stats


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a run of a loader came to, with a consumer that does nothing."""

    stats: Stats
    seconds: float
    cpu_seconds: float
    """Of the whole process."""
    peak_bytes: int
    """Resident memory at its highest since the process began."""
    threads: int

    @property
    def images_per_second(self) -> float:
        """Samples handed out a second, from the first request on."""
        return self.stats.samples / self.seconds

    @property
    def decoding(self) -> float:
        """The part of the decoding threads' time in which they were at work."""
        return self.stats.transform_cpu_seconds / (self.seconds * self.threads)

    @property
    def starved(self) -> float:
        """The part of the decoding threads' time in which they waited for blocks."""
        return self.stats.starved_seconds / (self.seconds * self.threads)

    @property
    def fetch_rate(self) -> float:
        """Bytes fetched a second."""
        return self.stats.bytes / self.seconds


def measure(loader: Loader, seconds: float) -> Measurement:
    """Iterate epoch after epoch until the time is up, at least one batch."""
    began, cpu = time.perf_counter(), time.process_time()
    ends = began + seconds
    while time.perf_counter() < ends:
        for _ in loader:
            if time.perf_counter() >= ends:
                break
    return Measurement(
        stats=loader.stats(),
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        peak_bytes=peak_bytes(),
        threads=loader.threads,
    )


def verdict(measured: Measurement) -> str:
    """Return one sentence that names the bottleneck and what would widen it."""
    stats, starved, decoding = measured.stats, measured.starved, measured.decoding
    if starved > 0.3:
        return (
            f"The store is the bottleneck: decoding threads waited for blocks {starved:.0%} of their time, "
            f"while {measured.fetch_rate / 1e6:,.0f} MB/s arrived; a nearer or faster store, or smaller "
            "images (pack --jpeg resize=…), would help."
        )
    if decoding > 0.7:
        each = stats.transform_cpu_seconds / max(stats.samples, 1)
        return (
            f"Decoding is the bottleneck: {measured.threads} threads were at it {decoding:.0%} of their "
            f"time, {each * 1e3:.2f} ms an image; more cores, or smaller images (pack --jpeg resize=…), "
            "would help, a faster store would not."
        )
    return (
        f"Neither store nor decoding is the bottleneck (threads decoded {decoding:.0%} and waited for blocks "
        f"{starved:.0%} of their time): other work on this machine, or Python's lock between threads, takes "
        "the rest."
    )


def peak_bytes() -> int:
    """Return the highest resident memory of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
