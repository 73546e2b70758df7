"""How far a contender's pixels are from Pillow's and torchvision's: short side to 256, central 224 × 224.

PSNR is that of an image's mean squared error against 255, at most 99 dB, where nothing differs.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

LARGE: Final = 512  # from here on a picture may be decoded at half its size
Pixels = npt.NDArray[np.uint8]


def jpegs(data: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the images of the shards as they are, with their labels."""
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
    """Return the size that torchvision resizes to, and where it cuts: width, height, left, top.

    Contenders are told, where they can be: one that rounds otherwise would differ by its place alone.
    """
    short = min(width, height)
    wide, high = 256 * width // short, 256 * height // short
    return wide, high, round((wide - 224) / 2), round((high - 224) / 2)


def references(data: Path) -> Iterator[tuple[Pixels, bool]]:
    """Yield the reference of each image, and whether its short side is `LARGE` or more."""
    from PIL import Image
    from torchvision.transforms import v2

    transform = v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224)])
    for jpeg, _label in jpegs(data):
        with Image.open(io.BytesIO(jpeg)) as image:
            yield np.asarray(transform(image.convert("RGB"))), min(image.size) >= LARGE


def write_references(data: Path) -> None:
    """Keep the references in a file, which environments without torchvision read."""
    pixels, large = zip(*references(data), strict=True)
    np.savez(data / "references.part.npz", pixels=np.stack(pixels), large=np.array(large))
    (data / "references.part.npz").replace(data / "references.npz")


def compare(data: Path, centers: Iterable[Pixels]) -> dict[str, float]:
    """Return PSNR and differences of a contender's crops."""
    with np.load(data / "references.npz") as file:
        expected, large = file["pixels"], file["large"]
    differences = (np.abs(np.asarray(a).astype(np.int16) - b) for a, b in zip(centers, expected, strict=True))
    figures = np.array([(float((d**2.0).mean()), float(d.mean()), float(d.max())) for d in differences])
    errors, means, most = figures.T
    psnr = np.minimum(10 * np.log10(255**2 / np.maximum(errors, 1e-9)), 99)
    return {
        "images": len(expected),
        "psnr": float(psnr.mean()),
        "psnr_worst": float(psnr.min()),
        "psnr_large": float(psnr[large].mean()) if large.any() else float("nan"),
        "large": int(large.sum()),
        "mean_difference": float(means.mean()),
        "max_difference": float(most.max()),
    }
