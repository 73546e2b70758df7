"""litData: chunks of 64 MB with unchanged JPEGs, torchvision's decoder, v2 transforms, one worker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import litdata
import torch
from litdata.streaming import downloader
from torchvision.transforms import v2

from stream.source import Source

downloader._OBSTORE_CLIENT_OPTIONS["allow_http"] = True  # noqa: SLF001 - litData has no option for plain HTTP


def prepare(folder: Path) -> None:
    """Write the chunks."""
    out = folder / "litdata"
    if not (out / "index.json").exists():
        files = sorted(map(str, (folder / "folder").glob("*/*.jpg")))
        litdata.optimize(
            fn=sample, inputs=files, output_dir=str(out), chunk_bytes="64MB", num_workers=2, mode="overwrite"
        )


def sample(path: str) -> dict[str, Any]:
    """Return one unchanged image file with its key."""
    return {"image": litdata.Image(path=path), "key": Path(path).stem}


class Photos(litdata.StreamingDataset):  # type: ignore[misc]  # litData has no types
    """Yields random crops of the images."""

    def __init__(self, source: Source) -> None:
        """Open the chunks."""
        cache = str(source.scratch) if source.is_remote else None
        super().__init__(source.url("litdata"), cache_dir=cache, shuffle=True, drop_last=False)
        self._transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])

    def __getitem__(self, index: Any) -> tuple[torch.Tensor, str]:  # noqa: ANN401 - litData's own type
        read = super().__getitem__(index)
        return self._transform(read["image"]), read["key"]


def batches(source: Source, epochs: int) -> Iterator[tuple[torch.Tensor, list[str]]]:
    """Yield uint8 [256, 3, 224, 224]."""
    loader = litdata.StreamingDataLoader(
        Photos(source), batch_size=256, num_workers=1, persistent_workers=True
    )
    for _ in range(epochs):
        yield from loader
