"""SPDL: its pipeline of threads over our shards, with FFmpeg's decoder and FFmpeg's filters for the crop."""

import math
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import spdl.io
import torch
from spdl.pipeline import PipelineBuilder

from quality import geometry, jpegs

Sample = tuple[bytes, int]


def batches(data: Path, workers: int, epochs: Iterable[int]) -> Iterator[tuple[torch.Tensor, list[int]]]:
    """Yield uint8 [256, 224, 224, 3]."""
    rng = random.Random(0)
    for _ in epochs:
        shards = sorted((data / "shards").glob("*.tar"))
        rng.shuffle(shards)
        pipeline = (
            PipelineBuilder()
            .add_source(shards)
            .pipe(samples)
            .pipe(decode, concurrency=workers)
            .aggregate(256)
            .pipe(collate)
            .add_sink(2)
            .build(num_threads=workers)
        )
        with pipeline.auto_stop():
            yield from pipeline


def samples(shard: Path) -> Iterator[Sample]:
    """Yield the images of a shard with their labels."""
    label = 0
    for name, content in spdl.io.iter_tarfile(shard.read_bytes()):
        if name.endswith(".cls"):
            label = int(bytes(content))
        elif name.endswith(".jpg"):
            yield bytes(content), label


def decode(sample: Sample) -> tuple[spdl.io.ImageFrames, int]:
    """Decode, then crop, resize and flip."""
    packets = spdl.io.demux_image(sample[0])
    filters = f"{random_crop(packets.width, packets.height)},scale=224:224:flags=bilinear"
    filters += ",hflip" if random.random() < 0.5 else ""
    return spdl.io.decode_packets(packets, filter_desc=f"{filters},format=pix_fmts=rgb24"), sample[1]


def random_crop(width: int, height: int) -> str:
    """Return FFmpeg's filter for a crop drawn as by RandomResizedCrop."""
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return f"crop={w}:{h}:{random.randint(0, width - w)}:{random.randint(0, height - h)}"
    side = min(width, height)
    return f"crop={side}:{side}"


def collate(decoded: list[tuple[spdl.io.ImageFrames, int]]) -> tuple[torch.Tensor, list[int]]:
    """Collate frames and labels into a batch."""
    buffer = spdl.io.convert_frames([frames for frames, _ in decoded])
    return spdl.io.to_torch(buffer), [label for _, label in decoded]


def centers(data: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the central crops of the shards' images."""
    for jpeg, _label in jpegs(data):
        packets = spdl.io.demux_image(jpeg)
        wide, high, left, top = geometry(packets.width, packets.height)
        filters = f"scale={wide}:{high}:flags=bilinear,format=rgb24,crop=224:224:{left}:{top}"
        frames = spdl.io.decode_packets(packets, filter_desc=filters)
        yield spdl.io.to_numpy(spdl.io.convert_frames([frames]))[0]
