"""CMYK JPEGs, converted to RGB.

`decode_stored` calls `cmyk_to_rgb`, so that CMYK is decoded as RGB everywhere: in loaders, and in
`rewrite.repair`.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image


def cmyk_to_rgb(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the pixels [H, W, 3] that Pillow's `convert("RGB")` gives for a CMYK JPEG.

    All readers assume inverted values, as Adobe writes them (Adobe Technical Note 5116), and ignore colour
    profiles.

    Args:
        pixels: uint8 [H, W, 4], as libjpeg decodes them.
    """
    height, width, _ = pixels.shape
    image = Image.frombuffer("CMYK", (width, height), pixels, "raw", "CMYK;I", 0, 1)
    return np.array(image.convert("RGB"))
