"""Samples by their place or by their class, for one who leafs through them."""

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wds_imagenet.errors import CorruptError
from wds_imagenet.reading.dataset import Dataset, own
from wds_imagenet.reading.fetch import BlockLocation
from wds_imagenet.sample import Sample
from wds_imagenet.util.threads import thread_pool
from wds_imagenet.view.item import Item, describe
from wds_imagenet.view.tags import labels_of

LOOK: Final = 128 << 20
"""How many bytes one call of `find` reads at most."""
_KEPT: Final = 48
_CLASSES_KEPT: Final = 8
_THREADS: Final = 4
_ROUND: Final = 8
_UNREADABLE: Final = -(1 << 62)  # no label: those have 18 digits


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for a class came to."""

    indices: list[int]
    stop: int
    """Where the next search is to begin; the number of samples if all were looked at."""
    unreadable: int
    """How many samples were passed over, since their labels cannot be read."""


class Reader:
    """Gives samples of one data set to several threads, the last blocks kept in memory.

    Costs one request of a block (2 MiB) for neighbouring samples together, and the memory of 48 blocks.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset: Final = dataset
        self.wnids: Final = {
            str(item["wnid"]): str(item["name"]) for item in dataset.classes if {"wnid", "name"} <= set(item)
        }
        self._locks: Final = [threading.Lock() for _ in range(_KEPT)]
        self._block: Final = lru_cache(_KEPT)(self._read_block)
        self._labels: Final[dict[int, array[int]]] = {}
        self._keyed: Final = lru_cache(_CLASSES_KEPT)(self._find_keys)

    def sample(self, index: int) -> Sample:
        """Return a sample by its index. Raises `IndexError`, and what reading a block raises."""
        return own(self._at(index)[1])

    def item(self, index: int) -> Item:
        """Return a sample as it is shown. Raises `IndexError`, and what reading a block raises."""
        location, sample = self._at(index)
        return describe(sample, index, location, self.dataset.classes, self.wnids)

    def items(self, indices: Sequence[int]) -> list[Item]:
        """Return several samples as they are shown, their blocks read by four threads."""
        with thread_pool(_THREADS, "items") as threads:
            return list(threads.map(self.item, indices))

    def find(self, label: int, start: int, count: int) -> Found:
        """Return the first `count` samples of a class from `start` on, or as many as `LOOK` bytes hold.

        Where keys begin with the WNID, as ImageNet's do, and as many as the class has samples, costs one
        request of the keys. Else the blocks are read, from four threads; what was read once is remembered
        in 16 bytes a sample.
        """
        keyed = self._keyed(label)
        if keyed is not None:
            found = keyed[bisect_left(keyed, start) :][:count]
            if all(item.label == label for item in self.items(found)):
                return Found(found, found[-1] + 1 if len(found) == count else len(self.dataset), 0)
        return self._scan(label, start, count)

    def _at(self, index: int) -> tuple[BlockLocation, Sample]:
        if not 0 <= index < len(self.dataset):
            raise IndexError(f"sample {index} of {len(self.dataset)}")
        place = self._place(index)
        location = self.dataset.block_locations[place]
        with self._locks[
            place % _KEPT
        ]:  # the pictures of a page are asked for all at once, and lie in one block
            samples = self._block(place)
        return location, samples[index - location.first_sample]

    def _place(self, index: int) -> int:
        return (
            bisect_right(self.dataset.block_locations, index, key=lambda location: location.first_sample) - 1
        )

    def _read_block(self, place: int) -> Sequence[Sample]:
        return self.dataset.blocks.samples(self.dataset.block_locations[place])

    def _find_keys(self, label: int) -> list[int] | None:
        """Return the samples of a class by their keys alone; None where keys do not tell."""
        known = self.dataset.classes[label] if 0 <= label < len(self.dataset.classes) else {}
        wnid, samples = known.get("wnid"), known.get("samples")
        if not isinstance(wnid, str) or not samples:
            return None
        keys = enumerate(self.dataset.keys())
        found = [index for index, key in keys if key.rpartition("/")[2].startswith(f"{wnid}_")]
        return found if len(found) == samples else None

    def _scan(self, label: int, start: int, count: int) -> Found:
        found: list[int] = []
        unreadable = 0
        for pairs, end in self._labels_from(start):
            for index, one in zip(pairs[::2], pairs[1::2], strict=True):
                unreadable += index >= start and one == _UNREADABLE
                if index >= start and one == label:
                    found.append(index)
                    if len(found) == count:
                        return Found(found, index + 1, unreadable)
            stop = end
        return Found(found, stop, unreadable)

    def _labels_from(self, start: int) -> "Iterator[tuple[array[int], int]]":
        """Yield each block's pairs (index, label) and where it ends, until `LOOK` bytes were read."""
        block_locations = self.dataset.block_locations
        size = 0
        with thread_pool(_THREADS, "find") as threads:
            for first in range(self._place(start), len(block_locations), _ROUND):
                places = range(first, min(first + _ROUND, len(block_locations)))
                size += sum(
                    block_locations[place].block.size for place in places if place not in self._labels
                )
                for place, pairs in zip(places, threads.map(self._labels_of, places), strict=True):
                    yield pairs, block_locations[place].first_sample + block_locations[place].block.samples
                if size >= LOOK:
                    return

    def _labels_of(self, place: int) -> "array[int]":
        known = self._labels.get(place)
        if known is None:
            known = array("q")
            for offset, sample in enumerate(self._read_block(place)):
                index = self.dataset.block_locations[place].first_sample + offset
                try:
                    labels = labels_of(sample)
                except CorruptError:
                    labels = {_UNREADABLE}
                for label in sorted(labels):
                    known.extend((index, label))
            self._labels[place] = known  # threads that race write the same
        return known
