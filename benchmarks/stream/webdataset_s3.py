"""webdataset + torchvision's decoder, with one worker.

`curl` reads `pipe:curl`, with the options of curl that webdataset uses itself; `fsspec` reads through s3fs.
"""

from collections.abc import Iterator
from typing import Any

import fsspec
import numpy as np
import torch
import webdataset as wds
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

from stream.source import Source, endpoint

CURL = "curl --connect-timeout 30 --retry 30 --retry-delay 2 -f -s -L"


def batches(source: Source, epochs: int, variant: str) -> Iterator[tuple[torch.Tensor, list[str]]]:
    """Yield uint8 [256, 3, 224, 224]."""
    transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])

    def crop(jpeg: bytes) -> torch.Tensor:
        encoded = torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy())
        cropped: torch.Tensor = transform(decode_jpeg(encoded, mode=ImageReadMode.RGB))
        return cropped

    if variant == "fsspec":
        wds.gopen_schemes["s3"] = opened
    dataset = (
        wds.WebDataset(urls(source, variant), shardshuffle=100, seed=0, nodesplitter=wds.split_by_node)
        .shuffle(1000)
        .to_tuple("jpg", "__key__")
        .map_tuple(crop, str)
        .batched(256)
    )
    loader = wds.WebLoader(dataset, batch_size=None, num_workers=1, persistent_workers=True)
    for _ in range(epochs):
        yield from loader


def urls(source: Source, variant: str) -> list[str]:
    """Return the URL of each shard, as `variant` reads it."""
    if not source.is_remote or variant == "fsspec":
        return source.shards()
    import os

    config = source.scratch / "curl"
    user = f"{os.environ['AWS_ACCESS_KEY_ID']}:{os.environ['AWS_SECRET_ACCESS_KEY']}"
    config.write_text(f'user = "{user}"\naws-sigv4 = "aws:amz:us-east-1:s3"\n')
    return [f"pipe:{CURL} --config {config} {url.replace('s3:/', endpoint())}" for url in source.shards()]


def opened(url: str, mode: str = "rb", _bufsize: int = 8192, **_options: object) -> Any:  # noqa: ANN401 - fsspec has no types
    """Open a URL with fsspec."""
    return fsspec.open(url, mode).open()
