import numpy as np
import numpy.typing as npt

def resize(
    image: npt.NDArray[np.uint8],
    left: float,
    top: float,
    right: float,
    bottom: float,
    out: npt.NDArray[np.uint8],
    antialias: bool,
    mirror: bool,
    /,
) -> None: ...
