"""MosaicML Streaming: MDS shards with unchanged JPEGs, Pillow, v2 transforms, one worker."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from streaming import MDSWriter, StreamingDataset
from streaming.base.util import clean_stale_shared_memory
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from stream.source import Source


def prepare(folder: Path) -> None:
    """Write the shards."""
    out = folder / "mds"
    if not (out / "index.json").exists():
        shutil.rmtree(out, ignore_errors=True)
        with MDSWriter(out=str(out), columns={"image": "jpeg", "key": "str"}) as writer:
            for path in sorted((folder / "folder").glob("*/*.jpg")):
                writer.write({"image": path.read_bytes(), "key": path.stem})


class Photos(StreamingDataset):  # type: ignore[misc]  # streaming has no types
    """Yields random crops of the images."""

    def __init__(self, source: Source) -> None:
        """Open the shards."""
        remote = source.url("mds") if source.is_remote else None
        local = str(source.scratch / "mds") if source.is_remote else source.url("mds")
        super().__init__(remote=remote, local=local, shuffle=True, batch_size=256)
        self._transform = v2.Compose(
            [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip(), v2.PILToTensor()]
        )

    def __getitem__(self, index: int) -> tuple[torch.Tensor, str]:
        read: dict[str, Any] = super().__getitem__(index)
        return self._transform(read["image"].convert("RGB")), read["key"]


def batches(source: Source, epochs: int) -> Iterator[tuple[torch.Tensor, list[str]]]:
    """Yield uint8 [256, 3, 224, 224]."""
    if source.rank == 0:
        clean_stale_shared_memory()  # leftovers of a killed run make the next run fail
    loader: DataLoader[tuple[torch.Tensor, str]] = DataLoader(
        Photos(source), batch_size=256, num_workers=1, persistent_workers=True
    )
    for _ in range(epochs):
        yield from loader
