"""The shuffle of a stream: a random order within a window of bounded memory. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.util import rng

_WINDOW: Final = 0x57494E444F57  # the purpose of these random numbers; another purpose gets others
_OVERHEAD: Final = 1024  # about the bytes that Python adds to those of an image


def shuffled(images: Iterable[StreamedImage], window_bytes: int, seed: int) -> Iterator[StreamedImage]:
    """Yield every image once, in an order that depends on their order, their sizes and the seed alone.

    A shuffle buffer fills up to `window_bytes`. From then on each new image replaces a random one, which
    is yielded. So no image moves forward by more than the buffer holds. An image moves back by a random
    distance: on average the number of images in the buffer.

    Args:
        images: the stream.
        window_bytes: memory of the buffer.
        seed: seed of the random order.
    """
    buffer: list[StreamedImage] = []
    size = count = 0
    for image in images:
        buffer.append(image)
        size += image.size + _OVERHEAD
        while size > window_bytes:
            leaving = _take(buffer, rng.mix(seed, _WINDOW, count))
            count += 1
            size -= leaving.size + _OVERHEAD
            yield leaving
    while buffer:
        yield _take(buffer, rng.mix(seed, _WINDOW, count))
        count += 1


def _take(buffer: list[StreamedImage], bits: int) -> StreamedImage:
    """Remove one image, chosen by 64 random bits; the last image takes its place."""
    index = bits * len(buffer) >> 64
    buffer[index], buffer[-1] = buffer[-1], buffer[index]
    return buffer.pop()
