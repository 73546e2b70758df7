import numpy as np
import numpy.typing as npt

def resize(
    image: npt.NDArray[np.uint8],
    box: tuple[float, float, float, float],
    out: npt.NDArray[np.uint8],
    antialias: bool,
    mirror: bool,
) -> None: ...
