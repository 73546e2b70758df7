"""Encoded image in, one row of the batch out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wds_imagenet.errors import UsageError
from wds_imagenet.images.crop import RandomCropRule, center_crop, random_crop, shrunk_size
from wds_imagenet.images.decode import Pixels, decode, scale_for
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.orientation import Box, mirrored, stored_box, swaps
from wds_imagenet.images.probe import probe
from wds_imagenet.images.render import CropRegion, render
from wds_imagenet.util.rng import Rng

Shape = tuple[int, int, int]


class Transform(Protocol):
    """What turns an encoded image into a row of the batch. Picklable; callable from many threads at once."""

    @property
    def shape(self) -> Shape | None:
        """[H, W, 3] of every result; None if they differ."""

    def __call__(self, data: bytes | memoryview, rng: Rng, out: Pixels | None = None) -> Pixels:
        """Return the pixels, uint8 [H, W, 3], in `out` if given. The same draws give the same pixels."""


@dataclass(frozen=True, slots=True)
class RandomResizedCrop:
    """A random part of the picture, resized to `size` × `size` and mirrored half of the time.

    As torchvision's of that name. `scale` is the range of the part's area, `ratio` that of its width to
    its height, `flip` the probability of a mirror (True is 0.5). `antialias=False` is the faster plain
    bilinear. With `scaled_decode` a JPEG is decoded at 1/2, 1/4 or 1/8 where the part is that much
    larger than `size`: faster for large photos, and one to two levels off on average there. `orientation`
    turns the picture as its EXIF says before it is cropped.

    Without scaled decoding within one level of Pillow's crop, resize and mirror, and of torchvision's on
    uint8 tensors: the decoded pixels are Pillow's, and the exact resize of them is rounded once.
    Costs 0.8 ms for an ordinary photo in a batch, of which 0.03 ms hold the GIL; 2 ms where the native
    engine was not built.
    """

    size: int = 224
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool | float = True
    antialias: bool = True
    scaled_decode: bool = True
    orientation: bool = False

    def __post_init__(self) -> None:
        _check_side("size", self.size)
        _check_range("scale", self.scale, 1.0)
        _check_range("ratio", self.ratio, math.inf)
        if not 0 <= self.flip <= 1:
            raise UsageError(f"flip is {self.flip}; it is a probability, or True for 0.5")

    @property
    def shape(self) -> Shape:
        """[size, size, 3]."""
        return self.size, self.size, 3

    def __call__(self, data: bytes | memoryview, rng: Rng, out: Pixels | None = None) -> Pixels:
        """Draw the part, then the mirror; decode no more than that needs. Raises `ImageError`."""
        header = probe(data)
        window = self.window(header, rng)
        return render(data, header, window, (self.size, self.size), antialias=self.antialias, out=out)

    @property
    def rule(self) -> RandomCropRule | None:
        """What the native engine must know to draw windows itself; None if it does not know how."""
        if self.orientation:
            return None
        return RandomCropRule(
            min_area=self.scale[0],
            max_area=self.scale[1],
            min_ratio=self.ratio[0],
            max_ratio=self.ratio[1],
            min_log_ratio=math.log(self.ratio[0]),
            max_log_ratio=math.log(self.ratio[1]),
            mirror_probability=self._mirrored,
            size=self.size,
            scaled_decode=self.scaled_decode,
        )

    @property
    def _mirrored(self) -> float:
        return 0.5 if self.flip is True else float(self.flip)

    def window(self, header: ImageHeader, rng: Rng) -> CropRegion:
        """Return which part of a picture of this header is taken. The native engine does the same."""
        shown, width, height = _as_shown(header, turned=self.orientation)
        crop = random_crop(width, height, rng, self.scale, self.ratio)
        box = stored_box(crop.box, header.width, header.height, shown)
        if self._mirrored > 0 and rng.uniform() < self._mirrored:
            shown = mirrored(shown)
        scale = _scale_for_box(header, box, self.size) if self.scaled_decode else 1
        # Cut first, so that the filter does not reach over the crop's sides: torchvision crops, then resizes.
        return CropRegion(box, scale, bounded=True, orientation=shown)


@dataclass(frozen=True, slots=True)
class ResizeCenterCrop:
    """The short side resized to `resize`, then the central `crop` × `crop`: how models are evaluated.

    Within one level on average of torchvision's `Resize` and `CenterCrop`, but done in one step. The options
    are those of `RandomResizedCrop`.
    """

    resize: int = 256
    crop: int = 224
    antialias: bool = True
    scaled_decode: bool = True
    orientation: bool = False

    def __post_init__(self) -> None:
        _check_side("resize", self.resize)
        _check_side("crop", self.crop)
        if self.crop > self.resize:
            raise UsageError(
                f"crop is {self.crop}, larger than resize, {self.resize}: no picture would fill it"
            )

    @property
    def shape(self) -> Shape:
        """[crop, crop, 3]."""
        return self.crop, self.crop, 3

    def __call__(self, data: bytes | memoryview, rng: Rng, out: Pixels | None = None) -> Pixels:
        """Decode no more than the result needs. Draws nothing. Raises `ImageError`."""
        header = probe(data)
        window = self.window(header, rng)
        return render(data, header, window, (self.crop, self.crop), antialias=self.antialias, out=out)

    def window(self, header: ImageHeader, rng: Rng) -> CropRegion:  # noqa: ARG002 - all transforms are given them
        """Return which part of a picture of this header is taken."""
        shown, width, height = _as_shown(header, turned=self.orientation)
        new_width, new_height = shrunk_size(width, height, self.resize)
        x, y = width / new_width, height / new_height
        crop = center_crop(new_width, new_height, self.crop).box
        box = stored_box(
            (crop[0] * x, crop[1] * y, crop[2] * x, crop[3] * y), header.width, header.height, shown
        )
        scale = _scale_for_box(header, box, self.crop) if self.scaled_decode else 1
        return CropRegion(box, scale, bounded=False, orientation=shown)


@dataclass(frozen=True, slots=True)
class Decode:
    """The whole picture at its own size. The results differ in shape, so that batches are lists."""

    orientation: bool = False

    @property
    def shape(self) -> None:
        """None: each picture has its own."""
        return

    def __call__(self, data: bytes | memoryview, rng: Rng, out: Pixels | None = None) -> Pixels:  # noqa: ARG002 - all transforms are given them
        """Decode. Draws nothing. Raises `ImageError`, and `UsageError` if `out` has another shape."""
        pixels = decode(data, orientation=self.orientation)
        if out is None:
            return pixels
        if out.shape != pixels.shape:
            raise UsageError(f"out has the shape {list(out.shape)}; this picture has {list(pixels.shape)}")
        out[...] = pixels
        return out


def _as_shown(header: ImageHeader, *, turned: bool) -> tuple[int, int, int]:
    """Return the orientation to apply, and the picture's width and height under it."""
    shown = header.orientation if turned else 1
    return (shown, header.height, header.width) if swaps(shown) else (shown, header.width, header.height)


def _scale_for_box(header: ImageHeader, box: Box, size: int) -> int:
    """Return the DCT scale that leaves the box at least `size` pixels on each side."""
    left, top, right, bottom = box
    return scale_for(header, header.width * size / (right - left), header.height * size / (bottom - top))


def _check_side(name: str, value: int) -> None:
    if type(value) is not int or not 1 <= value <= 16_384:
        raise UsageError(f"{name} is {value!r}; it is a number of pixels from 1 to 16,384")


def _check_range(name: str, value: Sequence[float], limit: float) -> None:
    if len(value) != 2 or not 0 < value[0] <= value[1] <= limit:
        raise UsageError(
            f"{name} is {value!r}; it is a pair (low, high) with 0 < low ≤ high{' ≤ 1' * (limit == 1)}"
        )
