"""Batches in memory that two processes share: one lays them out, the other finds them.

The memory is Linux's memfd: it has no name, so nothing of it is left when both have ended, however they
did, and neither the size of `/dev/shm` nor the number of open files bounds it.
"""

import math
import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wds_imagenet.reading.buffers import Lease
from wds_imagenet.reading.loader.batch import Batch
from wds_imagenet.reading.torch import ImageMemory

_KEPT: Final = 8  # free segments of a size: as many as an epoch has under way
_ALIGNED: Final = 64
_forks: Final = [0]


def _count_fork() -> None:
    _forks[0] += 1


os.register_at_fork(before=_count_fork)


class Piece(NamedTuple):
    """Where a tensor lies in its segment."""

    offset: int
    dtype: torch.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        """In bytes, if it is dense."""
        return math.prod(self.shape) * self.dtype.itemsize

    def of(self, segment: torch.Tensor) -> torch.Tensor:
        """Return the tensor, which shares the segment's memory."""
        flat = segment[self.offset : self.offset + self.size].view(self.dtype)
        return flat.as_strided(self.shape, self.strides)


class Parcel(NamedTuple):
    """Tensors that lie in one segment."""

    segment: int
    pieces: list[Piece]


class Packed(NamedTuple):
    """A batch as it is told to the other process: what is large lies in segments."""

    images: Parcel
    listed: bool
    soft_labels: Parcel | None
    labels: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    keys: list[str]
    captions: list[str] | None
    json: list[dict[str, object]] | None
    made: list[tuple[int, int]]
    """Segments that the other process does not know: number and size. Their descriptors follow."""
    dropped: list[int]
    """Segments that will not come again."""


Release = tuple[int, bool]
"""A segment that nobody looks at any more in the other process, and whether it may be used again."""


class Segments:
    """The side that fills memory: each segment again and again, when the other side has let go of it.

    As many are made as the other side holds on to, and those of an epoch under way.
    """

    def __init__(self) -> None:
        self._numbers: Final = count()
        self._tensors: Final[dict[int, torch.Tensor]] = {}
        self._free: Final[dict[int, list[int]]] = {}
        self._taken: Final[dict[int, int]] = {}
        """By address: the segments of drafts."""
        self._made: list[tuple[int, int]] = []
        self._dropped: list[int] = []
        self.descriptors: Final[deque[int]] = deque()
        """Of the segments that packed batches say are made, one after the other: to be sent, and closed."""

    def take(self, size: int) -> torch.Tensor:
        """Return a segment of so many bytes or up to twice as many. What is in it is left from before."""
        size = 1 << (max(size, 1) - 1).bit_length()  # what is never touched takes no memory
        free = self._free.setdefault(size, [])
        number = free.pop() if free else self._make(size)
        tensor = self._tensors[number]
        self._taken[tensor.data_ptr()] = number
        return tensor

    def take_back(self, released: Sequence[Release]) -> None:
        """Use these again, or never."""
        for number, again in released:
            free = self._free[self._tensors[number].numel()]
            if again and len(free) < _KEPT:
                free.append(number)
            else:
                del self._tensors[number]
                self._dropped.append(number)

    def take_back_drafts(self) -> None:
        """Use again what was taken and never packed."""
        self.take_back([(number, True) for number in self._taken.values()])
        self._taken.clear()

    def pack(self, batch: Batch) -> Packed:
        """Return the batch for the other process. Copies only what does not lie in a segment yet."""
        listed = isinstance(batch.images, list)
        images = self._parcel(batch.images if isinstance(batch.images, list) else [batch.images])
        soft_labels = None if batch.soft_labels is None else self._parcel([batch.soft_labels])
        made, self._made = self._made, []
        dropped, self._dropped = self._dropped, []
        # Labels are small, and often kept: they must not keep the images' memory.
        labels, mask = batch.labels.numpy(), batch.mask.numpy()
        return Packed(
            images, listed, soft_labels, labels, mask, batch.keys, batch.captions, batch.json, made, dropped
        )

    def _parcel(self, tensors: list[torch.Tensor]) -> Parcel:
        if len(tensors) == 1 and tensors[0].data_ptr() in self._taken:
            (tensor,) = tensors
            number = self._taken.pop(tensor.data_ptr())
            return Parcel(number, [Piece(0, tensor.dtype, tuple(tensor.shape), tensor.stride())])
        pieces: list[Piece] = []
        offset = 0
        for tensor in tensors:
            strides = torch.empty_like(tensor, device="meta").stride()  # without gaps
            pieces.append(Piece(offset, tensor.dtype, tuple(tensor.shape), strides))
            offset += -(-pieces[-1].size // _ALIGNED) * _ALIGNED
        segment = self.take(offset)
        for tensor, piece in zip(tensors, pieces, strict=True):
            piece.of(segment).copy_(tensor)
        return Parcel(self._taken.pop(segment.data_ptr()), pieces)

    def _make(self, size: int) -> int:
        number = next(self._numbers)
        descriptor = os.memfd_create("wds-imagenet")
        os.ftruncate(descriptor, size)
        self._tensors[number] = _mapped(descriptor, size)
        self._made.append((number, size))
        self.descriptors.append(descriptor)
        return number


class Images:
    """Memory for images of one shape, in segments."""

    def __init__(self, segments: Segments, shape: tuple[int, ...]) -> None:
        self._segments = segments
        self._shape = shape

    def take(self) -> ImageMemory:
        """Return memory that nobody else has. What is in it is left from before."""
        size = math.prod(self._shape)
        tensor = self._segments.take(size)[:size].view(self._shape)
        return ImageMemory(tensor.numpy(), tensor)


class Found:
    """The side that is told of batches, and gives their memory back when their last tensor is gone."""

    def __init__(self) -> None:
        self._memory: Final[dict[int, npt.NDArray[np.uint8]]] = {}
        self._released: Final[deque[Release]] = deque()

    def add(self, number: int, size: int, descriptor: int) -> None:
        """Take a segment into account. Closes the descriptor."""
        self._memory[number] = _mapped(descriptor, size).numpy()
        os.close(descriptor)

    def unpack(self, packed: Packed) -> Batch:
        """Return the batch; its images lie in the segment itself."""
        images = self._open(packed.images)
        soft_labels = None if packed.soft_labels is None else self._open(packed.soft_labels)[0]
        for number in packed.dropped:
            del self._memory[number]
        return Batch(
            images if packed.listed else images[0],
            torch.from_numpy(packed.labels),
            packed.keys,
            packed.captions,
            packed.json,
            torch.from_numpy(packed.mask),
            soft_labels,
        )

    def released(self) -> list[Release]:
        """Return, once, the segments whose last tensor is gone."""
        return [self._released.popleft() for _ in range(len(self._released))]

    def _open(self, parcel: Parcel) -> list[torch.Tensor]:
        give_back = partial(self._give_back, parcel.segment, _forks[0])
        segment = torch.from_numpy(np.asarray(Lease(self._memory[parcel.segment], give_back)))
        return [piece.of(segment) for piece in parcel.pieces]

    def _give_back(self, number: int, forks: int) -> None:
        # A process forked meanwhile may look at it still, and would see what is written there next.
        self._released.append((number, forks == _forks[0]))


def _mapped(descriptor: int, size: int) -> torch.Tensor:
    """Map a descriptor's memory, which needs it no longer then; Python's own mmap would keep one open."""
    return torch.from_file(f"/proc/self/fd/{descriptor}", shared=True, size=size, dtype=torch.uint8)
