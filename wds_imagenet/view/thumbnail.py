"""Make a small JPEG of an image."""

import io

from PIL import Image

from wds_imagenet.images.decode import decode_image
from wds_imagenet.images.orientation import swaps
from wds_imagenet.images.probe import probe


def thumbnail(data: bytes | memoryview, side: int) -> bytes:
    """Return a small JPEG of an image, rotated by its EXIF orientation, and never larger than the image.

    Costs a few milliseconds for a photo, and 300 MB of memory for the largest image that `probe` accepts.

    Args:
        data: The encoded image.
        side: Longest side of the result, in pixels.

    Raises:
        ImageError: The image cannot be decoded.
    """
    header = probe(data)
    width, height = header.width, header.height
    if swaps(header.orientation):
        width, height = height, width
    scale = min(1.0, side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = decode_image(data, min_width=size[0], min_height=size[1], orientation=True)
    small = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=82)
    return out.getvalue()
