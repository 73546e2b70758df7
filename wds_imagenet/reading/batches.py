"""Batches: what a training step is given, and how one is filled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from wds_imagenet.draws import Draws
from wds_imagenet.errors import DataError, MissingExtraError, UsageError
from wds_imagenet.images.decode import decode
from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.reading.pipeline import Entry, Plan
from wds_imagenet.sample import Sample

if TYPE_CHECKING:
    from types import ModuleType

    import torch

OnBad = Literal["fail", "skip"]
Example = list[npt.NDArray[Any]]
"""At most one row that a transform of the user's returned: what padding must look like."""
_NO_LABEL: Final = -100  # torch's losses leave it out by default


@dataclass(frozen=True, slots=True)
class DecodedSample:
    """What a transform of the user's own is called with."""

    key: str
    image: npt.NDArray[np.uint8]
    """[height, width, 3], RGB."""
    label: int | None
    caption: str | None
    json: dict[str, Any]
    draws: Draws
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
        return Batch(images, move(self.labels), self.keys, self.captions, self.json, move(self.mask))


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

    def __post_init__(self) -> None:
        if self.on_bad not in ("fail", "skip"):
            raise UsageError(f"on_bad is 'fail' or 'skip', not {self.on_bad!r}")
        if not callable(self.transform):
            raise UsageError(f"the transform {self.transform!r} cannot be called")


def torch_side() -> "ModuleType":
    """Return the module that knows torch. Raises `MissingExtraError` where torch is not installed."""
    try:
        from wds_imagenet.reading import torch as module  # noqa: PLC0415 - torch is an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("torch", "reading batches") from error
    return module


class BatchDraft:
    """A batch that several threads fill, each its own rows, straight in the batch's memory."""

    def __init__(self, plan: Plan, recipe: Recipe, epoch: int, example: Example) -> None:
        size = recipe.batch_size
        self.recipe: Final = recipe
        self.labels: Final = np.full(size, _NO_LABEL, np.int64)
        self.mask: Final = np.zeros(size, np.bool_)
        self.keys: Final = [""] * size
        self.captions: Final = [""] * size if recipe.with_captions else None
        self.json: Final[list[dict[str, Any]] | None] = (
            [{} for _ in range(size)] if recipe.with_json else None
        )
        self.rows: Final[list[npt.NDArray[Any] | None]] = [None] * size
        transform = recipe.transform
        shape = transform.shape if isinstance(transform, RandomResizedCrop | ResizeCenterCrop) else None
        self.images: Final = (
            torch_side().ImageMemory((size, *shape), pin=recipe.pin_memory) if shape else None
        )
        if self.images is not None:
            self.images.array[len(plan.entries) :] = 0
        self.example: Final = example
        self.skipped: Final[list[str]] = []
        self.errors: Final[list[DataError]] = []
        self._epoch = epoch

    def fill(self, row: int, entry: Entry, sample: Sample) -> None:
        """Decode a sample into its row. Raises `DataError` and leaves the row masked out."""
        label = sample.label
        caption = sample.caption if self.captions is not None else None
        json = sample.json if self.json is not None else {}
        self._transform(row, entry, sample, label)
        self.keys[row] = sample.key
        if label is not None:
            self.labels[row] = label
        if self.captions is not None:
            self.captions[row] = caption or ""
        if self.json is not None:
            self.json[row] = json
        self.mask[row] = True

    def fail(self, row: int, entry: Entry, sample: Sample | None, error: DataError) -> None:
        """Raise the error, its sample named, or skip the sample as the recipe allows."""
        if sample is not None:
            error.add_note(
                f"sample {sample.key!r} (number {entry.number} of the data set, in {entry.extent})"
            )
        if self.recipe.on_bad == "fail":
            raise error
        self.skipped.append(sample.key if sample else f"{entry.extent} #{entry.within}")
        self.errors.append(error)
        self.rows[row] = None
        if self.images is not None:
            self.images.array[row] = 0

    def batch(self) -> Batch:
        """Return the finished batch as torch's tensors, without copying."""
        made: Batch = torch_side().to_batch(self)
        return made

    def _transform(self, row: int, entry: Entry, sample: Sample, label: int | None) -> None:
        transform = self.recipe.transform
        draws = Draws(self.recipe.seed, self._epoch, entry.number)
        encoded = sample.members[sample.suffix]
        if isinstance(transform, RandomResizedCrop | ResizeCenterCrop | Decode):
            out = None if self.images is None else self.images.array[row]
            self.rows[row] = transform(encoded, draws, out)
        else:
            image = decode(encoded)
            decoded = DecodedSample(sample.key, image, label, sample.caption, sample.json, draws)
            try:
                self.rows[row] = np.asarray(transform(decoded))
            except Exception as error:  # whatever the user's own code raises
                error.add_note(f"in the transform of sample {sample.key!r}, in {entry.extent}")
                raise
