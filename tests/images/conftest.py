"""Real photos, and pictures encoded in any way that Pillow can."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photos(data_folder: Path) -> list[bytes]:
    """Return a thousand photographs, one a class."""
    return [path.read_bytes() for path in sorted((data_folder / "imagenet-sample").iterdir())]


@pytest.fixture(scope="session")
def corner_cases(data_folder: Path) -> dict[str, bytes]:
    """Return JPEGs with rare features, by name."""
    return {path.stem: path.read_bytes() for path in sorted((data_folder / "jpeg-corner-cases").iterdir())}


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A smooth and colourful picture of 120 × 90 pixels, none of whose symmetries holds."""
    y, x = np.mgrid[0:90, 0:120] / 90
    waves = np.stack([np.sin(5 * x + y), np.cos(3 * y * x), np.sin(7 * y - 2 * x)], axis=2)
    return Image.fromarray((127.5 + 127 * waves).astype(np.uint8))


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """`encode(image, format, **options)`: the file that Pillow writes."""

    def encode(image: Image.Image, form: str, **options: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, form, **options)  # type: ignore[arg-type]
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def pillow() -> Callable[[bytes], np.ndarray]:
    """`pillow(data)`: the pixels that Pillow's `convert("RGB")` gives."""
    return lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="session")
def oriented() -> Callable[[int], bytes]:
    """`oriented(o)`: Pillow's EXIF block with orientation o."""

    def oriented(orientation: int) -> bytes:
        exif = Image.Exif()
        exif[0x0112] = orientation
        return exif.tobytes()

    return oriented
