"""Batches: what a training step is given, and how one is filled."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from wds_imagenet.draws import Draws, states
from wds_imagenet.errors import DataError, MissingExtraError, UsageError
from wds_imagenet.images.decode import decode
from wds_imagenet.images.probe import probe
from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.images.window import Job, render_all, render_drawn
from wds_imagenet.reading.pipeline import Entry, Plan
from wds_imagenet.reading.softlabels import CLASSES, soft_label
from wds_imagenet.sample import Sample

if TYPE_CHECKING:
    from types import ModuleType

    import torch

    from wds_imagenet.reading.torch import ImageMemory, ImagePool

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


class BatchDraft:
    """A batch that several threads fill, each its own rows, straight in the batch's memory."""

    def __init__(
        self, plan: Plan, recipe: Recipe, epoch: int, example: Example, source: "ImageSource | None"
    ) -> None:
        size = recipe.batch_size
        self.recipe: Final = recipe
        self.labels: Final = np.full(size, _NO_LABEL, np.int64)
        self.mask: Final = np.zeros(size, np.bool_)
        self.keys: Final = [""] * size
        self.captions: Final = [""] * size if recipe.with_captions else None
        self.json: Final[list[dict[str, Any]] | None] = (
            [{} for _ in range(size)] if recipe.with_json else None
        )
        self.soft_labels: Final = np.zeros((size, CLASSES), np.float32) if recipe.soft_labels else None
        self.rows: Final[list[npt.NDArray[Any] | None]] = [None] * size
        self.images: Final = None if source is None else source.take()
        if self.images is not None:
            self.images.array[len(plan.entries) :] = 0
        self.example: Final = example
        self.skipped: Final[list[str]] = []
        self.errors: Final[list[DataError]] = []
        self._epoch = epoch

    def fill(self, items: Sequence[tuple[int, Entry, Sample]]) -> float:
        """Decode samples, each into its row: all that the native engine takes in one call, without the GIL.

        A bad one goes to `fail`, and leaves its row masked out. Returns the CPU seconds of that call.
        """
        rendered, cpu = self._render(items)
        for (row, entry, sample), done in zip(items, rendered, strict=True):
            try:
                label = sample.label
                caption = sample.caption if self.captions is not None else None
                json = sample.json if self.json is not None else {}
                if not done:
                    self._transform(row, entry, sample, label)
                if self.soft_labels is not None:
                    self.soft_labels[row] = self._soft_label(entry, sample)
            except DataError as error:
                self.fail(row, entry, sample, error)
                continue
            self.keys[row] = sample.key
            if label is not None:
                self.labels[row] = label
            if self.captions is not None:
                self.captions[row] = caption or ""
            if self.json is not None:
                self.json[row] = json
            self.mask[row] = True
        return cpu

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

    def _soft_label(self, entry: Entry, sample: Sample) -> npt.NDArray[np.float32]:
        transform = self.recipe.transform
        if not isinstance(transform, RandomResizedCrop | ResizeCenterCrop):  # the recipe has refused it
            raise UsageError("soft labels are those of crops")
        # The same draws anew, and so the same crop.
        return soft_label(sample, transform, Draws(self.recipe.seed, self._epoch, entry.number))

    def _render(self, items: Sequence[tuple[int, Entry, Sample]]) -> tuple[list[bool], float]:
        """Let the native engine fill what it takes; return which items are done, and its CPU seconds."""
        transform = self.recipe.transform
        done, cpu = [False] * len(items), 0.0
        if self.images is None or not isinstance(transform, RandomResizedCrop | ResizeCenterCrop):
            return done, cpu
        if isinstance(transform, RandomResizedCrop) and (rule := transform.rule) is not None:
            done, cpu = self._render_drawn(items, rule, antialias=transform.antialias)
        if not all(done):
            left = [i for i, is_done in enumerate(done) if not is_done]
            jobs = [self._job(*items[i], transform) for i in left]
            began = time.thread_time()
            out, size = self.images.array, transform.shape[:2]
            rendered = render_all(jobs, out, size, antialias=transform.antialias)
            for i, is_done in zip(left, rendered, strict=True):
                done[i] = is_done
            cpu += time.thread_time() - began
        return done, cpu

    def _render_drawn(
        self, items: Sequence[tuple[int, Entry, Sample]], rule: npt.NDArray[np.float64], *, antialias: bool
    ) -> tuple[list[bool], float]:
        try:
            images = [sample.members[sample.suffix] for _, _, sample in items]
        except DataError:  # one of them has no image
            return [False] * len(items), 0.0
        numbers = np.array([entry.number for _, entry, _ in items], np.int64)
        rows = np.array([row for row, _, _ in items], np.int64)
        drawn = states(self.recipe.seed, self._epoch, numbers)
        began = time.thread_time()
        assert self.images is not None  # noqa: S101 - for the type checker
        done = render_drawn(images, drawn, rows, rule, self.images.array, antialias=antialias)
        return done, time.thread_time() - began

    def _job(
        self, row: int, entry: Entry, sample: Sample, transform: RandomResizedCrop | ResizeCenterCrop
    ) -> Job | None:
        """Return what is to be rendered; None for what has to be transformed by itself."""
        try:
            encoded = sample.members[sample.suffix]
            header = probe(encoded)
            draws = Draws(self.recipe.seed, self._epoch, entry.number)
            return Job(encoded, header, transform.window(header, draws), row)
        except DataError:  # raised anew, with its place, where the sample is transformed by itself
            return None

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
                self.rows[row] = _array(transform(decoded))
            except Exception as error:  # whatever the user's own code raises
                error.add_note(f"in the transform of sample {sample.key!r}, in {entry.extent}")
                raise


def _array(made: object) -> npt.NDArray[Any]:
    try:
        row = np.asarray(made)
    except ValueError:  # rows of several lengths
        row = np.asarray(None)
    if row.dtype.kind not in "biufc":
        raise UsageError(
            f"the transform returned {type(made).__name__}, where an array of numbers belongs: the image, "
            "or whatever of it is to be stacked in Batch.images; labels, captions and JSON come by themselves"
        )
    return row
