"""webdataset + torchvision's own JPEG decoder and tensor transforms, in DataLoader workers."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
import webdataset as wds
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2


def batches(
    data: Path, workers: int, epochs: Iterable[int]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])

    def decode(jpeg: bytes) -> torch.Tensor:
        encoded = torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy())
        cropped: torch.Tensor = transform(decode_jpeg(encoded, mode=ImageReadMode.RGB))
        return cropped

    dataset = (
        wds.WebDataset(shards(data), shardshuffle=100, seed=0)
        .shuffle(1000)
        .to_tuple("jpg", "cls")
        .map_tuple(decode, int)
        .batched(256)
    )
    loader = wds.WebLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0)
    for _ in epochs:
        yield from loader


def shards(data: Path) -> list[str]:
    """Return the shards' paths."""
    return sorted(map(str, (data / "shards").glob("*.tar")))
