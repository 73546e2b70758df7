"""Hugging Face datasets: Pillow, v2 transforms, DataLoader workers.

Both variants follow the documentation of datasets. `streaming` reads our shards through a shuffle buffer.
`arrow` saves an `imagefolder` as Arrow files that contain the images, and uses `set_transform`.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import datasets
import torch
from torch.utils.data import DataLoader
from torchvision.transforms import v2

TRANSFORM = v2.Compose(
    [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip(), v2.PILToTensor()]
)


def prepare(data: Path, variant: str) -> None:
    """Write the Arrow files."""
    out, part, cache = data / "arrow", data / "arrow.part", data / "arrow.cache"
    if variant == "arrow" and not out.exists():
        shutil.rmtree(part, ignore_errors=True)
        files = str(data / "folder" / "*" / "*.jpg")  # for a folder, `bullet_train.jpg` would be a split
        rows = datasets.load_dataset("imagefolder", data_files=files, split="train", cache_dir=str(cache))
        rows.save_to_disk(str(part))
        shutil.rmtree(cache)
        part.replace(out)


def batches(
    data: Path, workers: int, epochs: Iterable[int], variant: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield uint8 [256, 3, 224, 224]."""
    dataset = streamed(data) if variant == "streaming" else saved(data)
    loader = DataLoader(
        dataset,
        batch_size=256,
        shuffle=None if variant == "streaming" else True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    for epoch in epochs:
        if variant == "streaming":
            dataset.set_epoch(epoch)
        for batch in loader:
            yield batch["image"], batch["label"]


def streamed(data: Path) -> Any:  # noqa: ANN401 - datasets has no types
    """Return the shards as a stream of samples."""
    shards = sorted(map(str, (data / "shards").glob("*.tar")))
    samples = datasets.load_dataset("webdataset", data_files=shards, split="train", streaming=True)
    samples = samples.select_columns(["jpg", "cls"]).shuffle(seed=0, buffer_size=1000)
    return samples.map(
        lambda row: {"image": TRANSFORM(row["jpg"].convert("RGB")), "label": row["cls"]},
        remove_columns=["jpg", "cls"],
    )


def saved(data: Path) -> Any:  # noqa: ANN401 - datasets has no types
    """Return the Arrow files as a list of samples."""
    dataset = datasets.load_from_disk(str(data / "arrow"))
    dataset.set_transform(
        lambda rows: {
            "image": [TRANSFORM(image.convert("RGB")) for image in rows["image"]],
            "label": rows["label"],
        }
    )
    return dataset
