"""What the number of a class means. Four numberings go by 0 to 1000, and no file says which is its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.predictions import NO_GUESS, Integers, Predictions

Convention: TypeAlias = Literal["ilsvrc2012-id", "sorted-index", "kaggle", "wnid"]
CONVENTIONS: Final[tuple[Convention, ...]] = get_args(Convention)
UNKNOWN: Final = -2
"""Stands for a number that the convention gives to no class."""

MEANINGS: Final = {
    "ilsvrc2012-id": "the number in meta.mat and in ILSVRC's submissions, 1 to 1000",
    "sorted-index": "the place of the WNID among the sorted ones, from 0: PyTorch's, timm's, ReaL's, V2's",
    "kaggle": "the line in LOC_synset_mapping.txt, from 1: the sorted index plus 1",
    "wnid": "n01440764",
}


@dataclass(frozen=True, slots=True)
class ClassTable:
    """What is known of the classes, by label."""

    url: str
    """Where that is said."""
    count: int | None = None
    wnids: tuple[str, ...] | None = None
    ids: tuple[int, ...] | None = None
    """Their ILSVRC2012_IDs."""


def merge(tables: Iterable[ClassTable]) -> ClassTable:
    """Return all that is known of the classes; `SourceError` where two files contradict each other."""
    known = ClassTable("")
    for table in tables:
        if None not in (known.count, table.count) and known.count != table.count:
            raise SourceError(
                f"{known.url} has {known.count:,} classes, but {table.url} has {table.count:,}: their labels "
                "cannot be the same"
            )
        for label, (one, other) in enumerate(zip(known.wnids or (), table.wnids or (), strict=False)):
            if one != other:
                raise SourceError(f"label {label} is {one} in {known.url}, but {other} in {table.url}")
        known = ClassTable(
            table.url if known.count is None else known.url,
            known.count if known.count is not None else table.count,
            known.wnids or table.wnids,
            known.ids or table.ids,
        )
    return known


def lacks(convention: Convention, table: ClassTable) -> str | None:
    """Return what must be given before numbers of this convention can be understood, or None."""
    if convention == "ilsvrc2012-id" and table.ids is None:
        return "the devkit, as devkit=ILSVRC2012_devkit_t12.tar.gz"
    if convention == "wnid" and table.wnids is None:
        return "the devkit, as devkit=…, or LOC_synset_mapping.txt, as synsets=…"
    return None


def to_labels(numbers: Integers, convention: Convention, table: ClassTable) -> Integers:
    """Return the labels of numbers: `NO_GUESS` stays, and what is no class becomes `UNKNOWN`.

    Of `wnid`, numbers are the digits. Raises `UsageError` if the table does not tell.
    """
    if lack := lacks(convention, table):
        raise UsageError(f"the convention {convention} needs {lack}")
    if convention == "ilsvrc2012-id":
        labels = _looked_up(numbers, np.array(table.ids, np.int64))
    elif convention == "wnid":
        labels = _looked_up(numbers, wnid_digits(table.wnids or ()))
    else:
        places = numbers - (convention == "kaggle")
        limit = np.iinfo(np.int64).max if table.count is None else table.count
        inside = (places >= 0) & (places < limit)
        labels = np.where(inside, places, UNKNOWN)
        if table.wnids is not None:  # in the order of the labels, which may be another than the sorted one
            order = np.argsort(wnid_digits(table.wnids))
            labels = np.where(inside, order[np.where(inside, places, 0)], UNKNOWN)
    return np.where(numbers == NO_GUESS, NO_GUESS, labels)


def chosen(predictions: Predictions, convention: Convention | None) -> str:
    """Return what the guesses mean: a convention, or `label` for the columns of logits.

    Raises `UsageError` where that is not said, or contradicts what was written.
    """
    if convention is not None and convention not in CONVENTIONS:
        raise UsageError(f"{convention!r} is no convention; there are {', '.join(CONVENTIONS)}")
    where = predictions.where(0)
    if predictions.kind == "column":
        if convention not in (None, "sorted-index"):
            raise UsageError(f"{where}: columns of logits are labels, from 0, and not {convention}")
        return "label"
    if predictions.kind == "wnid":
        if convention not in (None, "wnid"):
            raise UsageError(f"{where}: there are WNIDs, which are not {convention}")
        return "wnid"
    if convention is None:
        told = "; ".join(f"{name} ({MEANINGS[name]})" for name in CONVENTIONS)
        raise UsageError(
            f"{where}: nothing tells which classes the numbers mean; name the convention: {told}"
        )
    if convention == "wnid":
        raise UsageError(f"{where}: there are numbers and no WNIDs")
    return convention


def understood(predictions: Predictions, meant: str, table: ClassTable) -> Integers:
    """Return the guesses as labels [N, 5]; `SourceError` for one that is no class."""
    if meant == "label":
        if table.count not in (None, predictions.columns):
            raise SourceError(
                f"{predictions.where(0)}: the logits have {predictions.columns:,} columns, but {table.url} "
                f"has {table.count:,} classes; of a model with a background class, leave out its column"
            )
        return predictions.guesses
    convention = next(name for name in CONVENTIONS if name == meant)
    labels = to_labels(predictions.guesses, convention, table)
    if (labels == UNKNOWN).any():
        row, rank = (int(i) for i in np.argwhere(labels == UNKNOWN)[0])
        number = int(predictions.guesses[row, rank])
        written = f"n{number:08d}" if meant == "wnid" else f"{number}"
        raise SourceError(f"{predictions.where(row)}: {written} is no class by the convention {meant}")
    return labels


def wnid_digits(wnids: Iterable[str]) -> Integers:
    """Return the digits of WNIDs as numbers."""
    return np.array([int(wnid[1:]) for wnid in wnids], np.int64)


def _looked_up(numbers: Integers, codes: Integers) -> Integers:
    order = np.argsort(codes)
    places = np.searchsorted(codes[order], numbers).clip(max=len(codes) - 1)
    return np.where(codes[order][places] == numbers, order[places], UNKNOWN)
