"""A batch under construction: several threads fill its rows, straight in the batch's memory."""

import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from wds_imagenet.errors import DataError
from wds_imagenet.format.samples import key_label_image
from wds_imagenet.images.native_crop import NativeCrop, render_crop
from wds_imagenet.images.probe import probe
from wds_imagenet.images.render import CropJob, RandomCrops, render_all, render_drawn
from wds_imagenet.reading.batches.batch_plan import BatchPlan
from wds_imagenet.reading.batches.batch_spec import BatchSpec
from wds_imagenet.reading.batches.decoded_sample import DecodedSample
from wds_imagenet.reading.batches.soft_labels import CLASSES, soft_label
from wds_imagenet.reading.batches.transform import Array, check_filled, result_of
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import Rng, state_of_epoch

Example = list[Array]
"""At most one array that a plain function returned: the shape of a row of padding."""
Image = bytes | memoryview
_NO_LABEL: Final = -100  # torch's losses ignore it by default


class ImageMemory(Protocol):
    """The memory of one batch's images."""

    @property
    def array(self) -> Array:
        """NumPy's view of it, [B, *shape], to write the images into."""

    @property
    def tensor(self) -> Any:  # noqa: ANN401 - torch is imported later
        """Torch's view of the same."""


class ImageMemorySource(Protocol):
    """A source of memory for batches of one shape."""

    def take(self) -> ImageMemory:
        """Return memory that no other batch uses. Its content is undefined."""


class BatchBuilder:
    """One batch, whose rows several threads fill. Columns are lists: arrays cost more to write to."""

    def __init__(
        self, plan: BatchPlan, spec: BatchSpec, epoch: int, example: Example, source: ImageMemorySource | None
    ) -> None:
        size = plan.rows
        self.spec: Final = spec
        self.labels: Final = [_NO_LABEL] * size
        self.mask: Final = [False] * size
        self.keys: Final = [""] * size
        self.captions: Final = [""] * size if spec.with_captions else None
        self.json: Final[list[dict[str, Any]] | None] = [{} for _ in range(size)] if spec.with_json else None
        self.soft_labels: Final = np.zeros((size, CLASSES), np.float32) if spec.soft_labels else None
        self.rows: Final[list[Array | None]] = [None] * size
        self.images: Final = None if source is None else source.take()
        if self.images is not None:
            self.images.array[len(plan.blocks) : size] = 0
        self.example: Final = example
        self.skipped: Final[list[str]] = []
        self.errors: Final[list[DataError]] = []
        self._plan: Final = plan
        self._epoch: Final = epoch
        self._random_crops: Final = _random_crops(plan, spec, epoch)
        self._needs_sample: Final = spec.with_captions or spec.with_json or spec.soft_labels

    def fill(self, rows: Sequence[int], blocks: Sequence[Sequence[Sample]]) -> tuple[float, float]:
        """Decode the samples of some rows, each from the block given with it.

        The native engine renders all it can in one call, without the GIL. A bad sample goes to `fail`, and
        its row stays masked out. Returns the CPU seconds of that call, and of the user's own transform.
        """
        within, images, errors = self._plan.within, [], {}
        for row, samples in zip(rows, blocks, strict=True):
            try:
                self.keys[row], label, image = key_label_image(samples, within[row])
                if label is not None:
                    self.labels[row] = label
            except DataError as error:  # raised in its turn, after the errors of the rows before it
                self.keys[row], image, errors[row] = samples[within[row]].key, b"", error
            images.append(image)
        rendered, cpu = self._render(rows, images)
        own_cpu = 0.0
        for row, is_done in zip(rows, rendered, strict=True):
            if self._needs_sample or not is_done:
                try:
                    if row in errors:
                        raise errors[row]
                    own_cpu += self._finish(row, is_rendered=is_done)
                except DataError as error:
                    self.fail(row, error, self.keys[row])
                    continue
            self.mask[row] = True
        return cpu, own_cpu

    def fail(self, row: int, error: DataError, key: str = "") -> None:
        """Raise the error with its sample named, or skip the sample if the spec allows that."""
        location, within = self._plan.blocks[row].location, self._plan.within[row]
        if key:
            number = self._plan.numbers[row]
            error.add_note(f"sample {key!r} (number {number} of the data set, in {location})")
        if self.spec.on_bad == "fail":
            raise error
        self.skipped.append(key or f"{location} #{within}")
        self.errors.append(error)
        self.keys[row], self.labels[row], self.rows[row] = "", _NO_LABEL, None
        if self.images is not None:
            self.images.array[row] = 0

    def _rng(self, row: int) -> Rng:
        return Rng(self.spec.seed, self._epoch, int(self._plan.numbers[row]))

    def _finish(self, row: int, *, is_rendered: bool) -> float:
        """Fill the columns of a row that are still empty; return the CPU seconds of the user's transform."""
        sample = self._plan.blocks[row].samples()[self._plan.within[row]]
        caption = sample.caption if self.captions is not None else None
        json = sample.json if self.json is not None else {}
        own_cpu = 0.0 if is_rendered else self._transform(row, sample)
        if self.soft_labels is not None and (crop := self.spec.traits.crop) is not None:
            self.soft_labels[row] = soft_label(
                sample, crop, self._rng(row)
            )  # the same draws, so the same crop
        if self.captions is not None:
            self.captions[row] = caption or ""
        if self.json is not None:
            self.json[row] = json
        return own_cpu

    def _render(self, rows: Sequence[int], images: Sequence[Image]) -> tuple[list[bool], float]:
        """Let the native engine render what it can; return the rows that are done, and its CPU seconds."""
        crop = self.spec.traits.crop
        done, cpu = [False] * len(rows), 0.0
        if self.images is None or crop is None:
            return done, cpu
        out, antialias = self.images.array, crop.antialias
        height, width, _ = crop.shape
        if self._random_crops is not None:
            began = time.thread_time()
            done = render_drawn(images, rows, self._random_crops, out, antialias=antialias)
            cpu += time.thread_time() - began
        if not all(done):
            left = [i for i, is_done in enumerate(done) if not is_done]
            jobs = [self._job(rows[i], images[i], crop) for i in left]
            began = time.thread_time()
            rendered = render_all(jobs, out, (height, width), antialias=antialias)
            cpu += time.thread_time() - began
            for i, is_done in zip(left, rendered, strict=True):
                done[i] = is_done
        return done, cpu

    def _job(self, row: int, image: Image, crop: NativeCrop) -> CropJob | None:
        """Return one task of the native engine; None for a sample that is transformed by itself."""
        try:
            header = probe(image)
            return CropJob(image, header, crop.region(header, self._rng(row)), row)
        except DataError:  # raised again, with its sample named, by `_transform`
            return None

    def _transform(self, row: int, sample: Sample) -> float:
        transform: Any = self.spec.transform
        crop = self.spec.traits.crop
        decoded = DecodedSample(sample, self._rng(row))
        out = None if self.images is None else self.images.array[row]
        if crop is not None:
            render_crop(crop, decoded, out)
            return 0.0
        began = time.thread_time()
        try:
            if out is not None:
                check_filled(transform(decoded, out), out)
            else:
                self.rows[row] = result_of(transform(decoded))
        except Exception as error:  # anything that the user's own code raises
            location = self._plan.blocks[row].location
            error.add_note(f"in the transform of sample {sample.key!r}, in {location}")
            raise
        return time.thread_time() - began - decoded._decode_cpu_seconds  # noqa: SLF001 - counted apart


def _random_crops(plan: BatchPlan, spec: BatchSpec, epoch: int) -> RandomCrops | None:
    rule = spec.traits.rule
    return None if rule is None else RandomCrops(rule, state_of_epoch(spec.seed, epoch), plan.numbers)
