"""`IterableDataset`: the batches of a `Loader` behind torch's own `DataLoader`."""

from collections.abc import Iterator
from copy import copy
from typing import Any, Final, Never
from weakref import ref

from torch.utils import data
from torch.utils.data import _utils

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.batches.batch import Batch
from wds_imagenet.reading.callers import refuse_batching, refuse_splitting
from wds_imagenet.reading.loader import Loader
from wds_imagenet.reading.order.ranks import check_world
from wds_imagenet.reading.passes import EpochStart, Passes, Worker


class IterableDataset(data.IterableDataset[Batch]):
    """A `Loader` for programs that need a `torch.utils.data.DataLoader`.

    Pass it with `batch_size=None`. It yields whole batches, the same as `Loader` in the same order, for any
    `num_workers`, persistent or not. Each pass reads the next epoch, unless you call `set_epoch` before it.
    Torchdata's StatefulDataLoader resumes it after any batch, with any number of workers.

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
        # Made here: a worker process has neither the trainer's process group nor its CUDA.
        self._loader = Loader(*arguments, **{**options, "pin_memory": False})
        self._passes: Final = Passes(self._loader.epoch)
        self._latest: ref[_Pass] | None = None

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self._loader)

    def __getattr__(self, name: str) -> Never:
        if name == "generator":  # Accelerate asks for it before it shares the batches among the ranks
            refuse_splitting(self._loader.world_size)
        raise AttributeError(f"an IterableDataset has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a worker process needs. Raises `UsageError` if the loader has another rank by now."""
        check_world(self._loader.place)
        refuse_splitting(self._loader.world_size)
        return {**vars(self), "_latest": None}

    def __iter__(self) -> Iterator[Batch]:
        """Yield the epoch's batches, or in a worker its part of them."""
        check_world(self._loader.place)
        refuse_splitting(self._loader.world_size)
        info = data.get_worker_info()
        worker = Worker() if info is None else Worker(info.id, info.num_workers, info.seed - info.id)
        latest = _Pass(self._loader, self._passes, worker)
        self._latest = ref(latest)
        return latest

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass this epoch: from its beginning, unless a state of it was just loaded."""
        self._passes.set_epoch(epoch)

    def state_dict(
        self,
        batches: int | None = None,
        from_beginning: bool | None = None,  # noqa: FBT001 - Composer passes it by position
    ) -> dict[str, Any]:
        """Return the state after so many batches of the pass that was begun last.

        `Loader` can load this state, and this class can load the state of a `Loader`.

        Args:
            batches: the batches that the training loop has used. A DataLoader reads ahead, so only the
                loop can count them. Without a DataLoader, or without workers, the default is right: the
                batches that this data set has handed out.
            from_beginning: for Composer, which passes True and the samples of the epoch that all ranks used.

        Raises:
            UsageError: `batches` is missing, and worker processes read the batches.
        """
        start = self._passes.latest or self._passes.coming
        latest = None if self._latest is None else self._latest()
        if from_beginning is not None:
            start, used = (EpochStart(start.epoch), batches) if batches else (self._passes.coming, 0)
        elif batches is not None:
            used = batches * self._loader.rank_slice.global_batch
        elif self._passes.latest is None or data.get_worker_info() is not None:
            used = 0  # in a worker, StatefulDataLoader keeps the state of the iterator, too
        elif latest is None or self._passes.is_in_workers:
            raise UsageError(
                "a DataLoader reads ahead, so the data set cannot count the batches that the loop has used: "
                "pass their number, or use torchdata's StatefulDataLoader"
            )
        else:
            used = latest.handed_out * self._loader.rank_slice.global_batch
        samples = min(start.samples + used, len(self._loader.dataset))
        return {**self._loader.state_dict(), "epoch": start.epoch, "samples": samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state with the next pass. Call this before the DataLoader is iterated.

        Raises:
            UsageError: the state is of another data set, seed or order.
        """
        self._loader.load_state_dict(state)
        if data.get_worker_info() is None:  # otherwise each worker's iterator loads its own state
            at = self._loader.state_dict()
            self._passes.continue_at(EpochStart(at["epoch"], at["samples"]))


class _Pass(Iterator[Batch]):
    """The batches of one pass, or a worker's part of them. Torchdata saves and loads its state."""

    def __init__(self, loader: Loader, passes: Passes, worker: Worker) -> None:
        self._loader: Final = copy(loader)
        self._passes: Final = passes
        self._worker: Final = worker
        # In a worker at once: the others wait for it. Otherwise with the first batch, as in a Loader.
        self._start = passes.begin(worker) if worker.workers else None
        self._batches: Iterator[Batch] | None = None
        self.handed_out = 0

    def __next__(self) -> Batch:
        if self._batches is None:
            refuse_batching()
            if self._start is None:
                self._start = self._passes.begin(self._worker)
            every = max(1, self._worker.workers)
            first = self._worker.number + self.handed_out * every
            self._batches = self._loader.batches(*self._start, every=every, first=first)
        try:
            batch = next(self._batches)
        except StopIteration:
            self._loader.close()
            raise
        self.handed_out += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """Return the position of this pass, as JSON values."""
        start = self._passes.coming if self._start is None else self._start
        loader = {**self._loader.state_dict(), "epoch": start.epoch, "samples": start.samples}
        return {"loader": loader, "batches": self.handed_out}

    def load_state_dict(self, state: object) -> None:
        """Continue a pass after the same batch; the next pass reads the epoch after it."""
        if not isinstance(state, dict) or set(state) != {"loader", "batches"}:
            raise UsageError("this is not the state of an iteration of wds_imagenet.torch.IterableDataset")
        if type(state["batches"]) is not int or not 0 <= state["batches"] <= len(self._loader):
            raise UsageError("the state counts more batches than an epoch has, or none")
        self._loader.load_state_dict(state["loader"])
        saved = state["loader"]
        self._start = self._passes.resume(EpochStart(saved["epoch"], saved["samples"]), self._worker)
        self._batches, self.handed_out = None, state["batches"]


def _only_one(batches: list[Batch], **_: object) -> Batch:
    refuse_batching(len(batches))
    return batches[0]


_utils.collate.default_collate_fn_map[Batch] = _only_one
