"""Ranked guesses for images, as they were written: no number is understood yet."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError, UsageError

TOP: Final = 5
"""How many guesses an image has at most; every benchmark here ignores what follows."""
NO_GUESS: Final = -1
_CHUNK: Final = 4096  # rows ranked at a time, so that no second copy of all logits is made

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """At most five guesses for each of N images, the best first."""

    guesses: Integers
    """[N, 5]: what was written, `NO_GUESS` where there are fewer. Of WNIDs the digits."""
    kind: Literal["number", "wnid", "column"]
    """What was written: bare numbers, which a convention must explain; WNIDs; columns of logits, which are
    the labels that the model was trained on."""
    keys: tuple[str, ...] | None
    """[N]; None if the rows are the images of the truth in the order of their file names."""
    where: Callable[[int], str]
    """Where a row was written, for messages."""
    boxes: Reals | None = None
    """[N, 5, 4], in pixels from 1: xmin, ymin, xmax, ymax, all inclusive."""
    columns: int | None = None
    """How many classes the logits have."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return N."""
        return len(self.guesses)

    @classmethod
    def of_logits(
        cls, logits: npt.ArrayLike, keys: Iterable[str], where: Callable[[int], str] | None = None
    ) -> "Predictions":
        """Return the predictions of logits or probabilities, float [N, C], for N keys.

        The column is the label. Equal values rank by the lower column first, and minus infinity is no
        guess. Costs 8 µs a row of 1000. Raises `SourceError` for a NaN, a key that is empty, and shapes or
        types that are not these.
        """
        where = where or "row {} of the logits".format
        array, names = np.asarray(logits), tuple(keys)
        if array.ndim != 2 or array.dtype.kind != "f" or array.shape[1] == 0:
            raise SourceError(
                f"{where(0)}: logits are floats of shape [N, C], not {array.dtype} of shape {array.shape}"
            )
        if len(names) != len(array):
            raise SourceError(f"{where(0)}: there are {len(array):,} rows of logits, but {len(names):,} keys")
        if "" in names:
            raise SourceError(
                f"{where(names.index(''))} has no key: if it is padding, leave out the rows "
                "where the batch's mask is False"
            )
        for first in range(0, len(array), _CHUNK):
            bad = np.isnan(array[first : first + _CHUNK])
            if bad.any():
                row, column = (int(i) for i in np.argwhere(bad)[0])
                row += first
                raise SourceError(f"{where(row)} ({names[row]}): column {column} is NaN")
        return cls(_ranked(array), "column", names, where, columns=array.shape[1])


def join(parts: Sequence[Predictions]) -> Predictions:
    """Return predictions that came in several files, such as one a rank, as one."""
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        if part.keys is None:
            raise UsageError(f"{part.where(0)}: a file without keys must be the only one")
        if (part.kind, part.columns, part.boxes is None) != (
            parts[0].kind,
            parts[0].columns,
            parts[0].boxes is None,
        ):
            raise SourceError(f"{part.where(0)} is not in the same form as {parts[0].where(0)}")
    ends = np.cumsum([len(part) for part in parts])

    def where(row: int) -> str:
        number = int(np.searchsorted(ends, row, side="right"))
        return parts[number].where(row - int(ends[number]) + len(parts[number]))

    boxes = [part.boxes for part in parts if part.boxes is not None]
    return Predictions(
        np.concatenate([part.guesses for part in parts]),
        parts[0].kind,
        tuple(key for part in parts for key in part.keys or ()),
        where,
        np.concatenate(boxes) if boxes else None,
        parts[0].columns,
        tuple(note for part in parts for note in part.notes),
    )


def _ranked(array: npt.NDArray[np.floating]) -> Integers:
    guesses = np.full((len(array), TOP), NO_GUESS, np.int64)
    for first in range(0, len(array), _CHUNK):
        left = array[first : first + _CHUNK].copy()
        rows = np.arange(len(left))
        for rank in range(TOP):
            best = left.argmax(1)  # the first of equals
            ruled_out = np.isneginf(left[rows, best])
            guesses[first : first + _CHUNK, rank] = np.where(ruled_out, NO_GUESS, best)
            left[rows, best] = -np.inf
    return guesses
