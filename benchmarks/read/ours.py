"""wds-imagenet: `Loader` with `RandomResizedCrop`, antialiased.

For `quality`, `exact` decodes at full size, the default; `scaled` decodes at the smallest sufficient size.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from wds_imagenet import Loader, RandomResizedCrop, ResizeCenterCrop


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    with Loader(str(data / "shards"), RandomResizedCrop(224, flip=True), 256, threads=workers) as loader:
        for _ in epochs:
            for batch in loader:
                assert isinstance(batch.images, torch.Tensor)  # noqa: S101 - for the type checker
                real = int(batch.mask.sum())  # the rest is padding
                yield batch.images[:real], batch.labels[:real]


def centers(data: Path, variant: str) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the central crops of the shards' images."""
    transform = ResizeCenterCrop(256, 224, scaled_decode=variant == "scaled")
    with Loader(str(data / "shards"), transform, 50, shuffle=False) as loader:
        for batch in loader:
            assert isinstance(batch.images, torch.Tensor)  # noqa: S101 - for the type checker
            yield from batch.images[: int(batch.mask.sum())].permute(0, 2, 3, 1).numpy()
