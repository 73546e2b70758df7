from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

DONE: Final[int]
UNSUPPORTED: Final[int]
ANY_DECODER: Final[int]
BASELINE_DECODER: Final[int]
LIBJPEG_DECODER: Final[int]

class JpegHeader(NamedTuple):
    width: int
    height: int
    components: int
    sampling: tuple[int, ...]
    exif_begin: int
    exif_end: int

class CropJob(Protocol):
    @property
    def image(self) -> bytes | memoryview: ...
    @property
    def row(self) -> int: ...
    @property
    def scale(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def top(self) -> int: ...
    @property
    def right(self) -> int: ...
    @property
    def bottom(self) -> int: ...
    @property
    def box_left(self) -> float: ...
    @property
    def box_top(self) -> float: ...
    @property
    def box_right(self) -> float: ...
    @property
    def box_bottom(self) -> float: ...
    @property
    def mirror(self) -> bool: ...

class RandomCropRule(Protocol):
    @property
    def min_area(self) -> float: ...
    @property
    def max_area(self) -> float: ...
    @property
    def min_ratio(self) -> float: ...
    @property
    def max_ratio(self) -> float: ...
    @property
    def min_log_ratio(self) -> float: ...
    @property
    def max_log_ratio(self) -> float: ...
    @property
    def mirror_probability(self) -> float: ...
    @property
    def size(self) -> int: ...
    @property
    def scaled_decode(self) -> bool: ...

def crop_resize(jobs: Sequence[CropJob], out: npt.NDArray[np.uint8], antialias: bool) -> bytes: ...
def crop_drawn(
    images: Sequence[bytes | memoryview],
    rows: Sequence[int],
    sample_indices: npt.NDArray[np.int64],
    epoch_state: int,
    rule: RandomCropRule,
    out: npt.NDArray[np.uint8],
    antialias: bool,
) -> bytes: ...
def decode_region(
    image: bytes | memoryview,
    scale: int,
    left: int,
    top: int,
    right: int,
    bottom: int,
    out: npt.NDArray[np.uint8],
    decoder: int = ...,
) -> bool: ...
def optimize(image: bytes, tiles: int, keep: bool, exif: bytes) -> bytes: ...
def read_header(image: bytes | memoryview, /) -> JpegHeader | None: ...
