"""The random order of a stream: as random as the memory that it may take. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.util import rng

_WINDOW: Final = 0x57494E444F57  # the purpose of these draws, apart from every other of the same seed
_OVERHEAD: Final = 1024  # about what Python takes for an arrival beside its bytes


def shuffled(arrivals: Iterable[StreamedImage], window_bytes: int, seed: int) -> Iterator[StreamedImage]:
    """Yield every arrival once, in an order that depends on their order, their sizes and the seed alone.

    A window of that many bytes fills up; from then on a random one of those in it makes room for each
    that comes. So none is early by more than the window holds, and how late one is is random, the
    window's number of images on average.
    """
    window: list[StreamedImage] = []
    held = drawn = 0
    for arrival in arrivals:
        window.append(arrival)
        held += arrival.size + _OVERHEAD
        while held > window_bytes:
            leaving = _draw(window, rng.mix(seed, _WINDOW, drawn))
            drawn += 1
            held -= leaving.size + _OVERHEAD
            yield leaving
    while window:
        yield _draw(window, rng.mix(seed, _WINDOW, drawn))
        drawn += 1


def _draw(window: list[StreamedImage], bits: int) -> StreamedImage:
    """Take out one of the window's, by 64 random bits; the last one takes its place."""
    place = bits * len(window) >> 64
    window[place], window[-1] = window[-1], window[place]
    return window.pop()
