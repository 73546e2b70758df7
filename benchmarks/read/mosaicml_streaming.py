"""MosaicML Streaming: MDS shards with unchanged JPEGs, Pillow, v2 transforms, DataLoader workers."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from streaming import MDSWriter, StreamingDataset
from streaming.base.util import clean_stale_shared_memory
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from quality import jpegs


def prepare(data: Path) -> None:
    """Write the shards."""
    out = data / "mds"
    if not (out / "index.json").exists():
        shutil.rmtree(out, ignore_errors=True)
        with MDSWriter(out=str(out), columns={"image": "jpeg", "label": "int"}) as writer:
            for jpeg, label in jpegs(data):
                writer.write({"image": jpeg, "label": label})


class Photos(StreamingDataset):  # type: ignore[misc]  # streaming has no types
    """Yields random crops of the images."""

    def __init__(self, data: Path) -> None:
        """Open the shards."""
        super().__init__(local=str(data / "mds"), shuffle=True, batch_size=256)
        self._transform = v2.Compose(
            [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip(), v2.PILToTensor()]
        )

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        read: dict[str, Any] = super().__getitem__(index)
        return self._transform(read["image"].convert("RGB")), read["label"]


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    clean_stale_shared_memory()  # leftovers of a killed run make the next run fail
    loader: DataLoader[tuple[torch.Tensor, int]] = DataLoader(
        Photos(data), batch_size=256, num_workers=workers, persistent_workers=workers > 0
    )
    for _ in epochs:
        yield from loader
