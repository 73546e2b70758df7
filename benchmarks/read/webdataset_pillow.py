"""webdataset + Pillow + torchvision's transforms in DataLoader workers, the most common recipe."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
import webdataset as wds
from torchvision.transforms import v2


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    transform = v2.Compose(
        [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip(), v2.PILToTensor()]
    )
    dataset = (
        wds.WebDataset(shards(data), shardshuffle=100, seed=0)
        .shuffle(1000)
        .decode("pilrgb")
        .to_tuple("jpg", "cls")
        .map_tuple(transform, int)
        .batched(256)
    )
    loader = wds.WebLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0)
    for _ in epochs:
        yield from loader


def shards(data: Path) -> list[str]:
    """Return the shards' paths."""
    return sorted(map(str, (data / "shards").glob("*.tar")))
