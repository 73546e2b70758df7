"""s3torchconnector: its iterable data set of our shards, webdataset's tar reader, torchvision, one worker.

It reads S3 alone: the local scene reads the same files through webdataset's own opener.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
import webdataset as wds
from s3torchconnector import S3IterableDataset
from torch.utils.data import DataLoader, IterableDataset
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2
from webdataset.filters import shuffle
from webdataset.tariterators import group_by_keys, tar_file_expander

from stream.source import Source, endpoint

TRANSFORM = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])


class Photos(IterableDataset[tuple[torch.Tensor, str]]):
    """Yields random crops of the images of all shards of this rank."""

    def __init__(self, source: Source) -> None:
        """Take the shards."""
        self._shards = source.shards()[source.rank :: source.ranks]
        self._is_remote = source.is_remote

    def __iter__(self) -> Iterator[tuple[torch.Tensor, str]]:
        streams = ({"url": url, "stream": stream} for url, stream in self._streams())
        samples = group_by_keys(tar_file_expander(streams))
        for sample in shuffle(1000)(samples):
            encoded = torch.from_numpy(np.frombuffer(sample["jpg"], np.uint8).copy())
            yield TRANSFORM(decode_jpeg(encoded, mode=ImageReadMode.RGB)), sample["__key__"]

    def _streams(self) -> Iterable[tuple[str, Any]]:
        if not self._is_remote:
            return ((path, wds.gopen(path)) for path in self._shards)
        objects = S3IterableDataset.from_objects(self._shards, region="us-east-1", endpoint=endpoint())
        return ((reader.key, reader) for reader in objects)


def batches(source: Source, epochs: int) -> Iterator[tuple[torch.Tensor, list[str]]]:
    """Yield uint8 [256, 3, 224, 224]."""
    loader = DataLoader(Photos(source), batch_size=256, num_workers=1, persistent_workers=True)
    for _ in range(epochs):
        yield from loader
