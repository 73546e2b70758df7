"""What the samples of a data set are like, by a random part of them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import DataError
from wds_imagenet.images.probe import probe
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.fetch import BlockLocation
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import mix, permutation
from wds_imagenet.util.threads import thread_pool
from wds_imagenet.view.histogram import Histogram, histogram
from wds_imagenet.view.tags import Classes, Tag, tags_of

MOST_BYTES: Final = 32 << 20
MOST_SAMPLES: Final = 2000
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What one sample is like."""

    width: int
    """In pixels as stored; 0 if it has no image that can be read."""
    height: int
    size: int
    """Of the image, in bytes."""
    tags: tuple[tuple[str, str], ...]
    """Kinds and names of what is in the picture."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a part of the samples is like."""

    samples: int
    """How many were looked at."""
    whole: bool
    """Whether those are all."""
    unreadable: int
    """How many have no image, or one whose header cannot be read."""
    sizes: tuple[Histogram, ...]
    """Of widths, heights and bytes."""
    labels: dict[str, list[tuple[str, int]]]
    """For each kind of label the most frequent, with their counts."""


def survey(dataset: Dataset, *, seed: int = 0, most_bytes: int = MOST_BYTES, frequent: int = 40) -> Survey:
    """Look at random blocks until `MOST_SAMPLES` samples or `most_bytes` bytes are read; at one at least.

    The same seed looks at the same samples. Costs a request a block, from four threads. Raises what
    reading a block raises.
    """
    chosen = list(_choose(dataset.block_locations, seed, most_bytes))
    classes = dataset.classes

    def look_at(location: BlockLocation) -> list[Look]:
        return [_look(sample, classes) for sample in dataset.blocks.samples(location)]

    with thread_pool(_THREADS, "overview") as threads:
        looks = [look for block in threads.map(look_at, chosen) for look in block]
    return _sum_up(looks, whole=len(looks) == len(dataset), frequent=frequent)


def _choose(block_locations: list[BlockLocation], seed: int, most_bytes: int) -> Iterator[BlockLocation]:
    size = samples = 0
    for place in permutation(mix(seed), len(block_locations)).tolist():
        block = block_locations[place].block
        if samples and (size + block.size > most_bytes or samples >= MOST_SAMPLES):
            return
        size, samples = size + block.size, samples + block.samples
        yield block_locations[place]


def _look(sample: Sample, classes: Classes) -> Look:
    width = height = size = 0
    tags: list[Tag] = []
    with suppress(DataError):  # a sample without an image is counted; its own page says what it lacks
        data = sample.members[sample.suffix]
        header = probe(data)
        width, height, size = header.width, header.height, len(data)
    with suppress(DataError):
        tags = tags_of(sample.label, sample.json, classes)
    return Look(width, height, size, tuple((tag.kind, tag.name) for tag in tags))


def _sum_up(looks: list[Look], *, whole: bool, frequent: int) -> Survey:
    seen = [look for look in looks if look.width]
    drawn = [
        histogram("Width in pixels", [look.width for look in seen]),
        histogram("Height in pixels", [look.height for look in seen]),
        histogram("Size of the file in kB", [look.size / 1000 for look in seen]),
    ]
    counts: dict[str, Counter[str]] = {}
    for look in looks:
        for kind, name in look.tags:
            counts.setdefault(kind, Counter())[name] += 1
    return Survey(
        samples=len(looks),
        whole=whole,
        unreadable=len(looks) - len(seen),
        sizes=tuple(one for one in drawn if one is not None),
        labels={kind: counter.most_common(frequent) for kind, counter in counts.items()},
    )
