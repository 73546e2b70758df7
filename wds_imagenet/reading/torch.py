"""Batches as torch's tensors, and torch's own kind of data set: the one module that imports torch."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils import data

from wds_imagenet.errors import UsageError
from wds_imagenet.images.transforms import Decode
from wds_imagenet.reading.buffers import Buffers
from wds_imagenet.reading.loader.batch import Batch
from wds_imagenet.reading.loader.loader import Loader

if TYPE_CHECKING:
    from wds_imagenet.reading.loader.batch_builder import BatchBuilder


class ImageMemory(NamedTuple):
    """One batch's images: NumPy's view to decode into, torch's to hand out, of the same memory."""

    array: npt.NDArray[np.uint8]
    tensor: torch.Tensor


class ImagePool:
    """Memory for batches of one shape, which comes back when the last tensor that shares it is gone."""

    def __init__(self, shape: tuple[int, ...], *, pin: bool) -> None:
        self._shape = shape
        self._pin = pin
        self._buffers = Buffers()

    def take(self) -> ImageMemory:
        """Return memory that nobody else has. What is in it is left from before."""
        if self._pin:  # torch keeps page-locked memory for itself
            tensor = torch.empty(self._shape, dtype=torch.uint8, pin_memory=True)
            return ImageMemory(tensor.numpy(), tensor)
        array = self._buffers.take(math.prod(self._shape)).reshape(self._shape)
        return ImageMemory(array, torch.from_numpy(array))


def seed_torch(*numbers: int) -> None:
    """Seed what transforms may draw from torch's generator: in a new process it gives the same everywhere."""
    torch.manual_seed(hash(numbers))


def default_pin_memory() -> bool:
    """Return whether page-locked memory is of use: where CUDA is present."""
    return torch.cuda.is_available()


def to_batch(draft: "BatchBuilder") -> Batch:
    """Return a filled draft as tensors. Copies images only where a transform of the user's made them."""
    pin = draft.recipe.pin_memory
    images: torch.Tensor | list[torch.Tensor]
    if draft.images is not None:
        images = draft.images.tensor.permute(0, 3, 1, 2)
    elif isinstance(draft.recipe.transform, Decode):
        empty = np.zeros((0, 0, 3), np.uint8)
        rows = (empty if row is None else row for row in draft.rows)
        images = [_pinned(torch.from_numpy(row).permute(2, 0, 1), pin) for row in rows]
    else:
        images = _pinned(_stack(draft), pin)
    return Batch(
        images,
        _pinned(torch.from_numpy(np.array(draft.labels, np.int64)), pin),
        draft.keys,
        draft.captions,
        draft.json,
        _pinned(torch.from_numpy(np.array(draft.mask, np.bool_)), pin),
        None if draft.soft_labels is None else _pinned(torch.from_numpy(draft.soft_labels), pin),
    )


def _pinned(tensor: torch.Tensor, pin: bool) -> torch.Tensor:  # noqa: FBT001 - the recipe's choice
    return tensor.pin_memory() if pin else tensor


def _stack(draft: "BatchBuilder") -> torch.Tensor:
    present = [row for row in draft.rows if row is not None]
    draft.example.extend(present[: 1 - len(draft.example)])
    if not draft.example:
        raise UsageError(
            "this rank's only batch has no sample, so the shape that the transform returns is not known: use "
            "fewer ranks, smaller batches, or drop_last"
        )
    first = draft.example[0]
    if any(row.shape != first.shape for row in present):
        shapes = sorted({row.shape for row in present})
        raise UsageError(
            f"the transform returned arrays of {len(shapes)} shapes, such as {shapes[0]} and {shapes[-1]}; "
            "to be stacked they must be alike: crop or resize in it, or use Decode() for a list"
        )
    padding = np.zeros_like(first)
    return torch.from_numpy(np.stack([padding if row is None else row for row in draft.rows]))


class IterableDataset(data.IterableDataset[Batch]):
    """A `Loader` for those who must have a `torch.utils.data.DataLoader`.

    Pass it with `batch_size=None`: it yields whole batches, the very ones that `Loader` yields, in
    the same order, whatever `num_workers` is. Call `set_epoch` before each pass, as with torch's
    DistributedSampler: workers come and go, and only the training loop knows which epoch it is in.
    Takes the arguments of `Loader`. Threads decode, so 0 or 1 workers are best, and 1 keeps the decoding
    out of the training process; with k of them each worker fetches every block and decodes every
    k-th batch, and `on_bad="skip"` counts in each by itself.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of Loader
        super().__init__()
        # Asked here, since a worker process has neither the trainer's process group nor its CUDA.
        with Loader(*arguments, **options) as loader:
            asked = {"rank": loader.rank, "world_size": loader.world_size, "pin_memory": False}
            self._batches = len(loader)
            self._samples = len(loader.dataset)
            self._state = loader.state_dict()
            self._global_batch = loader.share.global_batch
        self._arguments = arguments
        self._options = {**options, **asked}
        # Epoch and first sample of the next pass, in memory that workers share, the lasting ones too.
        self._next = torch.tensor([self._state["epoch"], 0]).share_memory_()  # type: ignore[no-untyped-call] # torch's

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._batches

    def __iter__(self) -> Iterator[Batch]:
        """Yield the epoch's batches, or in a worker its share of them."""
        worker = data.get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        epoch, start = self._next.tolist()
        with Loader(*self._arguments, **self._options) as loader:
            yield from loader.batches(epoch, start, every=workers, first=number)

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass this epoch: from its beginning, unless a state of it was just loaded."""
        if epoch != int(self._next[0]):
            self._next.copy_(torch.tensor([epoch, 0]))

    def state_dict(self, batches: int) -> dict[str, Any]:
        """Return the state after so many batches of the pass that was begun last.

        The count is the caller's: a DataLoader reads ahead, and only the training loop knows how many
        batches it has used. The state is `Loader`'s own; each can load the other's.
        """
        epoch, start = self._next.tolist()
        samples = min(start + batches * self._global_batch, self._samples)
        return {**self._state, "epoch": epoch, "samples": samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state with the next pass. Call it before the DataLoader is iterated."""
        with Loader(*self._arguments, **self._options) as loader:
            loader.load_state_dict(state)
            self._state = loader.state_dict()
        self._options["lanes"] = self._state["lanes"]
        self._next.copy_(torch.tensor([self._state["epoch"], self._state["samples"]]))
