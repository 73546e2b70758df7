"""DALI on the CPU: its webdataset reader, with indices from its own tool, and its random-crop decoder."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from nvidia.dali import fn, pipeline_def, types
from nvidia.dali.plugin.base_iterator import LastBatchPolicy
from nvidia.dali.plugin.pytorch import DALIGenericIterator

from quality import geometry


def prepare(data: Path) -> None:
    """Write an index for each shard."""
    for shard in shards(data):
        if not index_of(shard).exists():
            part = index_of(shard).with_suffix(".part")
            index_of(shard).parent.mkdir(exist_ok=True)
            subprocess.run([Path(sys.executable).with_name("wds2idx"), shard, part], check=True)
            part.replace(index_of(shard))


def batches(
    data: Path, workers: int, epochs: Iterable[int]
) -> Iterator[tuple[torch.Tensor, npt.NDArray[np.int64]]]:
    """Yield uint8 [256, 224, 224, 3]."""
    pipeline = training(data, batch_size=256, num_threads=workers, device_id=None, seed=0)
    iterator = DALIGenericIterator(
        pipeline,
        ["images", "labels"],
        reader_name="reader",
        last_batch_policy=LastBatchPolicy.PARTIAL,
        auto_reset=True,
    )
    for _ in epochs:
        for (batch,) in iterator:
            yield batch["images"], numbers(batch["labels"])


def numbers(digits: torch.Tensor) -> npt.NDArray[np.int64]:
    """Return the labels. Each row is a label in ASCII digits, padded with zero bytes."""
    return np.array([int(bytes(row).rstrip(b"\0")) for row in digits.numpy()])


def centers(data: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the central crops of the shards' images."""
    pipeline = evaluation(data, batch_size=50, num_threads=2, device_id=None)
    pipeline.build()
    left = pipeline.reader_meta("reader")["epoch_size"]
    while left > 0:
        resized, sizes = pipeline.run()
        for number in range(min(left, 50)):
            height, width, _ = np.asarray(sizes.at(number))
            _, _, x, y = geometry(int(width), int(height))
            yield np.asarray(resized.at(number))[y : y + 224, x : x + 224]
        left -= 50


@pipeline_def  # type: ignore[untyped-decorator]
def training(data: Path) -> tuple[Any, ...]:
    """Crop while decoding, resize, flip."""
    jpegs, labels = fn.readers.webdataset(
        paths=[str(path) for path in shards(data)],
        index_paths=[str(index_of(path)) for path in shards(data)],
        ext=["jpg", "cls"],
        missing_component_behavior="error",
        random_shuffle=True,
        shuffle_after_epoch=True,
        pad_last_batch=True,  # otherwise PARTIAL drops the samples that begin the next epoch
        name="reader",
    )
    images = fn.decoders.image_random_crop(
        jpegs, random_area=[0.08, 1.0], random_aspect_ratio=[3 / 4, 4 / 3], output_type=types.RGB
    )
    images = fn.resize(images, size=[224, 224], interp_type=types.INTERP_LINEAR, antialias=True)
    return fn.flip(images, horizontal=fn.random.coin_flip()), fn.pad(labels)


@pipeline_def  # type: ignore[untyped-decorator]
def evaluation(data: Path) -> tuple[Any, ...]:
    """Decode, and resize the short side to 256."""
    jpegs = fn.readers.webdataset(
        paths=[str(path) for path in shards(data)],
        index_paths=[str(index_of(path)) for path in shards(data)],
        ext=["jpg"],
        name="reader",
    )
    images = fn.decoders.image(jpegs, output_type=types.RGB, adjust_orientation=False)
    shape = fn.peek_image_shape(jpegs, adjust_orientation=False)
    sides = shape[:2]
    size = fn.cast(256 * sides // fn.reductions.min(sides), dtype=types.FLOAT)
    return fn.resize(images, size=size, interp_type=types.INTERP_LINEAR, antialias=True), shape


def shards(data: Path) -> list[Path]:
    """Return the shards' paths."""
    return sorted((data / "shards").glob("*.tar"))


def index_of(shard: Path) -> Path:
    """Return the path of a shard's index."""
    return shard.parents[1] / "dali" / f"{shard.stem}.idx"
