"""Batches: what a training step is given, and how one is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import MissingExtraError, UsageError
from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.util.rng import Rng

if TYPE_CHECKING:
    from types import ModuleType

    import torch

    from wds_imagenet.reading.torch import ImageMemory, ImagePool

OnBad = Literal["fail", "skip"]


@dataclass(frozen=True, slots=True)
class DecodedSample:
    """What a transform of the user's own is called with."""

    key: str
    image: npt.NDArray[np.uint8]
    """[height, width, 3], RGB."""
    label: int | None
    caption: str | None
    json: dict[str, Any]
    rng: Rng
    """Random numbers that belong to this sample in this epoch: use them, and a resumed run, another
    world size and another number of threads augment as this one does."""


Transform = RandomResizedCrop | ResizeCenterCrop | Decode | Callable[[DecodedSample], npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's samples of one rank. Always `batch_size` rows, in the order of the sequence."""

    images: "torch.Tensor | list[torch.Tensor]"
    """uint8 [B, 3, H, W] in channels-last memory; what a transform of the user's own returned,
    stacked; or with `Decode()` a list of uint8 [3, height, width]."""
    labels: "torch.Tensor"
    """int64 [B]; -100, which torch's losses ignore, where a sample has no label or the mask is False."""
    keys: list[str]
    """"" where the row is padding, or a sample that was skipped."""
    captions: list[str] | None
    """With `with_captions=True`; "" where a sample has none."""
    json: list[dict[str, Any]] | None
    """With `with_json=True`."""
    mask: "torch.Tensor"
    """bool [B]: False where the row is padding, or a sample that was skipped."""
    soft_labels: "torch.Tensor | None" = None
    """With `soft_labels=True`: float32 [B, 1000], of the very crop; zeros where the mask is False."""

    def __len__(self) -> int:
        """Return B, padding included."""
        return len(self.keys)

    def pin_memory(self) -> "Batch":
        """Return the batch in page-locked memory; DataLoader's own `pin_memory` calls this."""
        return self._moved(lambda tensor: tensor.pin_memory())

    def to(self, device: "torch.device | str", *, non_blocking: bool = False) -> "Batch":
        """Return the batch on a device."""
        return self._moved(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _moved(self, move: "Callable[[torch.Tensor], torch.Tensor]") -> "Batch":
        many = isinstance(self.images, list)
        images = [move(image) for image in self.images] if many else move(self.images)  # type: ignore[arg-type] # `many` decided
        soft_labels = None if self.soft_labels is None else move(self.soft_labels)
        labels, mask = move(self.labels), move(self.mask)
        return Batch(images, labels, self.keys, self.captions, self.json, mask, soft_labels)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a loader's samples become batches: what does not change from batch to batch."""

    transform: Transform
    batch_size: int
    seed: int
    on_bad: OnBad
    with_json: bool
    with_captions: bool
    pin_memory: bool
    soft_labels: bool = False

    def __post_init__(self) -> None:
        if self.on_bad not in ("fail", "skip"):
            raise UsageError(f"on_bad is 'fail' or 'skip', not {self.on_bad!r}")
        if not callable(self.transform):
            raise UsageError(f"the transform {self.transform!r} cannot be called")
        if self.soft_labels and not isinstance(self.transform, RandomResizedCrop | ResizeCenterCrop):
            raise UsageError("soft labels are those of crops: use RandomResizedCrop or ResizeCenterCrop")


class ImageSource(Protocol):
    """Gives batches the memory of their images, [B, H, W, 3], where all have one shape."""

    def take(self) -> "ImageMemory":
        """Return memory that nobody else has. What is in it is left from before."""


def torch_side() -> "ModuleType":
    """Return the module that knows torch. Raises `MissingExtraError` where torch is not installed."""
    try:
        from wds_imagenet.reading import torch as module  # noqa: PLC0415 - torch is an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("torch", "reading batches") from error
    return module


def images_shape(recipe: Recipe) -> tuple[int, ...] | None:
    """Return [B, H, W, 3]; None if images differ in shape, or it is not known."""
    transform = recipe.transform
    if not isinstance(transform, RandomResizedCrop | ResizeCenterCrop):
        return None
    return recipe.batch_size, *transform.shape


def image_pool(recipe: Recipe) -> "ImagePool | None":
    """Return where batches get the memory of their images; None if these differ in shape."""
    shape = images_shape(recipe)
    if shape is None:
        return None
    pool: ImagePool = torch_side().ImagePool(shape, pin=recipe.pin_memory)
    return pool
