"""FFCV: its own file, random order, its decoder with crop and resize (OpenCV's INTER_AREA), its flip.

`own` follows FFCV's documentation: each image is decoded, and encoded again at quality 90. `equal` copies the
JPEGs unchanged, through a field that writes them in FFCV's own layout.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from ffcv.fields import IntField, RGBImageField
from ffcv.fields.basics import IntDecoder
from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder, encode_jpeg
from ffcv.libffcv import imdecode, resize_crop
from ffcv.loader import Loader, OrderOption
from ffcv.transforms import RandomHorizontalFlip, ToTensor
from ffcv.writer import DatasetWriter
from PIL import Image

from quality import geometry, jpegs

Pixels = npt.NDArray[np.uint8]


class StoredJpeg(RGBImageField):  # type: ignore[misc]  # FFCV has no types
    """Writes JPEGs unchanged."""

    def encode(
        self,
        destination: Any,  # noqa: ANN401 - a row of FFCV's table
        image: bytes,
        malloc: Callable[[int], tuple[int, Pixels]],
    ) -> None:
        """Store a JPEG and its size in the layout of FFCV's own field."""
        with Image.open(io.BytesIO(image)) as header:
            destination["width"], destination["height"] = header.size
        destination["mode"] = 0
        destination["data_ptr"], storage = malloc(len(image))
        storage[:] = np.frombuffer(image, np.uint8)


def prepare(data: Path, variant: str) -> None:
    """Write FFCV's file."""
    path = file_of(data, variant)
    if path.exists():
        return
    samples = list(jpegs(data))
    field = StoredJpeg() if variant == "equal" else RGBImageField(write_mode="jpg", jpeg_quality=90)
    part = path.with_suffix(".part")
    writer = DatasetWriter(str(part), {"image": field, "label": IntField()}, num_workers=2)
    writer.from_indexed_dataset(samples if variant == "equal" else Decoded(samples))
    part.replace(path)


class Decoded:
    """Samples whose images are decoded on access."""

    def __init__(self, samples: list[tuple[bytes, int]]) -> None:
        """Take JPEGs with their labels."""
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, number: int) -> tuple[Pixels, int]:
        jpeg, label = self._samples[number]
        with Image.open(io.BytesIO(jpeg)) as image:
            return np.asarray(image.convert("RGB")), label


def batches(
    data: Path, workers: int, epochs: Iterable[int], variant: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 224, 224, 3]."""
    loader = Loader(
        str(file_of(data, variant)),
        batch_size=256,
        num_workers=workers,
        os_cache=True,
        order=OrderOption.RANDOM,
        drop_last=False,
        custom_fields={"image": RGBImageField},
        pipelines={
            "image": [RandomResizedCropRGBImageDecoder((224, 224)), RandomHorizontalFlip(), ToTensor()],
            "label": [IntDecoder(), ToTensor()],
        },
    )
    for _ in epochs:
        for images, labels in loader:
            yield images, labels.flatten()


def centers(data: Path, variant: str) -> Iterator[Pixels]:
    """Yield the central crops of the shards' images, through the functions that FFCV's decoders call."""
    for jpeg, _label in jpegs(data):
        with Image.open(io.BytesIO(jpeg)) as image:
            width, height = image.size
            encoded = np.frombuffer(jpeg, np.uint8)
            if variant == "own":
                encoded = encode_jpeg(np.asarray(image.convert("RGB")), 90)
        whole = np.empty((height, width, 3), np.uint8)
        imdecode(encoded, whole, height, width, height, width)
        wide, high, left, top = geometry(width, height)
        resized = np.empty((high, wide, 3), np.uint8)
        resize_crop(whole, 0, height, 0, width, resized)
        yield resized[top : top + 224, left : left + 224]


def file_of(data: Path, variant: str) -> Path:
    """Return the path of FFCV's file."""
    return data / f"ffcv-{variant}.beton"
