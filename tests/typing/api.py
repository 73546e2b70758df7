"""Checked by mypy, never run: the public names have the types that the documentation says."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from wds_imagenet import (
    Batch,
    Dataset,
    Decode,
    DecodedSample,
    Loader,
    RandomResizedCrop,
    ResizeCenterCrop,
    Sample,
    Stats,
    Transform,
    VerifyReport,
    decode_image,
    index,
    verify,
)
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.native_crop import NativeCrop
from wds_imagenet.images.render import CropRegion
from wds_imagenet.torch import IterableDataset
from wds_imagenet.util.rng import Rng


def a_data_set_has_samples() -> None:
    dataset: Dataset = Dataset.open("s3://bucket/data", storage_options={"endpoint_url": "http://localhost"})
    number: int = len(dataset)
    sample: Sample = dataset[number - 1]
    image: bytes = dataset["key"].image
    pixels: npt.NDArray[np.uint8] = decode_image(image)
    samples: Iterator[Sample] = dataset.samples()
    label: int | None = sample.label
    caption: str | None = sample.caption
    del pixels, samples, label, caption


def a_loader_has_batches() -> None:
    def own(sample: DecodedSample) -> npt.NDArray[np.uint8]:
        return sample.image[:1, :1]

    for transform in (RandomResizedCrop(224, flip=True), ResizeCenterCrop(256, 224), Decode(), own):
        with Loader("data", transform, 256, seed=1, last="drop", on_bad="skip") as loader:
            batch: Batch = next(iter(loader))
            labels: torch.Tensor = batch.labels
            keys: list[str] = batch.keys
            loader.load_state_dict(loader.state_dict())
            del labels, keys


class Thumbnail:
    shape = (16, 16, 3)
    dtype = np.float32

    def __call__(self, sample: DecodedSample, out: npt.NDArray[np.float32]) -> None:
        out[...] = sample.image[:16, :16]


class AnySize:
    shape = None

    def __call__(self, sample: DecodedSample) -> npt.NDArray[np.uint8]:
        return sample.image


class LeftHalf:
    shape = (64, 64, 3)
    antialias = True

    def region(self, header: ImageHeader, rng: Rng) -> CropRegion:
        return CropRegion((0.0, 0.0, header.width * rng.uniform(), header.height))


def a_loader_takes_transforms_of_the_users_own() -> None:
    thumbnail: Transform = Thumbnail()
    crop: NativeCrop = LeftHalf()
    for built_in in (RandomResizedCrop(), ResizeCenterCrop()):
        both: tuple[Transform, NativeCrop] = built_in, built_in
        del both
    for loader in (Loader("data", thumbnail, 8), Loader("data", crop, 8), Loader("data", AnySize(), 8)):
        stats: Stats = loader.stats()
        del stats


def an_unknown_argument_is_a_type_error() -> None:
    Loader("data", Decode(), 8, num_workers=4)  # type: ignore[arg-type]


def a_data_set_is_verified_and_indexed() -> None:
    report: VerifyReport = verify("data", deep=True, layers=["captions"], threads=8)
    ok: bool = report.ok
    samples: int = index(["data/a.tar", "data/b.tar"], on_progress=lambda now: now.samples).samples
    del ok, samples


def a_data_loader_takes_the_iterable_data_set() -> None:
    dataset = IterableDataset("data", RandomResizedCrop(224), 256)
    loader: DataLoader[Batch] = DataLoader(dataset, batch_size=None, num_workers=1)
    del loader
