"""wds-imagenet: `Loader` with one decoding thread. `fetch` reads and checks blocks, and decodes nothing."""

from collections.abc import Iterator
from typing import Any

import torch

from stream.source import Source
from wds_imagenet import Loader, RandomResizedCrop


class Undecoded:
    """A transform that reads no pixels."""

    shape = (1,)

    def __call__(self, _sample: object, out: Any, /) -> None:  # noqa: ANN401 - an array of NumPy
        """Fill a row with zero."""
        out[0] = 0


def batches(source: Source, epochs: int, variant: str) -> Iterator[tuple[torch.Tensor | None, list[str]]]:
    """Yield uint8 [256, 3, 224, 224]."""
    transform = RandomResizedCrop(224, flip=True) if variant == "decode" else Undecoded()
    with Loader(source.url(), transform, 256, threads=1, rank=source.rank, world_size=source.ranks) as loader:
        for _ in range(epochs):
            for batch in loader:
                keys = [key for key in batch.keys if key]  # the rest is padding
                assert isinstance(batch.images, torch.Tensor)  # noqa: S101 - for the type checker
                yield (batch.images[: len(keys)] if variant == "decode" else None), keys
