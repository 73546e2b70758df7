"""Which prediction is for which image. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wds_imagenet.errors import SourceError
from wds_imagenet.evaluation.predictions import Integers, Predictions
from wds_imagenet.evaluation.truths import Truth
from wds_imagenet.util.messages import quantity

_NAMED: Final = 3  # keys in a message


@dataclass(frozen=True, slots=True)
class PredictionJoin:
    """The rows that belong together, of all images that are scored."""

    predicted: Integers
    """[S]: rows of the predictions."""
    true: Integers
    """[S]: rows of the truth."""
    excluded: int
    """Images that have a prediction, but no label: they are not scored."""
    missing: int
    """Images that have a label, but no prediction."""
    unknown: int
    """Predictions for no image of the truth."""


def join_truth(predictions: Predictions, truth: Truth, *, partial: bool) -> PredictionJoin:
    """Join predictions to a truth: by key, or line by line to its images in the order of their names.

    Guarantees that no image is scored twice, and, if not `partial`, that every image with a label is and
    every prediction is for one. Raises `SourceError` that names what is there twice, missing or unknown.
    """
    if predictions.keys is None:
        _check_lines(predictions, truth)
        rows = np.arange(len(predictions))
        predicted, true, unknown = rows, rows, 0
    else:
        predicted, true, strangers = _match(predictions, predictions.keys, truth)
        unknown = len(strangers)
        if strangers and not (partial and len(true)):
            raise SourceError(
                f"{predictions.where(strangers[0])}: {quantity(unknown, 'predictions are')} for no image of "
                f"{truth.name} ({truth.url}), whose keys are like {truth.keys[0]}: "
                f"{few([predictions.keys[row] for row in strangers])}"
            )
    labelled = np.asarray((truth.labels >= 0).any(axis=1))
    due = labelled.copy()
    due[true] = False
    missing = np.flatnonzero(due)
    kept = labelled[true]
    if (len(missing) and not partial) or not kept.any():
        raise SourceError(
            f"{len(missing):,} of the {int(labelled.sum()):,} images of {truth.name} ({truth.url}) have no "
            f"prediction: {few([truth.keys[row] for row in missing])}; to score the others, ask for partial"
        )
    return PredictionJoin(predicted[kept], true[kept], int((~kept).sum()), len(missing), unknown)


def _check_lines(predictions: Predictions, truth: Truth) -> None:
    there, due = len(predictions), len(truth.keys)
    if there != due:
        raise SourceError(
            f"{predictions.where(min(there - 1, due))}: there are {there:,} lines of predictions, but "
            f"{truth.name} ({truth.url}) has {due:,} images"
        )


def _match(
    predictions: Predictions, keys: Sequence[str], truth: Truth
) -> tuple[Integers, Integers, list[int]]:
    """Return the rows of both that have the same key, and those of predictions that have none."""
    places = {key: row for row, key in enumerate(truth.keys)}
    before: dict[str, int] = {}
    strangers: list[int] = []
    for row, key in enumerate(keys):
        name = truth.key_of(key)
        if before.setdefault(name, row) != row:
            raise SourceError(
                f"{predictions.where(row)}: {key} was predicted before, in {predictions.where(before[name])}"
            )
        if name not in places:
            strangers.append(row)
    matched = [(row, places[name]) for name, row in before.items() if name in places]
    pairs = np.array(matched, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], strangers


def few(keys: Sequence[str]) -> str:
    """Return the first keys, for a message."""
    return ", ".join(keys[:_NAMED]) + (", …" if len(keys) > _NAMED else "")
