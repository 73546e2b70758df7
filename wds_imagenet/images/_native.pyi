from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

def crop_resize(
    images: Sequence[bytes | memoryview | None],
    windows: npt.NDArray[np.float64],
    out: npt.NDArray[np.uint8],
    antialias: bool,
    /,
) -> bytes: ...
def crop_drawn(
    images: Sequence[bytes | memoryview],
    rows: Sequence[int],
    numbers: npt.NDArray[np.int64],
    state: int,
    rule: npt.NDArray[np.float64],
    out: npt.NDArray[np.uint8],
    antialias: bool,
    /,
) -> bytes: ...
def decode_region(
    image: bytes | memoryview,
    scale: int,
    left: int,
    top: int,
    right: int,
    bottom: int,
    out: npt.NDArray[np.uint8],
    only: int = 0,
    /,
) -> bool: ...
def optimize(image: bytes, tiles: int, keep: bool, exif: bytes, /) -> bytes: ...
def read_header(image: bytes | memoryview, /) -> tuple[int, int, int, int, int, int, int, int] | None: ...
