"""Draw labelled pictures with captions, as data for the demo and the tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from math import cos, pi, sin
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from wds_imagenet.util.rng import Rng

SIZE: Final = (500, 375)  # the most common size in ImageNet
_SIDES: Final = {"disc": 40, "triangle": 3, "square": 4}
_COLOURS: Final = {
    "red": (214, 48, 40),
    "green": (46, 160, 67),
    "blue": (42, 92, 200),
    "white": (240, 240, 240),
}
CLASSES: Final = tuple(f"{colour} {shape}" for colour, shape in product(_COLOURS, _SIDES))


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with its label, caption and JSON."""

    name: str
    jpeg: bytes
    label: int
    caption: str
    metadata: dict[str, str | int]


def draw(number: int, seed: int = 0) -> Picture:
    """Return a coloured shape before a landscape of noise, as a JPEG of about 90 kB.

    One number and seed always give the same picture. Costs about 15 ms.

    Args:
        number: Number of the picture, which determines its label.
        seed: Seed of all its random numbers.
    """
    rng = Rng(seed, 0, number)
    label = number % len(CLASSES)
    colour, shape = CLASSES[label].split(" ")
    radius = rng.uniform(80, 150)
    x, y = rng.uniform(radius, SIZE[0] - radius), rng.uniform(radius, SIZE[1] - radius)
    angle, sides = rng.uniform(0, 2 * pi), _SIDES[shape]
    corners = [
        (x + radius * cos(angle + 2 * pi * side / sides), y + radius * sin(angle + 2 * pi * side / sides))
        for side in range(sides)
    ]
    image = _landscape(np.random.default_rng(rng.seed()))
    paint = tuple(min(255, int(channel * rng.uniform(0.8, 1.05))) for channel in _COLOURS[colour])
    ImageDraw.Draw(image).polygon(corners, fill=paint)
    out = BytesIO()
    image.save(out, "JPEG", quality=92)
    position = "left" if x < SIZE[0] / 3 else "right" if x > SIZE[0] * 2 / 3 else "middle"
    caption = f"A {colour} {shape} on the {position} of a noisy landscape"
    metadata: dict[str, str | int] = {"colour": colour, "shape": shape, "radius": round(radius)}
    return Picture(f"picture_{number:06d}", out.getvalue(), label, caption, metadata)


def write(picture: Picture, folder: Path) -> int:
    """Write a picture and its sidecars as files with one stem, and return their bytes."""
    files = {
        "jpg": picture.jpeg,
        "cls": str(picture.label).encode(),
        "txt": picture.caption.encode(),
        "json": json.dumps(picture.metadata).encode(),
    }
    for suffix, data in files.items():
        (folder / f"{picture.name}.{suffix}").write_bytes(data)
    return sum(map(len, files.values()))


def write_many(folder: Path, numbers: range) -> Iterator[int]:
    """Draw and write pictures in two threads, and yield the bytes of each."""
    from wds_imagenet.util.threads import map_ahead  # noqa: PLC0415 - drawing alone needs no reader

    folder.mkdir(parents=True, exist_ok=True)
    return map_ahead(lambda n: write(draw(n), folder), numbers, threads=2, ahead=8, name="draw")


def _landscape(generator: np.random.Generator) -> Image.Image:
    """Return smooth colours with the noise of a sensor, as compressible as a photo."""
    hills = Image.fromarray(generator.integers(70, 160, (7, 9, 3), dtype=np.uint8))
    smooth = np.asarray(hills.resize(SIZE, Image.Resampling.BICUBIC), np.int16)
    grain = generator.integers(-18, 19, (SIZE[1], SIZE[0], 1), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))
