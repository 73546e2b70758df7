"""Batches as torch's tensors, and torch's own kind of data set: the one module that imports torch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.utils import data

from wds_imagenet.errors import UsageError
from wds_imagenet.images.transforms import Decode
from wds_imagenet.reading.batches import Batch
from wds_imagenet.reading.loader import Loader

if TYPE_CHECKING:
    from wds_imagenet.reading.batches import BatchDraft

_MAX_WORKERS: Final = 1024


class ImageMemory:
    """One batch's images: NumPy's view to decode into, torch's to hand out, of the same memory."""

    def __init__(self, shape: tuple[int, ...], *, pin: bool) -> None:
        self.tensor: Final = torch.empty(shape, dtype=torch.uint8, pin_memory=pin)
        self.array: Final = self.tensor.numpy()


def default_pin_memory() -> bool:
    """Return whether page-locked memory is of use: where CUDA is present."""
    return torch.cuda.is_available()


def to_batch(draft: "BatchDraft") -> Batch:
    """Return a filled draft as tensors. Copies nothing but the rows of a transform of the user's."""
    images: torch.Tensor | list[torch.Tensor]
    if draft.images is not None:
        images = draft.images.tensor.permute(0, 3, 1, 2)
    elif isinstance(draft.recipe.transform, Decode):
        empty = np.zeros((0, 0, 3), np.uint8)
        rows = (empty if row is None else row for row in draft.rows)
        images = [torch.from_numpy(row).permute(2, 0, 1) for row in rows]
    else:
        images = _stack(draft)
    pin = draft.recipe.pin_memory
    labels, mask = torch.from_numpy(draft.labels), torch.from_numpy(draft.mask)
    return Batch(
        images,
        labels.pin_memory() if pin else labels,
        draft.keys,
        draft.captions,
        draft.json,
        mask.pin_memory() if pin else mask,
    )


def _stack(draft: "BatchDraft") -> torch.Tensor:
    present = [row for row in draft.rows if row is not None]
    if not present:
        return torch.empty((len(draft.rows), 0))
    first = present[0]
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
    the same order, whatever `num_workers` is; each pass over it is the next epoch. Takes the arguments
    of `Loader`. Threads decode, so 0 or 1 workers are best, and 1 keeps the decoding out of the training
    process; with k of them each worker fetches every block and decodes every k-th batch.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of Loader
        super().__init__()
        # Asked here, since a worker process has neither the trainer's process group nor its CUDA.
        with Loader(*arguments, **options) as loader:
            asked = {"rank": loader.rank, "world_size": loader.world_size, "pin_memory": False}
            self._batches = len(loader)
            self._state = loader.state_dict()
            self._global_batch = loader.share.global_batch
        self._arguments = arguments
        self._options = {**options, **asked}
        self._resume = (self._state["epoch"], 0)
        # Each worker's next epoch, in memory that all of them share, since a DataLoader may start new
        # workers, with new copies of this object, for every pass.
        self._next_epoch = torch.full((_MAX_WORKERS,), self._state["epoch"]).share_memory_()  # type: ignore[no-untyped-call] # torch's

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._batches

    def __iter__(self) -> Iterator[Batch]:
        """Yield the epoch's batches, or in a worker its share of them."""
        worker = data.get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        epoch = int(self._next_epoch[number])
        self._next_epoch[number] = epoch + 1
        start = self._resume[1] if epoch == self._resume[0] else 0
        with Loader(*self._arguments, **self._options) as loader:
            yield from loader.batches(epoch, start, every=workers, first=number)

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass this epoch."""
        self._next_epoch.fill_(epoch)

    def state_dict(self, epoch: int, batches: int) -> dict[str, Any]:
        """Return the state after so many batches of an epoch.

        The count is the caller's: a DataLoader reads ahead, and only the training loop knows how many
        batches it has used. The state is `Loader`'s own; each can load the other's.
        """
        return {**self._state, "epoch": epoch, "samples": batches * self._global_batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state with the next pass. Call it before the DataLoader is iterated."""
        with Loader(*self._arguments, **self._options) as loader:
            loader.load_state_dict(state)
            self._state = loader.state_dict()
            self._options["lanes"] = self._state["lanes"]
        self._resume = (self._state["epoch"], self._state["samples"])
        self.set_epoch(self._state["epoch"])
