"""A crop described by its region: the contract of every transform that the native engine renders."""

from typing import Protocol

from wds_imagenet.images.crop import RandomCropRule
from wds_imagenet.images.decode import Pixels
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.orientation import swaps
from wds_imagenet.images.render import CropRegion, render
from wds_imagenet.util.rng import Rng


class EncodedImage(Protocol):
    """The part of a sample that a crop reads: its encoded image, and its random numbers."""

    @property
    def data(self) -> bytes | memoryview:
        """The encoded image."""

    @property
    def header(self) -> ImageHeader:
        """The image's header: size, format and EXIF orientation, without decoding."""

    @property
    def rng(self) -> Rng:
        """The random numbers of this sample in this epoch."""


class NativeCrop(Protocol):
    """A transform that names a region of the picture, and leaves its pixels to the engines.

    A loader never calls such a transform. The native engine decodes, crops and resizes the regions of
    several samples in one call, without the GIL; the reference engine renders what the native one refuses.
    An instance is used by several threads at once, and must be picklable for `process=True`.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, 3) of every result, uint8."""

    @property
    def antialias(self) -> bool:
        """True for a filter that covers every source pixel, False for the faster plain bilinear."""

    def region(self, header: ImageHeader, rng: Rng) -> CropRegion:
        """Return the part to take of a picture with this header. The same draws must give the same part."""


class DrawnCrop(NativeCrop, Protocol):
    """A crop whose region the native engine draws in C, without Python code for each sample."""

    @property
    def rule(self) -> RandomCropRule | None:
        """The distribution that the native engine draws from; None if it must call `region`."""


def render_crop(crop: NativeCrop, image: EncodedImage, out: Pixels | None = None) -> Pixels:
    """Return the crop's pixels, uint8 `crop.shape`, in `out` if given. Raises `ImageError`.

    Costs about 1 ms for an ordinary photo, without the GIL.
    """
    header = image.header
    region = crop.region(header, image.rng)
    height, width, _ = crop.shape
    size = (width, height) if swaps(region.orientation) else (height, width)
    return render(image.data, header, region, size, antialias=crop.antialias, out=out)
