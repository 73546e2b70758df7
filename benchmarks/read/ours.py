"""wds-imagenet: `Loader` with `RandomResizedCrop`, antialiased."""

from collections.abc import Iterator
from pathlib import Path

import torch

from wds_imagenet import Loader, RandomResizedCrop


def batches(data: Path, workers: int, epochs: int) -> Iterator[torch.Tensor]:
    """Yield uint8 [256, 3, 224, 224]."""
    with Loader(str(data / "shards"), RandomResizedCrop(224, flip=True), 256, threads=workers) as loader:
        for _ in range(epochs):
            for batch in loader:
                assert isinstance(batch.images, torch.Tensor)  # noqa: S101 - for the type checker
                yield batch.images[: int(batch.mask.sum())]  # what follows is padding
