"""Read samples by index or by class, for several threads."""

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wds_imagenet.errors import CorruptError
from wds_imagenet.reading.dataset import Dataset, own
from wds_imagenet.reading.fetch_blocks import BlockLocation
from wds_imagenet.sample import Sample
from wds_imagenet.util.threads import thread_pool
from wds_imagenet.view.item import Item, make_item
from wds_imagenet.view.tags import labels_of

MAX_SEARCH_BYTES: Final = 128 << 20
"""Most bytes that one call of `find` reads."""
_CACHED_BLOCKS: Final = 48
_CACHED_CLASSES: Final = 8
_THREADS: Final = 4
_BLOCKS_AT_ONCE: Final = 8
_UNREADABLE: Final = -(1 << 62)  # never a label: a label has at most 18 digits


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The samples of a class that one search found."""

    indices: list[int]
    stop: int
    """Start of the next search; the number of samples at the end of the data set."""
    unreadable: int
    """Number of samples whose labels cannot be read."""


class ItemReader:
    """Reads samples of one data set for several threads, and caches the last blocks.

    Costs one request of a block (2 MiB) for neighbouring samples, and the memory of 48 blocks.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset: Final = dataset
        self.class_names: Final = {
            str(item["wnid"]): str(item["name"]) for item in dataset.classes if {"wnid", "name"} <= set(item)
        }
        """The names of the classes by WNID."""
        self._locks: Final = [threading.Lock() for _ in range(_CACHED_BLOCKS)]
        self._block: Final = lru_cache(_CACHED_BLOCKS)(self._read_block)
        self._labels: Final[dict[int, array[int]]] = {}
        self._by_key: Final = lru_cache(_CACHED_CLASSES)(self._find_by_key)

    def sample(self, index: int) -> Sample:
        """Return a sample by its index. Raises `IndexError`, or an error of reading its block."""
        return own(self._locate(index)[1])

    def item(self, index: int) -> Item:
        """Return a sample as it is shown. Raises `IndexError`, or an error of reading its block."""
        location, sample = self._locate(index)
        return make_item(sample, index, location, self.dataset.classes, self.class_names)

    def items(self, indices: Sequence[int]) -> list[Item]:
        """Return several samples as they are shown. Four threads read their blocks."""
        with thread_pool(_THREADS, "items") as threads:
            return list(threads.map(self.item, indices))

    def find(self, label: int, start: int, count: int) -> SearchResult:
        """Return samples of a class, from an index on.

        Costs one request of the keys if they begin with the WNID, as in ImageNet, and their number is that of
        the class. Otherwise four threads read blocks, at most `MAX_SEARCH_BYTES`; the labels of a block
        are then remembered, in 16 bytes a sample.

        Args:
            label: The class.
            start: First index of the search.
            count: Most samples to return.
        """
        by_key = self._by_key(label)
        if by_key is not None:
            found = by_key[bisect_left(by_key, start) :][:count]
            if all(item.label == label for item in self.items(found)):
                stop = found[-1] + 1 if len(found) == count else len(self.dataset)
                return SearchResult(found, stop, 0)
        return self._scan(label, start, count)

    def _locate(self, index: int) -> tuple[BlockLocation, Sample]:
        if not 0 <= index < len(self.dataset):
            raise IndexError(f"sample {index} of {len(self.dataset)}")
        block = self._block_index(index)
        location = self.dataset.block_locations[block]
        # A browser requests all pictures of a page at once, and they lie in one block: it is read once.
        with self._locks[block % _CACHED_BLOCKS]:
            samples = self._block(block)
        return location, samples[index - location.first_sample]

    def _block_index(self, index: int) -> int:
        locations = self.dataset.block_locations
        return bisect_right(locations, index, key=lambda location: location.first_sample) - 1

    def _read_block(self, block: int) -> Sequence[Sample]:
        return self.dataset.blocks.samples(self.dataset.block_locations[block])

    def _find_by_key(self, label: int) -> list[int] | None:
        """Return the samples of a class by their keys alone; None if the keys do not show the class."""
        entry = self.dataset.classes[label] if 0 <= label < len(self.dataset.classes) else {}
        wnid, samples = entry.get("wnid"), entry.get("samples")
        if not isinstance(wnid, str) or not samples:
            return None
        keys = enumerate(self.dataset.keys())
        found = [index for index, key in keys if key.rpartition("/")[2].startswith(f"{wnid}_")]
        return found if len(found) == samples else None

    def _scan(self, label: int, start: int, count: int) -> SearchResult:
        found: list[int] = []
        unreadable = 0
        for pairs, end in self._labels_from(start):
            for index, found_label in zip(pairs[::2], pairs[1::2], strict=True):
                unreadable += index >= start and found_label == _UNREADABLE
                if index >= start and found_label == label:
                    found.append(index)
                    if len(found) == count:
                        return SearchResult(found, index + 1, unreadable)
            stop = end
        return SearchResult(found, stop, unreadable)

    def _labels_from(self, start: int) -> "Iterator[tuple[array[int], int]]":
        """Yield the pairs (index, label) and the end of each block, until `MAX_SEARCH_BYTES` are read."""
        locations = self.dataset.block_locations
        size = 0
        with thread_pool(_THREADS, "find") as threads:
            for first in range(self._block_index(start), len(locations), _BLOCKS_AT_ONCE):
                blocks = range(first, min(first + _BLOCKS_AT_ONCE, len(locations)))
                size += sum(locations[block].block.size for block in blocks if block not in self._labels)
                for block, pairs in zip(blocks, threads.map(self._labels_of, blocks), strict=True):
                    yield pairs, locations[block].first_sample + locations[block].block.samples
                if size >= MAX_SEARCH_BYTES:
                    return

    def _labels_of(self, block: int) -> "array[int]":
        pairs = self._labels.get(block)
        if pairs is None:
            pairs = array("q")
            for offset, sample in enumerate(self._read_block(block)):
                index = self.dataset.block_locations[block].first_sample + offset
                try:
                    labels = labels_of(sample)
                except CorruptError:
                    labels = {_UNREADABLE}
                for label in sorted(labels):
                    pairs.extend((index, label))
            self._labels[block] = pairs  # a race is harmless: every thread writes the same pairs
        return pairs
