"""The built-in transforms: an encoded image in, the pixels of one row of a batch out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wds_imagenet.errors import UsageError
from wds_imagenet.images.crop import RandomCropRule, center_crop, random_crop, shrunk_size
from wds_imagenet.images.decode import Pixels, decode_image, scale_for
from wds_imagenet.images.header import MAX_PIXELS, ImageHeader
from wds_imagenet.images.native_crop import EncodedImage, render_crop
from wds_imagenet.images.orientation import Box, mirrored, stored_box, swaps
from wds_imagenet.images.render import CropRegion
from wds_imagenet.util.rng import Rng

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class RandomResizedCrop:
    """A random part of the picture, resized to `size` × `size`, as in torchvision's `RandomResizedCrop`.

    Without scaled decoding, each value differs by at most 1 (of 255) from the result of Pillow, and of
    torchvision on uint8 tensors. The decoded pixels equal Pillow's. The resize is exact and is rounded only
    once. The same sample, seed and epoch give the same pixels, in any process, thread and batch.

    An ordinary photo in a batch costs 0.8 ms. For 0.03 ms of it, the thread holds the GIL. Without the native
    engine, the photo costs 2 ms.

    Args:
        size: height and width of the result, in pixels.
        scale: range of the part's area, as a fraction of the picture's.
        ratio: range of the part's width divided by its height.
        flip: probability of a mirror image; True is 0.5, and False, the default, never mirrors.
        antialias: False selects the faster plain bilinear filter.
        scaled_decode: decode a JPEG at 1/2, 1/4 or 1/8 of its size if the part is that many times larger than
            `size`. This is faster for large photos. Their values then differ by 1 to 2 (of 255) on average.
        orientation: turn the picture by its EXIF orientation before it is cropped.
        max_pixels: the most pixels to decode of a picture, at the scale at which it is decoded.

    Raises:
        UsageError: an option is out of its range.
    """

    size: int = 224
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool | float = False
    antialias: bool = True
    scaled_decode: bool = True
    orientation: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        _check_side("size", self.size)
        _check_max_pixels(self.max_pixels)
        _check_range("scale", self.scale, 1.0)
        _check_range("ratio", self.ratio, math.inf)
        if not 0 <= self.flip <= 1:
            raise UsageError(f"flip is {self.flip}: give a probability from 0 to 1, or True for 0.5")

    @property
    def shape(self) -> Shape:
        """[size, size, 3]."""
        return self.size, self.size, 3

    def __call__(self, sample: EncodedImage, out: Pixels | None = None) -> Pixels:
        """Return the pixels of one sample, uint8 [size, size, 3], in `out` if given. Raises `ImageError`."""
        return render_crop(self, sample, out)

    @property
    def rule(self) -> RandomCropRule | None:
        """The distribution from which the native engine draws the region itself; None if it cannot."""
        if self.orientation or self.max_pixels < MAX_PIXELS:
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

    def region(self, header: ImageHeader, rng: Rng) -> CropRegion:
        """Choose the part, then whether to mirror it, at random. From `rule`, the engine chooses the same."""
        shown, width, height = _as_shown(header, turned=self.orientation)
        crop = random_crop(width, height, rng, self.scale, self.ratio)
        box = stored_box(crop.box, header.width, header.height, shown)
        if self._mirrored > 0 and rng.uniform() < self._mirrored:
            shown = mirrored(shown)
        scale = _scale_for_box(header, box, self.size) if self.scaled_decode else 1
        # Bounded, so that the filter stops at the crop's sides: torchvision crops first, then resizes.
        return CropRegion(box, scale, bounded=True, orientation=shown, max_pixels=self.max_pixels)


@dataclass(frozen=True, slots=True)
class ResizeCenterCrop:
    """The short side resized to `resize`, then the central `crop` × `crop`: the usual evaluation.

    The average difference from torchvision's `Resize` and `CenterCrop` is at most 1 (of 255), on photos of
    any size. This transform resizes and crops in one step, and uses only the necessary part of the picture.
    It decodes this part at full scale, so a photo of many megapixels costs more than in `RandomResizedCrop`.

    Args:
        resize: length of the picture's short side before the crop, in pixels.
        crop: height and width of the result, in pixels.
        antialias: False selects the faster plain bilinear filter.
        scaled_decode: decode a JPEG at 1/2, 1/4 or 1/8 of its size if it is that many times larger than
            needed. This is faster for large photos, whose values then differ by up to 5 (of 255) on average.
        orientation: turn the picture by its EXIF orientation before it is cropped.
        max_pixels: the most pixels to decode of a picture, at the scale at which it is decoded.

    Raises:
        UsageError: an option is out of its range, or `crop` is larger than `resize`.
    """

    resize: int = 256
    crop: int = 224
    antialias: bool = True
    scaled_decode: bool = False
    orientation: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        _check_side("resize", self.resize)
        _check_max_pixels(self.max_pixels)
        _check_side("crop", self.crop)
        if self.crop > self.resize:
            raise UsageError(
                f"crop is {self.crop}, larger than resize, {self.resize}: no picture would fill the crop"
            )

    @property
    def shape(self) -> Shape:
        """[crop, crop, 3]."""
        return self.crop, self.crop, 3

    def __call__(self, sample: EncodedImage, out: Pixels | None = None) -> Pixels:
        """Return the pixels of one sample, uint8 [crop, crop, 3], in `out` if given. Raises `ImageError`."""
        return render_crop(self, sample, out)

    def region(self, header: ImageHeader, rng: Rng) -> CropRegion:  # noqa: ARG002 - the contract of `NativeCrop`
        """Return the central part. Draws no random numbers."""
        shown, width, height = _as_shown(header, turned=self.orientation)
        new_width, new_height = shrunk_size(width, height, self.resize)
        x, y = width / new_width, height / new_height
        crop = center_crop(new_width, new_height, self.crop).box
        box = stored_box(
            (crop[0] * x, crop[1] * y, crop[2] * x, crop[3] * y), header.width, header.height, shown
        )
        scale = _scale_for_box(header, box, self.crop) if self.scaled_decode else 1
        return CropRegion(box, scale, bounded=False, orientation=shown, max_pixels=self.max_pixels)


@dataclass(frozen=True, slots=True)
class Decode:
    """The whole picture at its own size. `Batch.images` is a list, since the shapes of the pictures differ.

    The pixels equal Pillow's, bit for bit. `Decode` decodes every pixel, without the GIL.

    Args:
        orientation: turn the picture by its EXIF orientation.
        max_pixels: the most pixels to decode of a picture.

    Raises:
        UsageError: `max_pixels` is less than 1.
    """

    orientation: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        _check_max_pixels(self.max_pixels)

    @property
    def shape(self) -> None:
        """None: each picture has its own."""
        return

    def __call__(self, sample: EncodedImage, out: Pixels | None = None) -> Pixels:
        """Return the pixels, uint8 [height, width, 3], in `out` if given. Draws no random numbers.

        Raises:
            ImageError: the image cannot be decoded.
            UsageError: `out` has another shape.
        """
        pixels = decode_image(sample.data, orientation=self.orientation, max_pixels=self.max_pixels)
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
        raise UsageError(f"{name} is {value!r}: give a number of pixels from 1 to 16,384")


def _check_max_pixels(value: int) -> None:
    if type(value) is not int or value < 1:
        raise UsageError(f"max_pixels is {value!r}: give a number of pixels, at least 1")


def _check_range(name: str, value: Sequence[float], limit: float) -> None:
    if len(value) != 2 or not 0 < value[0] <= value[1] <= limit:
        raise UsageError(
            f"{name} is {value!r}: give a pair (low, high) with 0 < low ≤ high{' ≤ 1' * (limit == 1)}"
        )
