"""Compare a contender's central crops with Pillow's and torchvision's: short side 256, crop 224 × 224.

PSNR is `10 log10(255² / mean squared error)` of an image, capped at 99 dB.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

LARGE: Final = 512  # pixels: from this short side on, a decoder may halve the picture
Pixels = npt.NDArray[np.uint8]


def jpegs(data: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the JPEG bytes and the label of each image of the shards."""
    for shard in sorted((data / "shards").glob("*.tar")):
        with tarfile.open(shard) as archive:
            label = 0
            for member in archive:
                file = archive.extractfile(member)
                if file is not None and member.name.endswith(".cls"):
                    label = int(file.read())
                if file is not None and member.name.endswith(".jpg"):
                    yield file.read(), label


def geometry(width: int, height: int) -> tuple[int, int, int, int]:
    """Return torchvision's size after the resize and the crop's corner: width, height, left, top.

    Contenders use it where their API allows: another rounding would shift the crop and hide the quality.
    """
    short = min(width, height)
    wide, high = 256 * width // short, 256 * height // short
    return wide, high, round((wide - 224) / 2), round((high - 224) / 2)


def references(data: Path) -> Iterator[tuple[Pixels, bool]]:
    """Yield the reference crop of each image, and True if its short side is at least `LARGE`."""
    from PIL import Image
    from torchvision.transforms import v2

    transform = v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224)])
    for jpeg, _label in jpegs(data):
        with Image.open(io.BytesIO(jpeg)) as image:
            yield np.asarray(transform(image.convert("RGB"))), min(image.size) >= LARGE


def write_references(data: Path) -> None:
    """Write the reference crops to a file, for environments without torchvision."""
    pixels, large = zip(*references(data), strict=True)
    np.savez(data / "references.part.npz", pixels=np.stack(pixels), large=np.array(large))
    (data / "references.part.npz").replace(data / "references.npz")


def compare(data: Path, centers: Iterable[Pixels]) -> dict[str, float]:
    """Return the PSNR and the differences of a contender's crops."""
    with np.load(data / "references.npz") as file:
        expected, large = file["pixels"], file["large"]
    differences = (np.abs(np.asarray(a).astype(np.int16) - b) for a, b in zip(centers, expected, strict=True))
    figures = np.array([(float((d**2.0).mean()), float(d.mean()), float(d.max())) for d in differences])
    errors, means, greatest = figures.T
    psnr = np.minimum(10 * np.log10(255**2 / np.maximum(errors, 1e-9)), 99)
    return {
        "images": len(expected),
        "psnr": float(psnr.mean()),
        "psnr_worst": float(psnr.min()),
        "psnr_large": float(psnr[large].mean()) if large.any() else float("nan"),
        "large": int(large.sum()),
        "mean_difference": float(means.mean()),
        "max_difference": float(greatest.max()),
    }
