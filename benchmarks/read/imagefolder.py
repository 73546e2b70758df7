"""torchvision's ImageFolder in a DataLoader, on loose files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    transform = v2.Compose(
        [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip(), v2.PILToTensor()]
    )
    loader = DataLoader(
        ImageFolder(str(data / "folder"), transform),
        batch_size=256,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    for _ in epochs:
        yield from loader
