"""The loader: the epochs of a data set as batches, in an exact, resumable, elastic order."""

import os
import time
import weakref
from collections.abc import Generator, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import fields, replace
from typing import Any, Final, Never, Self

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.arguments import check_names_and_types, whole
from wds_imagenet.reading.batch_source import open_source
from wds_imagenet.reading.batches.batch import Batch
from wds_imagenet.reading.batches.batch_spec import BatchSpec, OnBad
from wds_imagenet.reading.batches.epochs import EpochRange, Epochs
from wds_imagenet.reading.batches.soft_labels import check_label_maps
from wds_imagenet.reading.batches.stats import Meter, Stats
from wds_imagenet.reading.batches.torch_extra import tensors
from wds_imagenet.reading.batches.transform import TransformLike
from wds_imagenet.reading.dataset import Dataset, as_dataset
from wds_imagenet.reading.iteration import Iteration
from wds_imagenet.reading.no_data_loader import NoDataLoader
from wds_imagenet.reading.order.epoch_order import Last, RankSlice, default_lanes
from wds_imagenet.reading.order.position import Position
from wds_imagenet.reading.order.ranks import Place, check_world, default_threads, rank_and_world_size
from wds_imagenet.reading.order.state import LoaderState
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.cancel import current_token


class Loader(NoDataLoader):
    """Streams a data set as batches of tensors.

    The global batches of an epoch depend only on the data set, `seed`, `epoch`, `lanes` and
    `batch_size * world_size`, not on the world size, the threads, or the point of a resume. The loader yields
    every sample once per epoch, or raises an error that names the sample. Only `last="drop"` and
    `on_bad="skip"` leave samples out. Every rank has the same number of batches. Each iteration reads the
    next epoch. The threads stop when the iteration ends, however you leave the loop. A copy, or a pickled
    loader in another process, is independent: it continues after the last batch on its own.

    A rank needs memory for `lanes / world_size` blocks (for one rank: 240 blocks of 2 MiB), for
    `prefetch_bytes`, and for five batches; from a bucket, also for the requests under way, at most 512 MiB.
    Until `close`, it keeps four batches, and from a disk 512 MiB of blocks. The first batch needs a block of
    each lane of the rank.

    Args:
        dataset: the URL of a data set, or an open `Dataset`.
        transform: makes each row of a batch. `RandomResizedCrop`, `ResizeCenterCrop`, `Decode`; a function
            of a `DecodedSample` that returns an array; or an object of your own with a `shape`, or with a
            `region` for the native engine.
        batch_size: samples in a batch of this rank, as in `torch.utils.data.DataLoader`.
        shuffle: False keeps the order of the shards, and gives each rank a contiguous part, for evaluation.
        seed: decides the order of every epoch, and the random numbers of every sample.
        epoch: the epoch of the first iteration.
        rank: this rank; by default that of torch.distributed, or that which torchrun, Open MPI, MPICH or
            SLURM put into the environment. Iterating raises an error if torch.distributed then has another.
        world_size: the number of ranks; by default from the same place as the rank.
        lanes: the number of parts of the data set that the loader mixes at a time. It must be a multiple of
            every world size that you may use. The default is the smallest common multiple of the world size
            and 120 that is at least 240, but the world size without `shuffle`, or beyond 1,048,576 lanes.
        threads: decoding threads; by default the usable CPUs, divided by the ranks on this machine.
        last: the epoch's last batch, if the samples do not fill it. "short" has fewer rows, and one row of
            padding on a rank without a sample. "pad" fills it with black rows, masked out in `Batch.mask`,
            for evaluation on several ranks. "drop" leaves it out.
        on_bad: "fail" raises an error at the first sample that cannot be decoded. "skip" masks such samples
            out. In one epoch, a rank may skip 0.1 % of the samples of the data set, or 10 if that is more.
        prefetch_bytes: bytes that may be fetched before they are needed, without the requests under way.
        with_json: fill `Batch.json`; 20 µs a sample.
        with_captions: fill `Batch.captions`.
        soft_labels: fill `Batch.soft_labels` from ReLabel's maps, for each crop; 0.1 ms a sample.
        pin_memory: put batches into page-locked memory; by default where CUDA is present.
        layers: names of label layers, whose labels, captions and fields replace the data set's own.
        process: do all work in one child process, for training loops that hold the GIL. Batches, order,
            states, errors, log records and `stats()` stay the same. Both processes map the memory of the
            images. The child starts with the first iteration, and must import torch (2 s, 250 MB). It lives
            until `close`. This option needs memory for two more batches. With `pin_memory`, this process also
            copies each batch once. A transform of your own must be picklable, and a script that defines it
            needs `if __name__ == "__main__":`. This option works on Linux only.
        storage_options: options of the store, by name; see `--storage-option`.
        unsupported: an unknown argument raises `UsageError`.

    Raises:
        UsageError: an argument is unknown or out of its range.
        ManifestError: the URL holds no data set.
        StoreError: the store cannot be read.
        MissingExtraError: torch is not installed.
    """

    def __init__(
        self,
        dataset: Dataset | str | os.PathLike[str],
        transform: TransformLike,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        lanes: int | None = None,
        threads: int | None = None,
        last: Last = "short",
        on_bad: OnBad = "fail",
        prefetch_bytes: int = 64 << 20,
        with_json: bool = False,
        with_captions: bool = False,
        soft_labels: bool = False,
        pin_memory: bool | None = None,
        layers: Sequence[str] = (),
        process: bool = False,
        storage_options: StorageOptions | None = None,
        **unsupported: Never,
    ) -> None:
        check_names_and_types(unsupported, Loader.__init__, locals())
        batch_size = whole("batch_size", batch_size, 1)
        pin = tensors().default_pin_memory() if pin_memory is None else pin_memory
        self.place = rank_and_world_size(rank, world_size)
        self.rank, self.world_size, _ = self.place
        self.rank_slice: Final = RankSlice(self.rank, self.world_size, batch_size, last)
        spec = BatchSpec(
            transform, batch_size, whole("seed", seed), on_bad, with_json, with_captions, pin, soft_labels
        )
        self.threads: Final = default_threads() if threads is None else whole("threads", threads, 1)
        self.dataset: Final = as_dataset(dataset, storage_options, layers)
        if soft_labels:
            check_label_maps(self.dataset)
        self.rank_slice.check_samples(len(self.dataset))
        ahead = whole("prefetch_bytes", prefetch_bytes, 0)
        self._epochs: Final = Epochs(self.dataset, spec, self.rank_slice, shuffle, self.threads, ahead)
        self._process: Final = process
        self._source: Final = open_source(self._epochs, process=process)
        lanes = default_lanes(self.world_size, shuffle=shuffle) if lanes is None else whole("lanes", lanes)
        self.rank_slice.check_lanes(lanes)
        self._position = Position(lanes, whole("epoch", epoch, 0))
        self._meter: Final = Meter()
        self._iteration: weakref.ref[Iteration[Batch]] | None = None

    @property
    def epoch(self) -> int:
        """The epoch of the latest iteration. Before the first and after `set_epoch`, that of the next one."""
        return self._position.epoch

    @property
    def lanes(self) -> int:
        """The number of lanes of the order: fixed for a run, and kept in its state."""
        return self._position.lanes

    def __len__(self) -> int:
        """Return the number of batches in an epoch, the same for every rank."""
        return len(self.rank_slice.starts(0, len(self.dataset)))

    def __iter__(self) -> Iterator[Batch]:
        """Begin the next epoch, or continue the epoch of a loaded state.

        The next batch of an iteration under way is a `UsageError`: for two at a time, iterate a `copy.copy`.
        An iteration that yielded no batch does not advance the epoch.
        """
        check_world(self.place)
        self._leave("another iteration of this Loader has begun")
        self._position = self._position.next_pass()
        iteration = Iteration(self._iterate)
        self._iteration = weakref.ref(iteration)
        return iteration

    def batches(self, epoch: int, start: int = 0, *, every: int = 1, first: int = 0) -> Iterator[Batch]:
        """Yield some batches of any epoch, and leave the loader's own position as it is.

        Args:
            epoch: the epoch.
            start: the sample of the epoch's sequence, over all ranks, at which the first batch begins.
            every: yield every `every`-th batch only.
            first: the number of the first batch, counted from `start`.
        """
        check_world(self.place)
        epoch_range = EpochRange(self.lanes, whole("epoch", epoch, 0), start, every, first)
        return Iteration(lambda: (batch for _, batch, _ in self._source.batches(epoch_range, self._meter)))

    def _iterate(self) -> Generator[Batch, None, None]:
        owner, token = os.getpid(), current_token()
        began: float | None = (waiting := time.perf_counter())
        at = self._position
        epoch_range = EpochRange(at.lanes, at.epoch, at.samples, skipped=at.skipped)
        for samples, batch, skipped in self._source.batches(epoch_range, self._meter):
            if token.cancelled:
                return
            ready = time.perf_counter()
            self._meter.add(batches=1, samples=int(batch.mask.sum()), wait_seconds=ready - waiting)
            if began is not None:
                self._meter.stats.first_batch_seconds, began = ready - began, None
            self._meter.add(skipped=len(skipped) - len(at.skipped))
            self._position = at = at.after(samples, skipped)
            yield batch
            if os.getpid() != owner:
                raise UsageError(
                    "this iteration belongs to the process that began it: iterate anew in this one"
                )
            del batch
            waiting = time.perf_counter()
            self._meter.add(consumer_seconds=waiting - ready)

    def state_dict(self) -> dict[str, Any]:
        """Return the position after the last batch handed out, as JSON values.

        Batches that were read ahead do not count. The state is the same on every rank, but for `skipped`, so
        one rank may save it for all.
        """
        return self._state().to_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Make the next iteration continue after the last batch of the state.

        The world size may be any that divides the state's lanes. A state at the end of an epoch continues
        with the next epoch. The next batch of an iteration under way is a `UsageError`.

        Args:
            state: the result of `state_dict`, from any rank.

        Raises:
            UsageError: the state is of another data set, seed or order.
        """
        saved = LoaderState.from_dict(state)
        saved.check_against(self._state(), len(self.dataset))
        self.rank_slice.check_lanes(saved.lanes)
        self._leave("load_state_dict was called on this Loader")
        self._continue_after(Position(saved.lanes, saved.epoch, saved.samples, saved.skipped))

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration read this epoch, from its start or from the state that was just loaded."""
        position = self._position.set_epoch(whole("epoch", epoch, 0))
        if position is not self._position:
            self._leave("set_epoch was called on this Loader")
            self._position = position

    def stats(self) -> Stats:
        """Return the work done so far, and the time that each stage took."""
        return self._meter.snapshot()

    def close(self) -> None:
        """End the iteration under way with its threads, and the child process; release the memory.

        Requests under way are cut short. If another thread waits for a batch, this returns at once, and that
        thread's iteration ends as it would after the last batch. Iterating again is allowed.
        """
        self._leave()
        self._source.close()
        self.dataset.blocks.release_memory()

    def _leave(self, cause: str | None = None) -> None:
        if (iteration := self._iteration() if self._iteration else None) is not None:
            has_more = self.rank_slice.starts(self._position.samples, len(self.dataset))
            iteration.close(cause if has_more else None)
        self._iteration = None

    def __repr__(self) -> str:
        size = f"{len(self.dataset):,} samples in batches of {self.rank_slice.batch_size}"
        rank, at = f"rank {self.rank} of {self.world_size}", f"{self._position.samples:,} samples"
        return f"Loader({self.dataset.url!r}: {size}, {rank}, epoch {self.epoch} after {at})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without threads, memory and counts: `copy.copy` is an independent loader, too."""
        spec, epochs = self._epochs.spec, self._epochs
        options = {one.name: getattr(spec, one.name) for one in fields(spec) if one.init} | {
            "shuffle": epochs.shuffle,
            "threads": self.threads,
            "last": self.rank_slice.last,
            "prefetch_bytes": epochs.prefetch_bytes,
            "process": self._process,
        }
        return _remake, (self.dataset, options, self.place, self._position)

    def __deepcopy__(self, memo: object) -> "Loader":
        """Return an independent loader of the same data set, which never changes."""
        return copy(self)

    def __enter__(self) -> Self:
        """Return the loader itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the loader."""
        self.close()

    def _continue_after(self, position: Position) -> None:
        has_ended = not self.rank_slice.starts(position.samples, len(self.dataset))
        self._position = position.at(position.epoch + 1) if has_ended else position

    def _state(self) -> LoaderState:
        at = self._position
        order = (self.dataset.manifest.fingerprint, self._epochs.spec.seed)
        return LoaderState(*order, at.epoch, at.lanes, at.samples, self._epochs.shuffle, at.skipped)


def _remake(dataset: Dataset, options: Mapping[str, Any], place: Place, position: Position) -> Loader:
    """Return the loader that was pickled or copied, on its own after the same batch."""
    loader = Loader(dataset, rank=place.rank, world_size=place.world_size, lanes=position.lanes, **options)
    loader.place = place
    loader._continue_after(replace(position, is_begun=False))  # noqa: SLF001 - of this module
    return loader
