"""datago: loose files, with its own central square crop and resize. It has no random crop and no flip.

Its WebDataset source takes HTTP URLs only, and datago's documentation calls that source experimental.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from datago import DatagoClient

Batch = tuple[npt.NDArray[np.uint8], list[int]]


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[Batch]:
    """Yield uint8 [256, 224, 224, 3]."""
    os.environ["DATAGO_MAX_TASKS"] = str(workers)
    config = {
        "source_type": "file",
        "source_config": {"root_path": str(data / "folder"), "random_sampling": True},
        "image_config": {
            "crop_and_resize": True,
            "default_image_size": 224,
            "downsampling_ratio": 16,
            "min_aspect_ratio": 1.0,
            "max_aspect_ratio": 1.0,
            "image_to_rgb8": True,
        },
        "prefetch_buffer_size": 128,
        "samples_buffer_size": 64,
        "limit": 1 << 40,
    }
    client = DatagoClient(json.dumps(config))
    try:
        for _ in epochs:
            client.start()
            yield from in_batches(client)
    finally:
        client.stop()


def in_batches(client: DatagoClient) -> Iterator[Batch]:
    """Collect one pass of samples."""
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    while (sample := client.get_sample()) is not None:
        images.append(sample.image.to_numpy_array())
        labels.append(int(Path(json.loads(sample.id)).parent.name))
        if len(images) == 256:
            yield np.stack(images), labels
            images, labels = [], []
    if images:
        yield np.stack(images), labels
