"""`IterableDataset`: the batches of a `Loader` behind torch's own `DataLoader`."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils import data

from wds_imagenet.reading.batches.batch import Batch
from wds_imagenet.reading.loader import Loader


class IterableDataset(data.IterableDataset[Batch]):
    """A `Loader` for programs that need a `torch.utils.data.DataLoader`.

    Pass it with `batch_size=None`. It yields whole batches, the same as `Loader` in the same order, for any
    `num_workers`. Call `set_epoch` before each pass, as with torch's DistributedSampler: workers come and
    go, and only the training loop counts epochs.

    Threads decode, so 0 or 1 workers are best, and 1 keeps the decoding out of the training process. With k
    workers each fetches every block and decodes every k-th batch, and `on_bad="skip"` counts in each alone.

    Args:
        arguments: the positional arguments of `Loader`.
        options: the keyword arguments of `Loader`.

    Raises:
        UsageError: an argument is unknown or out of its range.
        ManifestError: the URL holds no data set.
        StoreError: the store cannot be read.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the arguments of Loader
        super().__init__()
        # Decided here: a worker process has neither the trainer's process group nor its CUDA.
        with Loader(*arguments, **options) as loader:
            decided = {"rank": loader.rank, "world_size": loader.world_size, "pin_memory": False}
            self._batches = len(loader)
            self._samples = len(loader.dataset)
            self._state = loader.state_dict()
            self._global_batch = loader.rank_slice.global_batch
        self._arguments = arguments
        self._options = {**options, **decided}
        # Epoch and first sample of the next pass, in memory shared with workers, persistent ones too.
        self._next = torch.tensor([self._state["epoch"], 0]).share_memory_()  # type: ignore[no-untyped-call] # torch's

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._batches

    def __iter__(self) -> Iterator[Batch]:
        """Yield the epoch's batches, or in a worker its part of them."""
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

        `Loader` can load this state, and this class can load the state of a `Loader`.

        Args:
            batches: the batches that the training loop has used. A DataLoader reads ahead, so only the
                loop can count them.
        """
        epoch, start = self._next.tolist()
        samples = min(start + batches * self._global_batch, self._samples)
        return {**self._state, "epoch": epoch, "samples": samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state with the next pass. Call this before the DataLoader is iterated.

        Raises:
            UsageError: the state is of another data set, seed or order.
        """
        with Loader(*self._arguments, **self._options) as loader:
            loader.load_state_dict(state)
            self._state = loader.state_dict()
        self._options["lanes"] = self._state["lanes"]
        self._next.copy_(torch.tensor([self._state["epoch"], self._state["samples"]]))
