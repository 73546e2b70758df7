"""The epochs of a data set as one rank reads them: any part of any epoch, as batches."""

import logging
import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, Protocol

import numpy as np

from wds_imagenet.reading.batches.batch import Batch
from wds_imagenet.reading.batches.batch_builder import BatchBuilder, Example, ImageMemorySource
from wds_imagenet.reading.batches.batch_plan import plan_batches
from wds_imagenet.reading.batches.batch_spec import BatchSpec
from wds_imagenet.reading.batches.prefetch import filled_batches
from wds_imagenet.reading.batches.stats import Meter
from wds_imagenet.reading.batches.torch_extra import tensors
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.order.epoch_order import EpochOrder, RankSlice
from wds_imagenet.reading.order.state import most_skipped
from wds_imagenet.util.messages import quantity

_log: Final = logging.getLogger(__name__)


class EpochRange(NamedTuple):
    """A part of an epoch: every `every`-th batch from sample `start` of its sequence on."""

    lanes: int
    epoch: int
    start: int = 0
    every: int = 1
    first: int = 0
    """The number of the first batch, counted from `start`."""
    skipped: tuple[str, ...] = ()
    """The keys of this epoch's samples that were skipped before `start`."""


class PositionedBatch(NamedTuple):
    """A batch, and the epoch's position after it."""

    samples: int
    """Samples of the epoch's sequence up to the end of this batch, over all ranks."""
    batch: Batch
    skipped: tuple[str, ...]
    """The keys of this epoch's samples that this rank has skipped so far."""


class BatchSource(Protocol):
    """A source of any epoch's batches: this process, or one of its own."""

    def batches(self, epoch_range: EpochRange, meter: Meter) -> Generator[PositionedBatch, None, None]:
        """Yield the batches of a part of an epoch, and add its costs to the meter.

        They end early when the current token of the thread that asks for the next is cancelled.
        """

    def close(self) -> None:
        """Release memory, threads and processes. Asking for batches again is allowed."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """Everything but the position that decides a loader's batches. Picklable if the transform is."""

    dataset: Dataset
    spec: BatchSpec
    rank_slice: RankSlice
    shuffle: bool
    threads: int
    prefetch_bytes: int

    def batches(
        self, epoch_range: EpochRange, meter: Meter, images: ImageMemorySource | None
    ) -> Generator[PositionedBatch, None, None]:
        """Yield the batches of a part of an epoch, their images in memory from `images` if it is given.

        Raises `DataError` at the first bad sample. With `on_bad="skip"` it is raised only after more than
        0.1 % (or 10) of the epoch's samples were bad.
        """
        example: Example = []
        skipped = epoch_range.skipped
        allowed = most_skipped(len(self.dataset))
        to_batch = tensors().to_batch
        counts = np.array([e.block.samples for e in self.dataset.block_locations], np.int64)
        order = EpochOrder(counts, self.spec.seed, epoch_range.epoch, epoch_range.lanes, shuffle=self.shuffle)
        starts = self.rank_slice.starts(epoch_range.start, order.samples)
        starts = starts[epoch_range.first :: epoch_range.every]
        filled = filled_batches(
            partial(plan_batches, order, self.rank_slice, self.dataset.block_locations, starts),
            lambda plan: BatchBuilder(plan, self.spec, epoch_range.epoch, example, images),
            blocks=self.dataset.blocks,
            threads=self.threads,
            prefetch_bytes=self.prefetch_bytes,
            meter=meter,
        )
        cpu = time.thread_time()
        for plan, builder in filled:
            skipped += tuple(builder.skipped)
            if builder.errors and len(skipped) > allowed:
                error = builder.errors[-1]
                error.add_note(
                    f"{len(skipped)} samples of this epoch were bad, and at most {allowed} are skipped"
                )
                raise error
            builder.errors.clear()  # their tracebacks refer to the builder, and so to its blocks
            positioned = PositionedBatch(plan.stop, to_batch(builder), skipped)
            del plan, builder
            meter.add(plan_cpu_seconds=time.thread_time() - cpu)
            yield positioned
            del positioned
            cpu = time.thread_time()
        if skipped:
            named = ", ".join(skipped[:10]) + (", …" if len(skipped) > 10 else "")
            _log.warning(
                "%s of epoch %d left out as bad: %s",
                quantity(len(skipped), "samples"),
                epoch_range.epoch,
                named,
            )


class InProcessSource:
    """Batches made by threads of this process, their images in memory that is used again and again."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs: Final = epochs
        self._images: ImageMemorySource | None = None

    def batches(self, epoch_range: EpochRange, meter: Meter) -> Generator[PositionedBatch, None, None]:
        """Yield the batches of a part of an epoch."""
        if self._images is None:
            self._images = tensors().image_pool(self._epochs.spec)
        return self._epochs.batches(epoch_range, meter, self._images)

    def close(self) -> None:
        """Release the memory of images. Batches that the consumer keeps stay as they are."""
        self._images = None
