"""webdataset + torchvision's own JPEG decoder and tensor transforms, in DataLoader workers."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import webdataset as wds
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

from quality import jpegs


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])

    def crop(jpeg: bytes) -> torch.Tensor:
        cropped: torch.Tensor = transform(decoded(jpeg))
        return cropped

    dataset = (
        wds.WebDataset(shards(data), shardshuffle=100, seed=0)
        .shuffle(1000)
        .to_tuple("jpg", "cls")
        .map_tuple(crop, int)
        .batched(256)
    )
    loader = wds.WebLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0)
    for _ in epochs:
        yield from loader


def decoded(jpeg: bytes) -> torch.Tensor:
    """Return uint8 [3, height, width]."""
    encoded = torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy())
    pixels: torch.Tensor = decode_jpeg(encoded, mode=ImageReadMode.RGB)
    return pixels


def centers(data: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the central crops of the shards' images."""
    transform = v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224)])
    for jpeg, _label in jpegs(data):
        yield transform(decoded(jpeg)).permute(1, 2, 0).numpy()


def shards(data: Path) -> list[str]:
    """Return the shards' paths."""
    return sorted(map(str, (data / "shards").glob("*.tar")))
