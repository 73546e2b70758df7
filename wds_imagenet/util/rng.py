"""Random numbers as a pure function of integers, the same on every machine and in every version.

NumPy does not guarantee that a generator's `permutation` stays the same from release to release, and an
epoch's order must survive an upgrade. So all random numbers are SplitMix64 (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", 2014), used as a hash of (seed, epoch, purpose, counter).
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

_MASK: Final = (1 << 64) - 1
_SAMPLE_PURPOSE: Final = 3  # `reading.order` uses 1 and 2
_GAMMA: Final = 0x9E3779B97F4A7C15
_A: Final = 0xBF58476D1CE4E5B9
_B: Final = 0x94D049BB133111EB


def mix(*values: int) -> int:
    """Return 64 bits that depend on every bit of every value and on their order."""
    state = 0
    for value in values:
        state = _finish((state ^ (value & _MASK)) + _GAMMA)
    return state


def _finish(z: int) -> int:
    z &= _MASK
    z = ((z ^ (z >> 30)) * _A) & _MASK
    z = ((z ^ (z >> 27)) * _B) & _MASK
    return z ^ (z >> 31)


def mix_array(state: int | npt.NDArray[np.uint64], values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """Return `mix(…, value)` for every value. Costs about 5 ns a value.

    Args:
        state: `mix(…)` of the first values; one for all, or an array with one for each value.
        values: int array of the last values.

    Returns:
        uint64 array of the same shape.
    """
    z = values.astype(np.uint64)
    z ^= np.asarray(state, np.uint64)
    z += np.uint64(_GAMMA)  # unsigned arithmetic wraps, as the hash needs
    z ^= z >> np.uint64(30)
    z *= np.uint64(_A)
    z ^= z >> np.uint64(27)
    z *= np.uint64(_B)
    z ^= z >> np.uint64(31)
    return z


def permutation(state: int, count: int) -> npt.NDArray[np.int64]:
    """Return a random permutation of `range(count)`, all equally likely, that depends on `state` alone."""
    rng = mix_array(state, np.arange(count, dtype=np.uint64))
    return np.argsort(rng, kind="stable")


def permutations(states: npt.NDArray[np.uint64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `permutation(state, count)` for each pair, concatenated."""
    groups = np.repeat(np.arange(len(counts)), counts)
    starts = (np.cumsum(counts) - counts)[groups]
    drawn = mix_array(states[groups], np.arange(len(groups)) - starts)
    return np.lexsort((drawn, groups)) - starts


@lru_cache(16)
def state_of_epoch(seed: int, epoch: int) -> int:
    """Return the part of the state that every `Rng` of an epoch shares; the native engine starts from it."""
    return mix(seed, epoch, _SAMPLE_PURPOSE)


class Rng:
    """The random numbers of one sample in one epoch.

    The n-th draw depends on (seed, epoch, index, n) alone, not on rank, thread, batch or time. Costs about
    a microsecond a draw.
    """

    __slots__ = ("_count", "_state")

    def __init__(self, seed: int, epoch: int, index: int) -> None:
        # mix(seed, epoch, _SAMPLE_PURPOSE, index); all but the last step is the same for a whole epoch.
        self._state = _finish((state_of_epoch(seed, epoch) ^ (index & _MASK)) + _GAMMA)
        self._count = 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return the next draw, uniform in [low, high), with 53 random bits."""
        self._count += 1
        bits = _finish(self._state + self._count * _GAMMA)
        return low + (high - low) * ((bits >> 11) * 2.0**-53)

    def integer(self, low: int, high: int) -> int:
        """Return the next draw, an integer in [low, high], both ends included."""
        return low + min(int(self.uniform() * (high - low + 1)), high - low)

    def seed(self) -> int:
        """Return 64 bits with which to seed a generator of another library."""
        self._count += 1
        return _finish(self._state + self._count * _GAMMA)
