"""Match predictions to the images of a benchmark, by key or line by line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wds_imagenet.errors import SourceError
from wds_imagenet.evaluation.benchmark_labels import BenchmarkLabels
from wds_imagenet.evaluation.predictions import Integers, Predictions
from wds_imagenet.util.messages import quantity

_KEYS_IN_MESSAGE: Final = 3


@dataclass(frozen=True, slots=True)
class Matches:
    """The rows of predictions and of a benchmark that are about one image, for S scored images."""

    predicted: Integers
    """Rows of the predictions, int64 [S]."""
    true: Integers
    """Rows of the benchmark, int64 [S]."""
    excluded: int
    """Images with a prediction and no label, which are not scored."""
    missing: int
    """Images with a label and no prediction."""
    unknown: int
    """Predictions for no image of the benchmark."""


def match_predictions(predictions: Predictions, benchmark: BenchmarkLabels, *, partial: bool) -> Matches:
    """Match predictions to the images of a benchmark, by key or in the order of the file names.

    Guarantees that no image is scored twice. Without `partial`, every labelled image is scored, and every
    prediction belongs to an image.

    Args:
        predictions: With keys, or one a line for all images.
        benchmark: The images and their labels.
        partial: Accept missing and unknown images.

    Raises:
        SourceError: A key is there twice, missing or unknown; the message names it.
    """
    if predictions.keys is None:
        _check_line_count(predictions, benchmark)
        rows = np.arange(len(predictions))
        predicted, true, unknown = rows, rows, 0
    else:
        predicted, true, unmatched = _match_keys(predictions, predictions.keys, benchmark)
        unknown = len(unmatched)
        if unmatched and not (partial and len(true)):
            raise SourceError(
                f"{predictions.where(unmatched[0])}: {quantity(unknown, 'predictions are')} for no image of "
                f"{benchmark.name} ({benchmark.url}), whose keys are like {benchmark.keys[0]}: "
                f"{first_keys([predictions.keys[row] for row in unmatched])}"
            )
    labelled = np.asarray((benchmark.labels >= 0).any(axis=1))
    unscored = labelled.copy()
    unscored[true] = False
    missing = np.flatnonzero(unscored)
    kept = labelled[true]
    if (len(missing) and not partial) or not kept.any():
        raise SourceError(
            f"{len(missing):,} of the {int(labelled.sum()):,} images of {benchmark.name} ({benchmark.url}) "
            f"have no prediction: {first_keys([benchmark.keys[row] for row in missing])}; to score the rest, "
            "give option 'partial'"
        )
    return Matches(predicted[kept], true[kept], int((~kept).sum()), len(missing), unknown)


def _check_line_count(predictions: Predictions, benchmark: BenchmarkLabels) -> None:
    lines, images = len(predictions), len(benchmark.keys)
    if lines != images:
        raise SourceError(
            f"{predictions.where(min(lines - 1, images))}: there are {lines:,} lines of predictions, but "
            f"{benchmark.name} ({benchmark.url}) has {images:,} images"
        )


def _match_keys(
    predictions: Predictions, keys: Sequence[str], benchmark: BenchmarkLabels
) -> tuple[Integers, Integers, list[int]]:
    """Return the rows of both with one key, and the rows of predictions whose key is unknown."""
    true_rows = {key: row for row, key in enumerate(benchmark.keys)}
    first_rows: dict[str, int] = {}
    unmatched: list[int] = []
    for row, key in enumerate(keys):
        name = benchmark.key_of(key)
        if first_rows.setdefault(name, row) != row:
            raise SourceError(
                f"{predictions.where(row)}: {key} was predicted before, in "
                f"{predictions.where(first_rows[name])}"
            )
        if name not in true_rows:
            unmatched.append(row)
    matched = [(row, true_rows[name]) for name, row in first_rows.items() if name in true_rows]
    pairs = np.array(matched, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], unmatched


def first_keys(keys: Sequence[str]) -> str:
    """Return the first keys, for a message."""
    return ", ".join(keys[:_KEYS_IN_MESSAGE]) + (", …" if len(keys) > _KEYS_IN_MESSAGE else "")
