"""The part of a stored picture that becomes a row of the batch, and the two ways to make it one."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from wds_imagenet.images.decode import Pixels, decode_stored, stored_bytes
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.native_engine import native_module
from wds_imagenet.images.orientation import Box, swaps
from wds_imagenet.images.resize import resize
from wds_imagenet.images.scratch import thread_scratch

_MIRRORED: Final = 2
_STRAIGHT: Final = (1, _MIRRORED)
_NATIVE_COLORS: Final = ("rgb", "grey")
_DONE: Final = 0


class Window(NamedTuple):
    """What a transform has decided of a picture."""

    box: Box
    """What is resized, in pixels of the picture as stored."""
    scale: int = 1
    """The picture is decoded at 1/scale of its size."""
    bounded: bool = True
    """Whether the filter stops at the box's sides, as though it had been cut out before it was resized."""
    orientation: int = 1
    """How the result is turned."""


Region = tuple[int, int, int, int]
"""(left, top, right, bottom) in whole pixels of the picture as it is decoded."""


def region_of(window: Window, header: ImageHeader, size: tuple[int, int]) -> tuple[Region, Box]:
    """Return what must be decoded of a window that becomes `size` (height, width), and the box in it."""
    width, height = -(-header.width // window.scale), -(-header.height // window.scale)
    left, top, right, bottom = (max(0.0, side / window.scale) for side in window.box)
    right, bottom = min(right, width), min(bottom, height)  # rounding may carry it outside
    reach_x = reach_y = 0.0
    if not window.bounded:
        reach_x = max(1.0, (right - left) / size[1]) + 1
        reach_y = max(1.0, (bottom - top) / size[0]) + 1
    x, y = max(0, math.floor(left - reach_x)), max(0, math.floor(top - reach_y))
    region = x, y, min(width, math.ceil(right + reach_x)), min(height, math.ceil(bottom + reach_y))
    return region, (left - x, top - y, right - x, bottom - y)


def render(
    data: bytes | memoryview,
    header: ImageHeader,
    window: Window,
    size: tuple[int, int],
    *,
    antialias: bool = True,
    out: Pixels | None = None,
) -> Pixels:
    """Return the window of the image that has this header: uint8 [height, width, 3], in `out` if given.

    The native engine, where it was built, decodes the region that is needed and nothing else; the
    reference decodes the whole picture. Both give the same pixels. The native one sees damage only in what it
    decodes. Raises `ImageError`. Costs about 1 ms for an ordinary photo, without the GIL.
    """
    height, width = (size[1], size[0]) if swaps(window.orientation) else size
    if out is None:
        out = np.empty((height, width, 3), np.uint8)
    if not render_all([Job(data, header, window, 0)], out[np.newaxis], size, antialias=antialias)[0]:
        render_whole(data, header, window, size, antialias=antialias, out=out)
    return out


class Job(NamedTuple):
    """A window to be rendered into a row of a batch."""

    data: bytes | memoryview
    header: ImageHeader
    window: Window
    row: int


def render_all(
    jobs: Sequence[Job | None], out: npt.NDArray[np.uint8], size: tuple[int, int], *, antialias: bool = True
) -> list[bool]:
    """Render what the native engine takes into rows of `out` [N, H, W, 3]; say of which jobs that was done.

    In one call, without the GIL. What it does not take is for `render_whole`, which also says what is wrong
    with a damaged file; its row is undefined. None stands for a job that is not to be done.
    """
    native = native_module()
    done = [False] * len(jobs)
    if native is None or not out[0].flags.c_contiguous:
        return done
    taken = [i for i, job in enumerate(jobs) if job is not None and _native_takes(job.header, job.window)]
    chosen = [job for i in taken if (job := jobs[i]) is not None]
    if chosen:
        plan = np.array([_plan_row(job, size) for job in chosen])
        statuses = native.crop_resize([job.data for job in chosen], plan, out, antialias)
        for i, status in zip(taken, statuses, strict=True):
            done[i] = status == _DONE
    return done


class Drawing(NamedTuple):
    """How the windows of a batch are drawn."""

    rule: npt.NDArray[np.float64]
    """What `RandomResizedCrop.rule` returns."""
    state: int
    """What `draws.state_of_epoch` returns."""
    numbers: npt.NDArray[np.int64]
    """Of each row, its sample's index in the data set."""


def render_drawn(
    images: Sequence[bytes | memoryview],
    rows: Sequence[int],
    drawing: Drawing,
    out: npt.NDArray[np.uint8],
    *,
    antialias: bool = True,
) -> list[bool]:
    """Do all of `RandomResizedCrop` in one call: read headers, draw windows, render them as `render_all`.

    What is unusual in any way is left undone, and may still be for `render_all`.
    """
    native = native_module()
    if native is None or not out[0].flags.c_contiguous:
        return [False] * len(images)
    rule, state, numbers = drawing
    statuses = native.crop_drawn(images, rows, numbers, state, rule, out, antialias)
    return [status == _DONE for status in statuses]


def _plan_row(job: Job, size: tuple[int, int]) -> tuple[float, ...]:
    region, box = region_of(job.window, job.header, size)
    return (job.window.scale, *region, *box, job.window.orientation == _MIRRORED, job.row)


def render_whole(
    data: bytes | memoryview,
    header: ImageHeader,
    window: Window,
    size: tuple[int, int],
    *,
    antialias: bool = True,
    out: Pixels,
) -> None:
    """Render by the reference: the whole picture is decoded, by simplejpeg or Pillow. Raises `ImageError`."""
    scratch = thread_scratch().take(stored_bytes(header, window.scale))
    pixels = decode_stored(data, header, window.scale, scratch)
    (left, top, right, bottom), box = region_of(window, header, size)
    part = pixels[top:bottom, left:right]
    resize(part, size, box, out=out, antialias=antialias, orientation=window.orientation)


def _native_takes(header: ImageHeader, window: Window) -> bool:
    """Whether libjpeg alone gives the right pixels, and the right word for a file that is cut off."""
    return (
        header.format == "jpg"
        and header.bits == 8
        and header.complete
        and header.color in _NATIVE_COLORS
        and window.orientation in _STRAIGHT
    )
