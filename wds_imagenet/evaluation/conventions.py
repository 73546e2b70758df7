"""Class numberings, and the conversion of numbers to labels.

Four numberings use 0 to 1000, and no prediction file records its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.predictions import NO_GUESS, Integers, Predictions

Convention: TypeAlias = Literal["ilsvrc2012-id", "sorted-index", "kaggle", "wnid"]
CONVENTIONS: Final[tuple[Convention, ...]] = get_args(Convention)
UNKNOWN: Final = -2
"""The label of a number that is no class in the convention."""

MEANINGS: Final = {
    "ilsvrc2012-id": "the number in meta.mat and in ILSVRC submissions, 1 to 1000",
    "sorted-index": "the index in the sorted WNIDs, from 0, as in PyTorch, timm, ReaL and ImageNet-V2",
    "kaggle": "the line in LOC_synset_mapping.txt, from 1: the sorted index plus 1",
    "wnid": "n01440764",
}


@dataclass(frozen=True, slots=True)
class ClassIds:
    """The identifiers of the classes by label, as far as some files give them."""

    url: str
    """The file."""
    count: int | None = None
    """The number of classes."""
    wnids: tuple[str, ...] | None = None
    ilsvrc2012_ids: tuple[int, ...] | None = None


def merge_class_ids(tables: Iterable[ClassIds]) -> ClassIds:
    """Return the identifiers from all files. Raises `SourceError` if two files contradict each other."""
    merged = ClassIds("")
    for table in tables:
        if None not in (merged.count, table.count) and merged.count != table.count:
            raise SourceError(
                f"{merged.url} has {merged.count:,} classes, but {table.url} has {table.count:,}: give "
                "files of one class list"
            )
        for label, (one, other) in enumerate(zip(merged.wnids or (), table.wnids or (), strict=False)):
            if one != other:
                raise SourceError(f"label {label} is {one} in {merged.url}, but {other} in {table.url}")
        merged = ClassIds(
            table.url if merged.count is None else merged.url,
            merged.count if merged.count is not None else table.count,
            merged.wnids or table.wnids,
            merged.ilsvrc2012_ids or table.ilsvrc2012_ids,
        )
    return merged


def missing_file(convention: Convention, classes: ClassIds) -> str | None:
    """Return the file that a convention still needs, for a message; None if it needs none."""
    if convention == "ilsvrc2012-id" and classes.ilsvrc2012_ids is None:
        return "the devkit, as devkit=ILSVRC2012_devkit_t12.tar.gz"
    if convention == "wnid" and classes.wnids is None:
        return "the devkit, as devkit=…, or LOC_synset_mapping.txt, as synsets=…"
    return None


def to_labels(numbers: Integers, convention: Convention, classes: ClassIds) -> Integers:
    """Return the labels of numbers: `NO_GUESS` stays, and a number without a class becomes `UNKNOWN`.

    Args:
        numbers: Numbers of any shape; for the convention `wnid`, the digits of each WNID.
        convention: The numbering.
        classes: The identifiers by label. Raises `UsageError` if the convention needs others.
    """
    if missing := missing_file(convention, classes):
        raise UsageError(f"the convention {convention} needs {missing}")
    if convention == "ilsvrc2012-id":
        labels = _indices_in(numbers, np.array(classes.ilsvrc2012_ids, np.int64))
    elif convention == "wnid":
        labels = _indices_in(numbers, wnid_digits(classes.wnids or ()))
    else:
        indices = numbers - (convention == "kaggle")
        limit = np.iinfo(np.int64).max if classes.count is None else classes.count
        inside = (indices >= 0) & (indices < limit)
        labels = np.where(inside, indices, UNKNOWN)
        if classes.wnids is not None:  # labels need not follow the sorted WNIDs
            order = np.argsort(wnid_digits(classes.wnids))
            labels = np.where(inside, order[np.where(inside, indices, 0)], UNKNOWN)
    return np.where(numbers == NO_GUESS, NO_GUESS, labels)


def choose_convention(predictions: Predictions, convention: Convention | None) -> str:
    """Return the numbering of the guesses: a convention, or `label` for the columns of logits.

    Args:
        predictions: The guesses as they were written.
        convention: The convention that the user gave. Raises `UsageError` if it is needed and None, or
            contradicts the predictions.
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
            raise UsageError(f"{where}: the guesses are WNIDs, and not {convention}")
        return "wnid"
    if convention is None:
        choices = "; ".join(f"{name} ({MEANINGS[name]})" for name in CONVENTIONS)
        raise UsageError(
            f"{where}: the file does not record the class numbering: give option 'convention': {choices}"
        )
    if convention == "wnid":
        raise UsageError(f"{where}: the guesses are numbers, and not WNIDs")
    return convention


def guessed_labels(predictions: Predictions, numbering: str, classes: ClassIds) -> Integers:
    """Return the guesses as labels, int64 [N, 5]. Raises `SourceError` for a guess that is no class.

    Args:
        predictions: The guesses as they were written.
        numbering: The result of `choose_convention`.
        classes: The identifiers by label.
    """
    if numbering == "label":
        if classes.count not in (None, predictions.columns):
            raise SourceError(
                f"{predictions.where(0)}: the logits have {predictions.columns:,} columns, but {classes.url} "
                f"has {classes.count:,} classes; if the model has a background class, leave out its column"
            )
        return predictions.guesses
    convention = next(name for name in CONVENTIONS if name == numbering)
    labels = to_labels(predictions.guesses, convention, classes)
    if (labels == UNKNOWN).any():
        row, rank = (int(i) for i in np.argwhere(labels == UNKNOWN)[0])
        number = int(predictions.guesses[row, rank])
        written = f"n{number:08d}" if numbering == "wnid" else f"{number}"
        raise SourceError(f"{predictions.where(row)}: {written} is no class by the convention {numbering}")
    return labels


def wnid_digits(wnids: Iterable[str]) -> Integers:
    """Return the digits of WNIDs as numbers."""
    return np.array([int(wnid[1:]) for wnid in wnids], np.int64)


def _indices_in(numbers: Integers, codes: Integers) -> Integers:
    """Return the index of each number in the codes, `UNKNOWN` for a number that is not there."""
    order = np.argsort(codes)
    indices = np.searchsorted(codes[order], numbers).clip(max=len(codes) - 1)
    return np.where(codes[order][indices] == numbers, order[indices], UNKNOWN)
