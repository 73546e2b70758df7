"""Mutations of real bytes: flips, cuts, repeats, numbers at their limits, and pieces of other files."""

import random
from collections.abc import Sequence
from typing import Final

_NUMBERS: Final = (
    b"0",
    b"-1",
    b"9" * 18,
    b"1e999",
    b"NaN",
    b"2147483648",
    b"18446744073709551616",
    b"1" * 400,
)
_TOKENS: Final = (
    b"\x00",
    b"\xff",
    b"\n",
    b'"',
    b"{",
    b"[",
    b"<",
    b",",
    b"\\ud800",
    b"../",
    b"\xef\xbb\xbf",
    b"&#0;",
)


def mutate(rng: random.Random, seeds: Sequence[bytes], most: int = 6) -> bytes:
    """Return one of the seeds with a few mutations."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, most)):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        match rng.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(data):
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 2:
                del data[at : min(to, at + rng.choice((1, 4, 16, 512)))]
            case 3:
                data[at:at] = data[at : min(to, at + 600)] * rng.choice((1, 1, 40))
            case 4:
                data[at : at + rng.choice((0, 1, 4))] = rng.choice(_NUMBERS)
            case 5:
                data[at:at] = rng.choice(_TOKENS) * rng.choice((1, 1, 1, 200))
            case 6:
                data[at : at + 8] = rng.randbytes(8)
            case _:
                other = rng.choice(seeds)
                start = rng.randrange(len(other) + 1)
                data[at:at] = other[start : start + rng.choice((8, 100, 1024))]
    return bytes(data)
