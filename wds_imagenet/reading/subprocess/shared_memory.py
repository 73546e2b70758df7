"""Batches in memory that two processes share: one lays them out, the other maps them.

The memory is Linux's memfd, which has no name. It is freed when both processes have ended, however they
ended, and neither the size of `/dev/shm` nor the number of open files bounds it.
"""

import math
import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wds_imagenet.reading.batches.batch import Batch
from wds_imagenet.reading.buffers import Lease
from wds_imagenet.reading.tensors import TensorMemory, allocation

_KEPT: Final = 8  # free segments of one size: the batches that an epoch has under way
_ALIGNED: Final = 64
_forks: Final = [0]


def _count_fork() -> None:
    _forks[0] += 1


os.register_at_fork(before=_count_fork)


class TensorLayout(NamedTuple):
    """The location of a tensor in its segment."""

    offset: int
    dtype: torch.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of the tensor, which is dense."""
        return math.prod(self.shape) * self.dtype.itemsize

    def of(self, segment: torch.Tensor) -> torch.Tensor:
        """Return the tensor, which shares the segment's memory."""
        flat = segment[self.offset : self.offset + self.size].view(self.dtype)
        return flat.as_strided(self.shape, self.strides)


class TensorGroup(NamedTuple):
    """Tensors in one segment."""

    segment: int
    tensors: list[TensorLayout]


class BatchLayout(NamedTuple):
    """A batch as it is sent: its images and soft labels lie in segments, the rest is pickled."""

    images: TensorGroup
    is_listed: bool
    soft_labels: TensorGroup | None
    labels: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    keys: list[str]
    captions: list[str] | None
    json: list[dict[str, object]] | None
    made: list[tuple[int, int]]
    """Number and size of each new segment. Their descriptors follow the message."""
    dropped: list[int]
    """Segments that no later batch uses."""


Release = tuple[int, bool]
"""A segment without readers in the other process, and True if it may be used again."""


class Segments:
    """The side that fills memory. It uses each segment again, once the other side has released it.

    There are as many segments as the other side keeps, and those of an epoch under way.
    """

    def __init__(self) -> None:
        self._numbers: Final = count()
        self._tensors: Final[dict[int, torch.Tensor]] = {}
        self._free: Final[dict[int, list[int]]] = {}
        self._taken: Final[dict[int, int]] = {}
        """The segments of batches under construction, by address."""
        self._made: list[tuple[int, int]] = []
        self._dropped: list[int] = []
        self.descriptors: Final[deque[int]] = deque()
        """The descriptors of new segments, in the order of `BatchLayout.made`: to be sent, then closed."""

    def take(self, size: int) -> torch.Tensor:
        """Return a segment of at least `size` bytes, and less than twice as many, of any content."""
        size = 1 << (max(size, 1) - 1).bit_length()  # pages that are never touched take no memory
        free = self._free.setdefault(size, [])
        number = free.pop() if free else self._make(size)
        tensor = self._tensors[number]
        self._taken[tensor.data_ptr()] = number
        return tensor

    def reuse(self, released: Sequence[Release]) -> None:
        """Use released segments again, or drop those that may not be used again."""
        for number, again in released:
            free = self._free[self._tensors[number].numel()]
            if again and len(free) < _KEPT:
                free.append(number)
            else:
                del self._tensors[number]
                self._dropped.append(number)

    def reuse_abandoned(self) -> None:
        """Use the segments again that were taken for batches which were never laid out."""
        self.reuse([(number, True) for number in self._taken.values()])
        self._taken.clear()

    def lay_out(self, batch: Batch) -> BatchLayout:
        """Return the batch for the other process. Tensors outside a segment are copied into one."""
        is_listed = isinstance(batch.images, list)
        images = self._group(batch.images if isinstance(batch.images, list) else [batch.images])
        soft_labels = None if batch.soft_labels is None else self._group([batch.soft_labels])
        made, self._made = self._made, []
        dropped, self._dropped = self._dropped, []
        # Labels are small, and often kept: they must not keep the images' memory.
        labels, mask = batch.labels.numpy(), batch.mask.numpy()
        return BatchLayout(
            images,
            is_listed,
            soft_labels,
            labels,
            mask,
            batch.keys,
            batch.captions,
            batch.json,
            made,
            dropped,
        )

    def _group(self, tensors: list[torch.Tensor]) -> TensorGroup:
        if len(tensors) == 1 and tensors[0].data_ptr() in self._taken:
            (tensor,) = tensors
            number = self._taken.pop(tensor.data_ptr())
            return TensorGroup(number, [TensorLayout(0, tensor.dtype, tuple(tensor.shape), tensor.stride())])
        layouts: list[TensorLayout] = []
        offset = 0
        for tensor in tensors:
            strides = torch.empty_like(tensor, device="meta").stride()  # without gaps
            layouts.append(TensorLayout(offset, tensor.dtype, tuple(tensor.shape), strides))
            offset += -(-layouts[-1].size // _ALIGNED) * _ALIGNED
        segment = self.take(offset)
        for tensor, layout in zip(tensors, layouts, strict=True):
            layout.of(segment).copy_(tensor)
        return TensorGroup(self._taken.pop(segment.data_ptr()), layouts)

    def _make(self, size: int) -> int:
        number = next(self._numbers)
        descriptor = os.memfd_create("wds-imagenet")
        try:
            os.ftruncate(descriptor, size)
            self._tensors[number] = _mapped(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        self._made.append((number, size))
        self.descriptors.append(descriptor)
        return number


class SharedImagePool:
    """Memory for batches of one shape, in segments."""

    def __init__(self, segments: Segments, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._segments = segments
        self._shape = shape
        self._dtype = dtype

    def take(self) -> TensorMemory:
        """Return memory that no other batch uses. Its content is undefined."""
        size = math.prod(self._shape) * self._dtype.itemsize
        with allocation(self._shape[0], size):
            segment = self._segments.take(size)
        array = segment[:size].numpy().view(self._dtype).reshape(self._shape)
        return TensorMemory(array, torch.from_numpy(array))


class MappedSegments:
    """The side that maps batches, and releases their memory when their last tensor is gone."""

    def __init__(self) -> None:
        self._memory: Final[dict[int, npt.NDArray[np.uint8]]] = {}
        self._released: Final[deque[Release]] = deque()

    def add(self, number: int, size: int, descriptor: int) -> None:
        """Map a segment. Closes the descriptor."""
        self._memory[number] = _mapped(descriptor, size).numpy()
        os.close(descriptor)

    def open(self, layout: BatchLayout) -> Batch:
        """Return the batch; its images lie in the segment itself."""
        images = self._open(layout.images)
        soft_labels = None if layout.soft_labels is None else self._open(layout.soft_labels)[0]
        for number in layout.dropped:
            del self._memory[number]
        return Batch(
            images if layout.is_listed else images[0],
            torch.from_numpy(layout.labels),
            layout.keys,
            layout.captions,
            layout.json,
            torch.from_numpy(layout.mask),
            soft_labels,
        )

    def released(self) -> list[Release]:
        """Return the segments whose last tensor is gone, each once."""
        return [self._released.popleft() for _ in range(len(self._released))]

    def _open(self, group: TensorGroup) -> list[torch.Tensor]:
        release = partial(self._release, group.segment, _forks[0])
        segment = torch.from_numpy(np.asarray(Lease(self._memory[group.segment], release)))
        return [layout.of(segment) for layout in group.tensors]

    def _release(self, number: int, forks: int) -> None:
        # A process forked meanwhile may still read it, and would see the next batch there.
        self._released.append((number, forks == _forks[0]))


def _mapped(descriptor: int, size: int) -> torch.Tensor:
    """Map a descriptor's memory. The descriptor may be closed then; Python's own mmap would keep one open."""
    return torch.from_file(f"/proc/self/fd/{descriptor}", shared=True, size=size, dtype=torch.uint8)
