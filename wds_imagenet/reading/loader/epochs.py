"""A data set's epochs as one rank reads them: any part of any of them, as batches."""

import logging
import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.loader.batch import Batch, ImageSource, Recipe
from wds_imagenet.reading.loader.batch_builder import BatchBuilder, Example
from wds_imagenet.reading.loader.pipeline import plan_batches, run
from wds_imagenet.reading.loader.stats import Meter
from wds_imagenet.reading.order.epoch_order import Order, Share
from wds_imagenet.util.messages import quantity

_log: Final = logging.getLogger(__name__)


class Stretch(NamedTuple):
    """A part of an epoch: from sample `start` of its sequence on, all batches or some of them."""

    lanes: int
    epoch: int
    start: int = 0
    every: int = 1
    first: int = 0
    """Every `every`-th batch, beginning with number `first`."""
    skipped: tuple[str, ...] = ()
    """The keys of samples of this epoch that were left out before."""


class Delivery(NamedTuple):
    """A batch, and where the epoch is when it has been given out."""

    samples: int
    batch: Batch
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Epochs:
    """All that decides a loader's batches but where it is. Immutable, and picklable if its transform is."""

    dataset: Dataset
    recipe: Recipe
    share: Share
    shuffle: bool
    threads: int
    prefetch_bytes: int

    def run(
        self, stretch: Stretch, meter: Meter, images: ImageSource | None
    ) -> Generator[Delivery, None, None]:
        """Yield the batches of a stretch, whose images take their memory from `images` if all have one shape.

        The first bad sample ends it, unless it is skipped; more than 0.1 % (or 10) of an epoch are not.
        """
        example: Example = []
        skipped = stretch.skipped
        allowed = max(10, len(self.dataset) // 1000)
        counts = np.array([e.block.samples for e in self.dataset.block_locations], np.int64)
        order = Order(counts, self.recipe.seed, stretch.epoch, stretch.lanes, shuffle=self.shuffle)
        starts = self.share.starts(stretch.start, order.samples)[stretch.first :: stretch.every]
        filled = run(
            partial(plan_batches, order, self.share, self.dataset.block_locations, starts),
            lambda plan: BatchBuilder(plan, self.recipe, stretch.epoch, example, images),
            blocks=self.dataset.blocks,
            threads=self.threads,
            prefetch_bytes=self.prefetch_bytes,
            meter=meter,
        )
        cpu = time.thread_time()
        for plan, draft in filled:
            skipped += tuple(draft.skipped)
            if len(skipped) > allowed:
                error = draft.errors[-1]
                error.add_note(
                    f"{len(skipped)} samples of this epoch were bad, and at most {allowed} are skipped"
                )
                raise error
            draft.errors.clear()  # whose tracebacks hold on to the draft, and so to its blocks
            delivery = Delivery(plan.stop, draft.batch(), skipped)
            del plan, draft
            meter.add(plan_cpu_seconds=time.thread_time() - cpu)
            yield delivery
            del delivery
            cpu = time.thread_time()
        if skipped:
            named = ", ".join(skipped[:10]) + (", …" if len(skipped) > 10 else "")
            _log.warning(
                "%s of epoch %d left out as bad: %s", quantity(len(skipped), "samples"), stretch.epoch, named
            )
