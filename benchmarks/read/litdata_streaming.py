"""litData: chunks of 64 MB with unchanged JPEGs, torchvision's decoder, v2 transforms, litData's loader."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import litdata
import torch
from torchvision.transforms import v2


def prepare(data: Path) -> None:
    """Write the chunks."""
    out = data / "litdata"
    if not (out / "index.json").exists():
        files = sorted(map(str, (data / "folder").glob("*/*.jpg")))
        litdata.optimize(
            fn=sample, inputs=files, output_dir=str(out), chunk_bytes="64MB", num_workers=2, mode="overwrite"
        )


def sample(path: str) -> dict[str, Any]:
    """Return one unchanged image file with its label."""
    return {"image": litdata.Image(path=path), "label": int(Path(path).parent.name)}


class Photos(litdata.StreamingDataset):  # type: ignore[misc]  # litData has no types
    """Yields random crops of the images."""

    def __init__(self, data: Path) -> None:
        """Open the chunks."""
        super().__init__(str(data / "litdata"), shuffle=True, drop_last=False)
        self._transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])

    def __getitem__(self, index: Any) -> tuple[torch.Tensor, int]:  # noqa: ANN401 - litData's own type
        read = super().__getitem__(index)
        return self._transform(read["image"]), read["label"]


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    loader = litdata.StreamingDataLoader(
        Photos(data), batch_size=256, num_workers=workers, persistent_workers=workers > 0
    )
    for _ in epochs:
        yield from loader
