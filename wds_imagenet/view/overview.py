"""Summarise a random part of the samples: histograms of sizes, and the most frequent labels."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import DataError
from wds_imagenet.images.probe import probe
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.fetch_blocks import BlockLocation
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import mix, permutation
from wds_imagenet.util.threads import thread_pool
from wds_imagenet.view.histogram import Histogram, histogram
from wds_imagenet.view.tags import Classes, Tag, tags_of

MAX_BYTES: Final = 32 << 20
MAX_SAMPLES: Final = 2000
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class _SampleSummary:
    """The size and the labels of one sample."""

    width: int
    """Stored width in pixels; 0 if no image can be read."""
    height: int
    size: int
    """Bytes of the image."""
    tags: tuple[tuple[str, str], ...]
    """Kind and name of each tag."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A summary of some or all samples of a data set."""

    samples: int
    """Number of samples that were read."""
    complete: bool
    """True if these are all samples of the data set."""
    unreadable: int
    """Number of samples without a readable image header."""
    sizes: tuple[Histogram, ...]
    """Histograms of width, height and bytes."""
    labels: dict[str, list[tuple[str, int]]]
    """The most frequent labels of each kind, with their counts."""


def make_overview(
    dataset: Dataset, *, seed: int = 0, max_bytes: int = MAX_BYTES, labels_per_kind: int = 40
) -> Overview:
    """Read random blocks, and summarise their samples.

    One seed reads the same samples every time. Costs a request a block, from four threads.

    Args:
        dataset: The data set.
        seed: Seed of the order of the blocks.
        max_bytes: Most bytes to read, besides one block; at most `MAX_SAMPLES` samples are read too.
        labels_per_kind: Labels to count of each kind.
    """
    chosen = list(_choose_blocks(dataset.block_locations, seed, max_bytes))
    classes = dataset.classes

    def summarise_block(location: BlockLocation) -> list[_SampleSummary]:
        return [_summarise(sample, classes) for sample in dataset.blocks.samples(location)]

    with thread_pool(_THREADS, "overview") as threads:
        summaries = [summary for block in threads.map(summarise_block, chosen) for summary in block]
    return _combine(summaries, complete=len(summaries) == len(dataset), labels_per_kind=labels_per_kind)


def _choose_blocks(locations: list[BlockLocation], seed: int, max_bytes: int) -> Iterator[BlockLocation]:
    size = samples = 0
    for index in permutation(mix(seed), len(locations)).tolist():
        block = locations[index].block
        if samples and (size + block.size > max_bytes or samples >= MAX_SAMPLES):
            return
        size, samples = size + block.size, samples + block.samples
        yield locations[index]


def _summarise(sample: Sample, classes: Classes) -> _SampleSummary:
    width = height = size = 0
    tags: list[Tag] = []
    with suppress(DataError):  # counted as unreadable; the page of the sample shows the error
        data = sample.members[sample.suffix]
        header = probe(data)
        width, height, size = header.width, header.height, len(data)
    with suppress(DataError):
        tags = tags_of(sample.label, sample.json, classes)
    return _SampleSummary(width, height, size, tuple((tag.kind, tag.name) for tag in tags))


def _combine(summaries: list[_SampleSummary], *, complete: bool, labels_per_kind: int) -> Overview:
    readable = [summary for summary in summaries if summary.width]
    histograms = [
        histogram("Width in pixels", [summary.width for summary in readable]),
        histogram("Height in pixels", [summary.height for summary in readable]),
        histogram("File size in kB", [summary.size / 1000 for summary in readable]),
    ]
    counts: dict[str, Counter[str]] = {}
    for summary in summaries:
        for kind, name in summary.tags:
            counts.setdefault(kind, Counter())[name] += 1
    return Overview(
        samples=len(summaries),
        complete=complete,
        unreadable=len(summaries) - len(readable),
        sizes=tuple(found for found in histograms if found is not None),
        labels={kind: counter.most_common(labels_per_kind) for kind, counter in counts.items()},
    )
