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
    decode_image,
)
from wds_imagenet.torch import IterableDataset


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
        with Loader("data", transform, 256, seed=1, drop_last=True, on_bad="skip") as loader:
            batch: Batch = next(iter(loader))
            labels: torch.Tensor = batch.labels
            keys: list[str] = batch.keys
            loader.load_state_dict(loader.state_dict())
            del labels, keys


def a_data_loader_takes_the_iterable_data_set() -> None:
    dataset = IterableDataset("data", RandomResizedCrop(224), 256)
    loader: DataLoader[Batch] = DataLoader(dataset, batch_size=None, num_workers=1)
    del loader
