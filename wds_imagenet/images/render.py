"""Render one row of a batch from the region that a crop needs: by the native engine, or by the reference."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from wds_imagenet.images.crop import RandomCropRule
from wds_imagenet.images.decode import Pixels, decode_stored, stored_bytes
from wds_imagenet.images.header import MAX_PIXELS, ImageHeader, check_pixels, decoded_size
from wds_imagenet.images.native_engine import native_module
from wds_imagenet.images.orientation import Box, swaps
from wds_imagenet.images.resize import resize
from wds_imagenet.images.scratch import thread_scratch

_MIRRORED: Final = 2
_STRAIGHT: Final = (1, _MIRRORED)
_NATIVE_COLORS: Final = ("rgb", "grey")


class CropRegion(NamedTuple):
    """The part of a stored picture that a transform chose, and how it becomes a row of the batch."""

    box: Box
    """The part that is resized, in pixels of the picture as stored."""
    scale: int = 1
    """The picture is decoded at 1/scale of its size."""
    bounded: bool = True
    """True if the resize filter stops at the box's sides, as though the box were cut out before."""
    orientation: int = 1
    """The EXIF orientation that is applied to the result."""
    max_pixels: int = MAX_PIXELS
    """The most pixels to decode, at the scale. The native engine leaves larger pictures to the reference."""


PixelRegion = tuple[int, int, int, int]
"""(left, top, right, bottom) in whole pixels of the picture as it is decoded."""


def region_of(region: CropRegion, header: ImageHeader, size: tuple[int, int]) -> tuple[PixelRegion, Box]:
    """Return the pixels to decode for a crop that becomes `size`, and the crop's box within them.

    Args:
        region: The crop.
        header: The header of its picture.
        size: (height, width) of the result, before it is turned.
    """
    width, height = decoded_size(header, region.scale)
    left, top, right, bottom = (max(0.0, side / region.scale) for side in region.box)
    right, bottom = min(right, width), min(bottom, height)  # rounding may move them outside
    reach_x = reach_y = 0.0
    if not region.bounded:
        reach_x = max(1.0, (right - left) / size[1]) + 1
        reach_y = max(1.0, (bottom - top) / size[0]) + 1
    x, y = max(0, math.floor(left - reach_x)), max(0, math.floor(top - reach_y))
    pixels = x, y, min(width, math.ceil(right + reach_x)), min(height, math.ceil(bottom + reach_y))
    return pixels, (left - x, top - y, right - x, bottom - y)


def render(
    data: bytes | memoryview,
    header: ImageHeader,
    region: CropRegion,
    size: tuple[int, int],
    *,
    antialias: bool = True,
    out: Pixels | None = None,
) -> Pixels:
    """Return the crop of an image, resized and turned: uint8 [height, width, 3].

    The native engine, where it was built, decodes only the region that the crop needs. The reference decodes
    the whole picture. Both give the same pixels, but the native engine detects damage only in the bytes that
    it decodes. Costs about 1 ms for an ordinary photo, without the GIL.

    Args:
        data: The encoded image.
        header: Its header, as `probe` returns it.
        region: The crop.
        size: (height, width) of the result, before it is turned.
        antialias: Widen the filter as the picture shrinks.
        out: The array to write to, of the result's shape; by default a new one.

    Raises:
        ImageError: The image is damaged.
    """
    height, width = (size[1], size[0]) if swaps(region.orientation) else size
    if out is None:
        out = np.empty((height, width, 3), np.uint8)
    if not render_all([CropJob(data, header, region, 0)], out[np.newaxis], size, antialias=antialias)[0]:
        render_whole(data, header, region, size, antialias=antialias, out=out)
    return out


class CropJob(NamedTuple):
    """A crop to be rendered into a row of a batch."""

    data: bytes | memoryview
    header: ImageHeader
    region: CropRegion
    row: int


class _NativeJob(NamedTuple):
    """The same for the native engine, which reads each attribute by its name (python/fields.c)."""

    image: bytes | memoryview
    row: int
    scale: int
    left: int
    top: int
    right: int
    bottom: int
    box_left: float
    box_top: float
    box_right: float
    box_bottom: float
    mirror: bool


def render_all(
    jobs: Sequence[CropJob | None],
    out: npt.NDArray[np.uint8],
    size: tuple[int, int],
    *,
    antialias: bool = True,
) -> list[bool]:
    """Render crops with the native engine, in one call without the GIL; return which of them are done.

    The row of a crop that is not done is undefined: render it with `render_whole`, which raises for a damaged
    file. Without the native engine, no crop is done.

    Args:
        jobs: The crops, at most 4,096; None is never done.
        out: The rows, uint8 [N, H, W, 3].
        size: (height, width) of a row.
        antialias: Widen the filter as the picture shrinks.
    """
    native = native_module()
    done = [False] * len(jobs)
    if native is None or not out[0].flags.c_contiguous:
        return done
    supported = [i for i, job in enumerate(jobs) if job is not None and _is_native(job.header, job.region)]
    native_jobs = [_native_job(job, size) for i in supported if (job := jobs[i]) is not None]
    if native_jobs:
        statuses = native.crop_resize(native_jobs, out, antialias=antialias)
        for i, status in zip(supported, statuses, strict=True):
            done[i] = status == native.DONE
    return done


class RandomCrops(NamedTuple):
    """The random crops of a batch, to be drawn by the native engine."""

    rule: RandomCropRule
    epoch_state: int
    """The result of `rng.state_of_epoch`."""
    sample_indices: npt.NDArray[np.int64]
    """The index in the data set of each row's sample."""


def render_drawn(
    images: Sequence[bytes | memoryview],
    rows: Sequence[int],
    crops: RandomCrops,
    out: npt.NDArray[np.uint8],
    *,
    antialias: bool = True,
) -> list[bool]:
    """Read headers, draw crops and render them, as `RandomResizedCrop` does; return which of them are done.

    Costs one native call without the GIL. An image that is unusual in any way is not done; `render_all` may
    still render it. Without the native engine, no crop is done.

    Args:
        images: The encoded images, at most 4,096.
        rows: The row of `out` of each image.
        crops: The rule and the random state.
        out: The rows, uint8 [N, H, W, 3].
        antialias: Widen the filter as the picture shrinks.
    """
    native = native_module()
    if native is None or not out[0].flags.c_contiguous:
        return [False] * len(images)
    statuses = native.crop_drawn(
        images,
        rows,
        sample_indices=crops.sample_indices,
        epoch_state=crops.epoch_state,
        rule=crops.rule,
        out=out,
        antialias=antialias,
    )
    done = native.DONE
    return [status == done for status in statuses]


def _native_job(job: CropJob, size: tuple[int, int]) -> _NativeJob:
    (left, top, right, bottom), box = region_of(job.region, job.header, size)
    return _NativeJob(
        image=job.data,
        row=job.row,
        scale=job.region.scale,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        box_left=box[0],
        box_top=box[1],
        box_right=box[2],
        box_bottom=box[3],
        mirror=job.region.orientation == _MIRRORED,
    )


def render_whole(
    data: bytes | memoryview,
    header: ImageHeader,
    region: CropRegion,
    size: tuple[int, int],
    *,
    antialias: bool = True,
    out: Pixels,
) -> None:
    """Render a crop with the reference: simplejpeg or Pillow decodes the whole picture.

    Args:
        data: The encoded image.
        header: Its header, as `probe` returns it.
        region: The crop.
        size: (height, width) of the result, before it is turned.
        antialias: Widen the filter as the picture shrinks.
        out: The array to write to, of the result's shape.

    Raises:
        ImageError: The image is damaged.
    """
    check_pixels(header, region.max_pixels, region.scale)
    scratch = thread_scratch().take(stored_bytes(header, region.scale))
    pixels = decode_stored(data, header, region.scale, scratch, max_pixels=region.max_pixels)
    (left, top, right, bottom), box = region_of(region, header, size)
    part = pixels[top:bottom, left:right]
    resize(part, size, box, out=out, antialias=antialias, orientation=region.orientation)


def _is_native(header: ImageHeader, region: CropRegion) -> bool:
    """Return True if libjpeg alone gives the right pixels, and the file is not cut off."""
    return (
        header.format == "jpg"
        and header.bits == 8
        and header.width * header.height <= region.max_pixels
        and header.complete
        and header.color in _NATIVE_COLORS
        and region.orientation in _STRAIGHT
    )
