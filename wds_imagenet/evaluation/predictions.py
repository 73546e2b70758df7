"""Ranked guesses for images, as they were written: numbers are not labels yet."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError, UsageError

TOP: Final = 5
"""Most guesses of an image; every benchmark here ignores more."""
NO_GUESS: Final = -1
_CHUNK: Final = 4096  # rows ranked at once: bounds the copy of the logits

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """At most five guesses for each of N images, the best first."""

    guesses: Integers
    """The guesses as written in the file, int64 [N, 5]. `NO_GUESS` fills the places after the last guess. A
    WNID is stored as its digits."""
    kind: Literal["number", "wnid", "column"]
    """The form of a guess: a bare number, a WNID, or the column of a logit. The class of a bare number
    depends on a convention. The column of a logit is the label that the model was trained on."""
    keys: tuple[str, ...] | None
    """Key of each image; None if the rows follow the file names of the benchmark."""
    where: Callable[[int], str]
    """A function that returns the file and line of a row, for messages."""
    boxes: Reals | None = None
    """Box of each guess, float64 [N, 5, 4]: xmin, ymin, xmax, ymax in inclusive pixels from 1."""
    columns: int | None = None
    """Number of classes in the logits."""
    notes: tuple[str, ...] = ()
    """Remarks for the user."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.guesses)

    @classmethod
    def of_logits(
        cls, logits: npt.ArrayLike, keys: Iterable[str], where: Callable[[int], str] | None = None
    ) -> "Predictions":
        """Return the predictions of logits or probabilities.

        The column is the label. Of equal values the lower column ranks first; minus infinity is no guess,
        so a row of nothing else counts as wrong.
        Costs 8 µs a row of 1000.

        Args:
            logits: Floats of shape [N, C].
            keys: The key of each row, as in the data set.
            where: Returns the file and line of a row, for messages.

        Raises:
            SourceError: A value is NaN, a key is empty, or the shape or type differs.
        """
        where = where or "row {} of the logits".format
        array, names = np.asarray(logits), tuple(keys)
        check_logits(array.dtype, array.shape, where)
        if len(names) != len(array):
            raise SourceError(f"{where(0)}: there are {len(array):,} rows of logits, but {len(names):,} keys")
        if "" in names:
            raise SourceError(
                f"{where(names.index(''))} has no key: if it is padding, leave out the rows "
                "where the mask of the batch is False"
            )
        for first in range(0, len(array), _CHUNK):
            bad = np.isnan(array[first : first + _CHUNK])
            if bad.any():
                row, column = (int(i) for i in np.argwhere(bad)[0])
                row += first
                raise SourceError(f"{where(row)} ({names[row]}): column {column} is NaN")
        return cls(_ranked(array), "column", names, where, columns=array.shape[1])


def check_logits(dtype: np.dtype[Any], shape: Sequence[int], where: Callable[[int], str]) -> None:
    """Raise `SourceError` unless an array of this type and shape has logits.

    Args:
        dtype: Type of the array.
        shape: Shape of the array.
        where: Returns the file and line of a row, for messages.
    """
    if len(shape) != 2 or dtype.kind != "f" or shape[1] == 0:
        raise SourceError(f"{where(0)}: logits are floats of shape [N, C], not {dtype} of shape {shape}")


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """Return the predictions of several files, such as one a rank, as one. Raises `SourceError`."""
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
        remaining = array[first : first + _CHUNK].copy()
        rows = np.arange(len(remaining))
        for rank in range(TOP):
            best = remaining.argmax(1)  # of equal values the first
            ruled_out = np.isneginf(remaining[rows, best])
            guesses[first : first + _CHUNK, rank] = np.where(ruled_out, NO_GUESS, best)
            remaining[rows, best] = -np.inf
    return guesses
