"""Torch tensors: the memory of images, and filled batches as tensors. Imported once a loader is made."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.batches.batch import Batch
from wds_imagenet.reading.batches.batch_builder import BatchBuilder
from wds_imagenet.reading.batches.batch_spec import BatchSpec
from wds_imagenet.reading.buffers import Buffers


class TensorMemory(NamedTuple):
    """The memory of one batch's images: NumPy's view to write into, and torch's to hand out."""

    array: npt.NDArray[Any]
    tensor: torch.Tensor


@contextmanager
def allocation(batch_size: int, size: int, remedy: str = "choose a smaller batch_size") -> Iterator[None]:
    """Raise `UsageError` in place of the errors of an allocation that fails.

    Args:
        batch_size: the samples of the batch that is allocated.
        size: its bytes.
        remedy: the advice that ends the error.
    """
    try:
        yield
    except (MemoryError, OSError, OverflowError, RuntimeError) as error:  # torch raises RuntimeError
        raise UsageError(
            f"batch_size {batch_size}: {size:,} bytes for the images of a batch cannot be allocated "
            f"({str(error).partition(chr(10))[0]}); {remedy}"
        ) from error


class ImagePool:
    """Memory for batches of one shape. It returns to the pool with the last tensor that shares it."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], *, pin: bool) -> None:
        self._shape = shape
        self._dtype = dtype
        self._pin = pin
        self._buffers = Buffers()

    def take(self) -> TensorMemory:
        """Return memory that no other batch uses. Its content is undefined."""
        size = math.prod(self._shape) * self._dtype.itemsize
        if self._pin:  # torch itself keeps page-locked memory for reuse
            dtype = torch.from_numpy(np.empty(0, self._dtype)).dtype
            with allocation(self._shape[0], size, "choose a smaller batch_size, or pin_memory=False"):
                tensor = torch.empty(self._shape, dtype=dtype, pin_memory=True)
            return TensorMemory(tensor.numpy(), tensor)
        with allocation(self._shape[0], size):
            memory = self._buffers.take(size)
        array = memory.view(self._dtype).reshape(self._shape)
        return TensorMemory(array, torch.from_numpy(array))


def image_pool(spec: BatchSpec) -> ImagePool | None:
    """Return the memory of a loader's images; None if their shape is unknown before they are made."""
    shape = spec.images_shape
    return None if shape is None else ImagePool(shape, spec.traits.dtype, pin=spec.pin_memory)


def seed_torch(*numbers: int) -> None:
    """Seed torch's global generator, from which a user's transform may draw, alike in every process."""
    torch.manual_seed(hash(numbers))


def default_pin_memory() -> bool:
    """Return True where CUDA is present, and page-locked memory is of use."""
    return torch.cuda.is_available()


def to_batch(builder: BatchBuilder) -> Batch:
    """Return a filled builder's columns as tensors. Images in the batch's own memory are not copied."""
    pin = builder.spec.pin_memory
    memory = builder.images
    images: torch.Tensor | list[torch.Tensor]
    if memory is not None:
        images = channels_first(memory.tensor[: len(builder.keys)], 4)
    elif builder.spec.traits.is_listed:
        empty = np.zeros((0, 0, 3), builder.spec.traits.dtype)
        rows = (empty if row is None else row for row in builder.rows)
        images = [_pinned(channels_first(_tensor_of(row), 3), pin) for row in rows]
    else:
        images = _pinned(_stack(builder), pin)
    return Batch(
        images,
        _pinned(torch.from_numpy(np.array(builder.labels, np.int64)), pin),
        builder.keys,
        builder.captions,
        builder.json,
        _pinned(torch.from_numpy(np.array(builder.mask, np.bool_)), pin),
        None if builder.soft_labels is None else _pinned(torch.from_numpy(builder.soft_labels), pin),
    )


def channels_first(tensor: torch.Tensor, axes: int) -> torch.Tensor:
    """Return images [H, W, 3] or [B, H, W, 3], of 3 or 4 axes, with channels first; others as they are."""
    if tensor.ndim != axes or tensor.shape[-1] != 3:
        return tensor
    return tensor.permute(2, 0, 1) if axes == 3 else tensor.permute(0, 3, 1, 2)


def _tensor_of(row: npt.NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.require(row, requirements=["C", "W"]))  # torch takes no other arrays


def _pinned(tensor: torch.Tensor, pin: bool) -> torch.Tensor:  # noqa: FBT001 - the spec's choice
    return tensor.pin_memory() if pin else tensor


def _stack(builder: BatchBuilder) -> torch.Tensor:
    present = [row for row in builder.rows if row is not None]
    builder.example.extend(present[: 1 - len(builder.example)])
    if not builder.example:
        raise UsageError(
            "this rank's only batch has no sample, so the shape of the transform's results is unknown: use "
            "fewer ranks, smaller batches, last='drop', or a transform with a shape"
        )
    first = builder.example[0]
    if any(row.shape != first.shape for row in present):
        shapes = sorted({row.shape for row in present})
        raise UsageError(
            f"the transform returned arrays of {len(shapes)} shapes, such as {shapes[0]} and {shapes[-1]}, "
            "which cannot be stacked: crop or resize in it, or use Decode() for a list"
        )
    padding = np.zeros_like(first)
    return torch.from_numpy(np.stack([padding if row is None else row for row in builder.rows]))
