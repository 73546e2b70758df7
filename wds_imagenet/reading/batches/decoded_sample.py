"""One sample as a transform is called with it."""

import time
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from wds_imagenet.images.decode import decode_image
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.probe import probe
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import Rng


class DecodedSample:
    """The sample that the loader passes to a transform. Each attribute is decoded when you first read it.

    A transform that reads only `data` or `header` decodes no pixels. Reading a damaged member raises
    `DataError`, and `on_bad` decides how the loader handles it. If you keep `data` after the call, copy it:
    `data` is a view of a block of many samples.

    Args:
        sample: the sample as it is stored, such as `dataset[0]`.
        rng: the random numbers of the sample. The default (seed, epoch, index 0) is for trying a transform.
    """

    def __init__(self, sample: Sample, rng: Rng | None = None) -> None:
        self._sample = sample
        self._rng = Rng(0, 0, 0) if rng is None else rng
        self._decode_cpu_seconds = 0.0

    def __repr__(self) -> str:
        return f"DecodedSample({self._sample!r})"

    @property
    def key(self) -> str:
        """The key, unique in its data set."""
        return self._sample.key

    @property
    def rng(self) -> Rng:
        """Random numbers that belong to this sample in this epoch.

        A transform that draws from no other generator augments alike on every world size, with any number
        of threads, and after a resume.
        """
        return self._rng

    @cached_property
    def data(self) -> bytes | memoryview:
        """The encoded image, byte for byte as it was packed."""
        return self._sample.members[self._sample.suffix]

    @cached_property
    def header(self) -> ImageHeader:
        """The image's header: format, width, height and EXIF orientation. Costs 10 µs."""
        return probe(self.data)

    @cached_property
    def image(self) -> npt.NDArray[np.uint8]:
        """The pixels, uint8 [height, width, 3], RGB, as stored. The array is yours to change."""
        began = time.thread_time()
        image = decode_image(self.data)
        self._decode_cpu_seconds = time.thread_time() - began
        return image

    @property
    def label(self) -> int | None:
        """The class index; None if the sample has none."""
        return self._sample.label

    @property
    def caption(self) -> str | None:
        """The caption; None if the sample has none."""
        return self._sample.caption

    @cached_property
    def json(self) -> dict[str, Any]:
        """The JSON fields; `{}` if the sample has none."""
        return self._sample.json
