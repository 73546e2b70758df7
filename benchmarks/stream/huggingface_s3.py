"""Hugging Face datasets, streaming our shards through s3fs: shuffle buffer, Pillow, one worker."""

from collections.abc import Iterator

import datasets
import torch
from datasets.distributed import split_dataset_by_node
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from stream.source import Source

TRANSFORM = v2.Compose(
    [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip(), v2.PILToTensor()]
)


def batches(source: Source, epochs: int) -> Iterator[tuple[torch.Tensor, list[str]]]:
    """Yield uint8 [256, 3, 224, 224]."""
    samples = datasets.load_dataset(
        "webdataset", data_files=source.shards(), split="train", streaming=True, cache_dir=str(source.scratch)
    )
    samples = samples.select_columns(["jpg", "__key__"]).shuffle(seed=0, buffer_size=1000)
    samples = split_dataset_by_node(samples, source.rank, source.ranks)
    samples = samples.map(
        lambda row: {"image": TRANSFORM(row["jpg"].convert("RGB")), "key": row["__key__"]},
        remove_columns=["jpg", "__key__"],
    )
    loader = DataLoader(samples, batch_size=256, num_workers=1, persistent_workers=True)
    for epoch in range(epochs):
        samples.set_epoch(epoch)
        for batch in loader:
            yield batch["image"], batch["key"]
