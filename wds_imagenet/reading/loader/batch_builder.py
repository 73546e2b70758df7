"""A batch that is being filled: by several threads, each its own rows, straight in the batch's memory."""

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import DataError, UsageError
from wds_imagenet.format.samples import key_label_image
from wds_imagenet.images.decode import decode
from wds_imagenet.images.probe import probe
from wds_imagenet.images.render import Drawing, Job, render_all, render_drawn
from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.reading.loader.batch import Batch, DecodedSample, ImageSource, Recipe, torch_side
from wds_imagenet.reading.loader.pipeline import Plan
from wds_imagenet.reading.loader.soft_labels import CLASSES, soft_label
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import Rng, state_of_epoch

Example = list[npt.NDArray[Any]]
"""At most one row that a transform of the user's returned: what padding must look like."""
Image = bytes | memoryview
_NO_LABEL: Final = -100  # torch's losses leave it out by default


class BatchBuilder:
    """One batch, of which threads fill rows. Lists hold what it has by row: they cost less to write to."""

    def __init__(
        self, plan: Plan, recipe: Recipe, epoch: int, example: Example, source: ImageSource | None
    ) -> None:
        size = recipe.batch_size
        self.recipe: Final = recipe
        self.labels: Final = [_NO_LABEL] * size
        self.mask: Final = [False] * size
        self.keys: Final = [""] * size
        self.captions: Final = [""] * size if recipe.with_captions else None
        self.json: Final[list[dict[str, Any]] | None] = (
            [{} for _ in range(size)] if recipe.with_json else None
        )
        self.soft_labels: Final = np.zeros((size, CLASSES), np.float32) if recipe.soft_labels else None
        self.rows: Final[list[npt.NDArray[Any] | None]] = [None] * size
        self.images: Final = None if source is None else source.take()
        if self.images is not None:
            self.images.array[len(plan.stays) :] = 0
        self.example: Final = example
        self.skipped: Final[list[str]] = []
        self.errors: Final[list[DataError]] = []
        self._plan: Final = plan
        self._epoch: Final = epoch
        self._drawing: Final = _drawing(plan, recipe, epoch)
        self._more: Final = recipe.with_captions or recipe.with_json or recipe.soft_labels

    def fill(self, rows: Sequence[int], blocks: Sequence[Sequence[Sample]]) -> float:
        """Decode some rows' samples: all that the native engine takes in one call, without the GIL.

        Each is in the block given with its row. A bad one goes to `fail`, and leaves its row masked out.
        Returns the CPU seconds of that call.
        """
        within, images, wrong = self._plan.within, [], {}
        for row, samples in zip(rows, blocks, strict=True):
            try:
                self.keys[row], label, image = key_label_image(samples, within[row])
                if label is not None:
                    self.labels[row] = label
            except DataError as error:  # raised in its turn, after those of the rows before it
                self.keys[row], image, wrong[row] = samples[within[row]].key, b"", error
            images.append(image)
        rendered, cpu = self._render(rows, images)
        for row, image, is_done in zip(rows, images, rendered, strict=True):
            if self._more or not is_done:
                try:
                    if row in wrong:
                        raise wrong[row]
                    self._finish(row, None if is_done else image)
                except DataError as error:
                    self.fail(row, error, self.keys[row])
                    continue
            self.mask[row] = True
        return cpu

    def fail(self, row: int, error: DataError, key: str = "") -> None:
        """Raise the error, its sample named, or skip the sample as the recipe allows."""
        location, within = self._plan.stays[row].location, self._plan.within[row]
        if key:
            number = self._plan.numbers[row]
            error.add_note(f"sample {key!r} (number {number} of the data set, in {location})")
        if self.recipe.on_bad == "fail":
            raise error
        self.skipped.append(key or f"{location} #{within}")
        self.errors.append(error)
        self.keys[row], self.labels[row], self.rows[row] = "", _NO_LABEL, None
        if self.images is not None:
            self.images.array[row] = 0

    def batch(self) -> Batch:
        """Return the finished batch as torch's tensors, without copying images."""
        made: Batch = torch_side().to_batch(self)
        return made

    def _draws(self, row: int) -> Rng:
        return Rng(self.recipe.seed, self._epoch, int(self._plan.numbers[row]))

    def _finish(self, row: int, image: Image | None) -> None:
        """Do for a row all that is not done yet; its image is given if that was not rendered."""
        sample = self._plan.stays[row].samples()[self._plan.within[row]]
        caption = sample.caption if self.captions is not None else None
        json = sample.json if self.json is not None else {}
        if image is not None:
            self._transform(row, sample, image)
        if self.soft_labels is not None:
            self.soft_labels[row] = self._soft_label(row, sample)
        if self.captions is not None:
            self.captions[row] = caption or ""
        if self.json is not None:
            self.json[row] = json

    def _soft_label(self, row: int, sample: Sample) -> npt.NDArray[np.float32]:
        transform = self.recipe.transform
        if not isinstance(transform, RandomResizedCrop | ResizeCenterCrop):  # the recipe has refused it
            raise UsageError("soft labels are those of crops")
        return soft_label(sample, transform, self._draws(row))  # the same draws anew, and so the same crop

    def _render(self, rows: Sequence[int], images: Sequence[Image]) -> tuple[list[bool], float]:
        """Let the native engine fill what it takes; return which rows are done, and its CPU seconds."""
        transform = self.recipe.transform
        done, cpu = [False] * len(rows), 0.0
        if self.images is None or not isinstance(transform, RandomResizedCrop | ResizeCenterCrop):
            return done, cpu
        out, antialias = self.images.array, transform.antialias
        if self._drawing is not None:
            began = time.thread_time()
            done = render_drawn(images, rows, self._drawing, out, antialias=antialias)
            cpu += time.thread_time() - began
        if not all(done):
            left = [i for i, is_done in enumerate(done) if not is_done]
            jobs = [self._job(rows[i], images[i], transform) for i in left]
            began = time.thread_time()
            rendered = render_all(jobs, out, transform.shape[:2], antialias=antialias)
            cpu += time.thread_time() - began
            for i, is_done in zip(left, rendered, strict=True):
                done[i] = is_done
        return done, cpu

    def _job(self, row: int, image: Image, transform: RandomResizedCrop | ResizeCenterCrop) -> Job | None:
        """Return what is to be rendered; None for what has to be transformed by itself."""
        try:
            header = probe(image)
            return Job(image, header, transform.window(header, self._draws(row)), row)
        except DataError:  # raised anew, with its place, where the sample is transformed by itself
            return None

    def _transform(self, row: int, sample: Sample, image: Image) -> None:
        transform, rng = self.recipe.transform, self._draws(row)
        if isinstance(transform, RandomResizedCrop | ResizeCenterCrop | Decode):
            out = None if self.images is None else self.images.array[row]
            self.rows[row] = transform(image, rng, out)
            return
        decoded = DecodedSample(sample.key, decode(image), sample.label, sample.caption, sample.json, rng)
        try:
            self.rows[row] = _array(transform(decoded))
        except Exception as error:  # whatever the user's own code raises
            location = self._plan.stays[row].location
            error.add_note(f"in the transform of sample {sample.key!r}, in {location}")
            raise


def _drawing(plan: Plan, recipe: Recipe, epoch: int) -> Drawing | None:
    transform = recipe.transform
    rule = transform.rule if isinstance(transform, RandomResizedCrop) else None
    return None if rule is None else Drawing(rule, state_of_epoch(recipe.seed, epoch), plan.numbers)


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
