"""The loader: a data set's epochs as batches, in an exact, resumable, elastic order."""

import os
import time
import weakref
from collections.abc import Generator, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.dataset import Dataset, as_dataset
from wds_imagenet.reading.loader.arguments import whole
from wds_imagenet.reading.loader.batch import Batch, OnBad, Recipe, Transform, image_pool, torch_side
from wds_imagenet.reading.loader.epochs import Delivery, Epochs, Stretch
from wds_imagenet.reading.loader.iteration import Iteration
from wds_imagenet.reading.loader.soft_labels import check_label_maps
from wds_imagenet.reading.loader.stats import Meter, Stats
from wds_imagenet.reading.order.epoch_order import Share, default_lanes
from wds_imagenet.reading.order.ranks import default_threads, rank_and_world_size
from wds_imagenet.reading.order.state import State
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.cancel import current_token

if TYPE_CHECKING:
    from wds_imagenet.reading.subprocess.parent import ReadingProcess
    from wds_imagenet.reading.torch import ImagePool


class Loader:
    """Streams a data set as batches of tensors.

    Guarantees that the global batches of an epoch depend on the data set, `seed`, `epoch`, `lanes` and
    `batch_size * world_size` alone: not on the world size, the threads, or where a run was resumed.
    Every sample comes once an epoch, or a clear error says which cannot; every rank has the same
    number of batches. Iterating again is the next epoch. Threads live while an iteration does; leaving
    the loop, however it is left, ends them.

    Costs the memory of lanes / world size blocks (240 of 2 MiB for one rank), of `prefetch_bytes`, and of
    five batches; between epochs, until `close`, that of 512 MiB of blocks and of four batches; and before the
    first batch the time to fetch a block for each lane.

    batch_size: samples a batch of this rank, as in `torch.utils.data.DataLoader`.
    shuffle: False gives the shards' own order, dealt to the ranks in runs; for evaluation.
    rank, world_size: torch.distributed's or the environment's by default.
    lanes: how many places of the data set are mixed at a time; a multiple of every world size that the
        run may have. By default the least common multiple of the world size and 120 from 240 on.
    threads: decoding threads; by default the usable CPUs, divided by `LOCAL_WORLD_SIZE`.
    drop_last: leave out the last batch if it is not full, instead of padding it (see `Batch.mask`).
    on_bad: "skip" masks out samples that cannot be decoded, at most 0.1 % (or 10) an epoch of
        this rank.
    prefetch_bytes: what may be fetched ahead of need.
    soft_labels: whether batches have those of ReLabel, of each crop that is drawn; 0.1 ms a sample.
    layers: names of label layers, whose labels, captions and fields count over the data set's own.
    pin_memory: whether batches lie in page-locked memory; by default where CUDA is present.
    process: do all of this in one child process, for training loops that hold the GIL. The batches, their
        order, states, errors, log records and `stats()` are the same, and images lie in memory that both
        processes map. The process is started with the first iteration, which costs the import of torch (2 s
        and 250 MB), is kept until `close`, and ends with the loader or this process, however that ends. Costs
        the memory of two more batches, and with `pin_memory` one copy here, without the GIL. A
        `transform` of your own must be picklable, and a script that defines it needs
        `if __name__ == "__main__":`. Linux alone.
    """

    def __init__(
        self,
        dataset: Dataset | str | os.PathLike[str],
        transform: Transform,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        lanes: int | None = None,
        threads: int | None = None,
        drop_last: bool = False,
        on_bad: OnBad = "fail",
        prefetch_bytes: int = 64 << 20,
        with_json: bool = False,
        with_captions: bool = False,
        soft_labels: bool = False,
        pin_memory: bool | None = None,
        layers: Sequence[str] = (),
        process: bool = False,
        storage_options: StorageOptions | None = None,
    ) -> None:
        batch_size = whole("batch_size", batch_size, 1)
        pin = torch_side().default_pin_memory() if pin_memory is None else pin_memory
        self.rank, self.world_size = rank_and_world_size(rank, world_size)
        self.share: Final = Share(self.rank, self.world_size, batch_size, drop_last)
        recipe = Recipe(
            transform, batch_size, whole("seed", seed), on_bad, with_json, with_captions, pin, soft_labels
        )
        self.threads: Final = default_threads() if threads is None else whole("threads", threads, 1)
        self.dataset: Final = as_dataset(dataset, storage_options, layers)
        if soft_labels:
            check_label_maps(self.dataset)
        if drop_last and self.share.global_batch > len(self.dataset):
            raise UsageError(
                f"a global batch of {self.share.global_batch} ({batch_size} × {self.world_size} ranks) is "
                f"larger than the data set ({len(self.dataset)} samples), so drop_last leaves nothing"
            )
        ahead = whole("prefetch_bytes", prefetch_bytes, 0)
        self._epochs: Final = Epochs(self.dataset, recipe, self.share, shuffle, self.threads, ahead)
        self._process: Final = _process(self._epochs) if process else None
        self._images: ImagePool | None = None
        self._lanes = self._default_lanes() if lanes is None else self._check_lanes(whole("lanes", lanes))
        self._meter = Meter()
        self._skipped: tuple[str, ...] = ()
        self._epoch, self._samples, self._begun = _checked_epoch(epoch), 0, False
        self._iteration: weakref.ref[Iteration[Batch]] | None = None

    @property
    def epoch(self) -> int:
        """The epoch under way, or the next one if none is."""
        return self._epoch

    @property
    def lanes(self) -> int:
        """How many lanes the order has: fixed for the run, kept in the state."""
        return self._lanes

    def __len__(self) -> int:
        """Return the number of batches in an epoch, the same for every rank."""
        return len(self.share.starts(0, len(self.dataset)))

    def __iter__(self) -> Iterator[Batch]:
        """Begin the next epoch, or continue the one that `load_state_dict` gave.

        An iteration that is still under way is closed; one that gave no batch was none.
        """
        self._leave()
        if self._begun:
            self._epoch, self._samples, self._begun = self._epoch + 1, 0, False
            self._skipped = ()
        iteration = Iteration(self._iterate)
        self._iteration = weakref.ref(iteration)
        return iteration

    def batches(self, epoch: int, start: int = 0, *, every: int = 1, first: int = 0) -> Iterator[Batch]:
        """Yield an epoch's batches from sample `start` of its sequence on, and change no state.

        Or every `every`-th of them, beginning with number `first`.
        """
        stretch = Stretch(self._lanes, _checked_epoch(epoch), start, every, first)
        for _, batch, _ in self._run(stretch):
            yield batch

    def _iterate(self) -> Generator[Batch, None, None]:
        owner, token = os.getpid(), current_token()
        began: float | None = time.perf_counter()
        waiting = time.perf_counter()
        stretch = Stretch(self._lanes, self._epoch, self._samples, skipped=self._skipped)
        for samples, batch, skipped in self._run(stretch):
            if token.cancelled:
                return
            ready = time.perf_counter()
            self._meter.add(batches=1, samples=int(batch.mask.sum()), wait_seconds=ready - waiting)
            if began is not None:
                self._meter.stats.first_batch_seconds, began = ready - began, None
            self._meter.add(skipped=len(skipped) - len(self._skipped))
            self._samples, self._skipped, self._begun = samples, skipped, True
            yield batch
            if os.getpid() != owner:
                raise UsageError("this iteration belongs to the process that began it: iterate anew")
            del batch
            waiting = time.perf_counter()
            self._meter.add(consumer_seconds=waiting - ready)

    def state_dict(self) -> dict[str, Any]:
        """Return, as JSON values, where the consumer is: after the last batch that it was given.

        What was read ahead does not count. The same on every rank but for `skipped`, so one rank may
        save it for all.
        """
        return self._state().to_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue, with the next iteration, after the last batch that the state's owner was given.

        On any world size that divides the state's lanes. A state at the end of an epoch continues with
        the next one. Raises `UsageError` if the state is of another data set, seed or order.
        """
        saved, own = State.from_dict(state), self._state()
        for name in ("fingerprint", "seed", "shuffle"):
            theirs, ours = getattr(saved, name), getattr(own, name)
            if theirs != ours:
                raise UsageError(
                    f"the state has {name} {theirs!r}, this loader {ours!r}: it would not be continued but "
                    "replaced. Open the loader as the run was begun"
                )
        lanes = self._check_lanes(saved.lanes)
        if saved.samples > len(self.dataset):
            raise UsageError(f"the state has {saved.samples} samples of {len(self.dataset)}")
        self._leave()
        self._lanes = lanes
        ended = not self.share.starts(saved.samples, len(self.dataset))
        self._epoch, self._samples = (saved.epoch + 1, 0) if ended else (saved.epoch, saved.samples)
        self._skipped = () if ended else saved.skipped
        self._begun = False

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration this epoch.

        From its beginning, unless it is the one that a loaded state is about to continue.
        """
        if self._begun or epoch != self._epoch:
            self._leave()
            self._epoch, self._samples, self._begun = _checked_epoch(epoch), 0, False
            self._skipped = ()

    def stats(self) -> Stats:
        """Return what has been done so far, and where the time went."""
        return self._meter.snapshot()

    def close(self) -> None:
        """End the iteration that is under way, if one is, with its threads, and the process if there is one.

        Requests under way are cut short. While another thread waits for a batch it returns at once, and that
        thread's iteration ends as it would after the last one. Iterating again is allowed.
        """
        self._leave()
        self._images = None
        self.dataset.blocks.let_go()
        if self._process is not None:
            self._process.close()

    def _run(self, stretch: Stretch) -> Iterator[Delivery]:
        if self._process is not None:
            return self._process.run(stretch, self._meter)
        if self._images is None:
            self._images = image_pool(self._epochs.recipe)
        return self._epochs.run(stretch, self._meter, self._images)

    def _leave(self) -> None:
        iteration = self._iteration() if self._iteration else None
        if iteration is not None:
            iteration.close()
        self._iteration = None

    def __repr__(self) -> str:
        samples = f"{len(self.dataset):,} samples in batches of {self.share.batch_size}"
        place = f"rank {self.rank} of {self.world_size}, epoch {self._epoch} after {self._samples:,} samples"
        return f"Loader({self.dataset.url!r}: {samples}, {place})"

    def __enter__(self) -> Self:
        """Return the loader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _state(self) -> State:
        return State(
            self.dataset.manifest.fingerprint,
            self._epochs.recipe.seed,
            self._epoch,
            self._lanes,
            self._samples,
            self._epochs.shuffle,
            self._skipped,
        )

    def _default_lanes(self) -> int:
        return default_lanes(self.world_size) if self._epochs.shuffle else self.world_size

    def _check_lanes(self, lanes: int) -> int:
        self.share.check_lanes(lanes)
        return lanes


def _checked_epoch(epoch: int) -> int:
    return whole("epoch", epoch, 0)


def _process(epochs: Epochs) -> "ReadingProcess":
    from wds_imagenet.reading.subprocess.parent import ReadingProcess  # noqa: PLC0415 - it imports torch

    return ReadingProcess(epochs)
