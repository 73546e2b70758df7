"""Read predictions and the labels of benchmarks, match them, and score by the rules of each benchmark."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike, fspath
from typing import Any, Final

import numpy as np

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.accuracy import correct_guesses, top_errors
from wds_imagenet.evaluation.benchmark_labels import BenchmarkLabels, read_benchmark_labels
from wds_imagenet.evaluation.conventions import (
    CONVENTIONS,
    UNKNOWN,
    ClassIds,
    Convention,
    choose_convention,
    guessed_labels,
    missing_file,
    to_labels,
)
from wds_imagenet.evaluation.formats import read_predictions
from wds_imagenet.evaluation.localisation import localised_guesses
from wds_imagenet.evaluation.matching import Matches, first_keys, match_predictions
from wds_imagenet.evaluation.predictions import NO_GUESS, TOP, Integers, Predictions
from wds_imagenet.evaluation.text_files import Layout
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.argument_types import check_arguments
from wds_imagenet.util.messages import quantity

_MUCH_BETTER: Final = 0.1  # how far another convention must lower the error before a note suggests it


@dataclass(frozen=True, slots=True)
class Score:
    """The errors of predictions against one benchmark."""

    benchmark: str
    """`devkit`, `real`, `kaggle`, `dataset`, or the name of a source."""
    url: str
    """The file, folder or data set of the labels."""
    images: int
    """Number of scored images."""
    excluded: int
    """Number of images that the benchmark leaves out, such as those without a label in ReaL."""
    error: tuple[float, ...]
    """Top-1 to top-5 error, or only those that the benchmark defines (ReaL: top-1)."""
    localisation_images: int = 0
    """Number of images scored for localisation, without the blacklist."""
    localisation_error: tuple[float, ...] = ()
    """Top-1 to top-5 localisation error; empty without boxes."""

    @property
    def accuracy(self) -> tuple[float, ...]:
        """Top-1 to top-5 accuracy: 1 - error."""
        return tuple(round(1 - error, 12) for error in self.error)


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The result of `evaluate`: a score for each benchmark."""

    predictions: int
    """Number of images with predictions."""
    convention: str
    """The class numbering of the predictions; `label` for the columns of logits."""
    scores: tuple[Score, ...]
    """One a benchmark, in the order of the labels."""
    notes: tuple[str, ...]
    """Remarks for the user."""

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, with the accuracies."""
        scores = [{**asdict(score), "accuracy": score.accuracy} for score in self.scores]
        return {**asdict(self), "scores": scores}


def evaluate(
    predictions: Predictions | str | PathLike[str] | Sequence[str | PathLike[str]],
    labels: Mapping[str, str],
    *,
    convention: Convention | None = None,
    layout: Layout | None = None,
    keys: str | None = None,
    partial: bool = False,
    storage_options: StorageOptions | None = None,
) -> EvaluationReport:
    """Score predictions by the rules of each benchmark whose labels are given.

    `evaluate` scores every image of a benchmark exactly once. It raises an error if a key is missing, unknown
    or repeated; `partial` allows missing and unknown keys. It holds the predictions in
    memory, and reads the whole of a `dataset`.

    Args:
        predictions: A file, several files with keys (one a rank), or `Predictions`.
        labels: A mapping from the name of a benchmark to a file. A benchmark is `devkit`, `real`, `kaggle`,
            `dataset` (the URL of a packed data set), or a source of `pack` such as `imagefolder`. Further
            files complete a benchmark: `synsets`, `boxes`, `blacklist`.
        convention: Class numbering of predictions that are numbers: `ilsvrc2012-id`, `sorted-index`,
            `kaggle` or `wnid`.
        layout: Layout of a text file of bare numbers: `classification` or `localisation`.
        keys: For an `.npy` file: a file with the keys of the rows, one per line.
        partial: Score only the images that have both a prediction and a label.
        storage_options: Options of the store of every file.

    Raises:
        UsageError: An option is missing, or contradicts a file.
        SourceError: A file has a fault; the message has its line.
    """
    check_arguments(evaluate, locals())
    if not isinstance(predictions, Predictions):
        files = [predictions] if isinstance(predictions, str | PathLike) else predictions
        predictions = read_predictions([fspath(file) for file in files], layout, keys, storage_options or {})
    elif layout or keys:
        raise UsageError("layout and keys describe a file; leave them out for Predictions")
    numbering = choose_convention(predictions, convention)
    if "boxes" in labels and predictions.boxes is None:
        raise UsageError(f"{predictions.where(0)}: the predictions have no boxes to score: leave out boxes=…")
    benchmarks, classes = read_benchmark_labels(labels, storage_options or {})
    matches = [match_predictions(predictions, benchmark, partial=partial) for benchmark in benchmarks]
    try:
        guesses = guessed_labels(predictions, numbering, classes)
    except SourceError as error:
        for other, top_1 in _other_conventions(predictions, numbering, classes, benchmarks[0], matches[0]):
            error.add_note(f"with the convention {other} the top-1 error is {top_1:.5f}")
        raise
    scores = [
        _score(predictions, guesses, benchmark, matched, partial=partial)
        for benchmark, matched in zip(benchmarks, matches, strict=True)
    ]
    notes = list(predictions.notes)
    for benchmark, matched, score in zip(benchmarks, matches, scores, strict=True):
        notes += _notes(benchmark, matched, score, with_boxes=predictions.boxes is not None)
    error_here = scores[0].error[0]
    for other, top_1 in _other_conventions(predictions, numbering, classes, benchmarks[0], matches[0]):
        if top_1 < error_here - _MUCH_BETTER:
            notes.append(
                f"with the convention {other} the top-1 error is {top_1:.5f} instead of {error_here:.5f}: "
                f"check that {numbering} is right"
            )
    return EvaluationReport(len(predictions), numbering, tuple(scores), tuple(notes))


def _score(
    predictions: Predictions,
    guesses: Integers,
    benchmark: BenchmarkLabels,
    matches: Matches,
    *,
    partial: bool,
) -> Score:
    labels = benchmark.labels[matches.true]
    correct = correct_guesses(guesses[matches.predicted], labels)
    error = top_errors(correct, labels, benchmark.rule)[: benchmark.depth]
    score = Score(benchmark.name, benchmark.url, len(labels), matches.excluded, error)
    boxes = benchmark.boxes
    if boxes is None or predictions.boxes is None:
        return score
    kept = (boxes.annotated & ~boxes.blacklisted)[matches.true]
    without_boxes = matches.true[~(boxes.annotated | boxes.blacklisted)[matches.true]]
    if not kept.any():
        raise SourceError(f"{boxes.url} and the blacklist leave no image to score")
    if len(without_boxes) and not partial:
        raise SourceError(
            f"{boxes.url} has no boxes for {quantity(len(without_boxes), 'scored images')}: "
            f"{first_keys([benchmark.keys[row] for row in without_boxes])}; to leave them out, give option "
            "'partial'"
        )
    # A true box has the row of its image in the benchmark, so the guesses are moved to those rows.
    guess_rows = np.full((len(benchmark.keys), TOP), NO_GUESS, np.int64)
    guess_rows[matches.true] = guesses[matches.predicted]
    guess_boxes = np.zeros((len(benchmark.keys), TOP, 4))
    guess_boxes[matches.true] = predictions.boxes[matches.predicted]
    localised = localised_guesses(guess_rows, guess_boxes, boxes.rows, boxes.labels, boxes.boxes)[
        matches.true
    ]
    errors = top_errors((correct & localised[:, None])[kept], labels[kept], benchmark.rule)
    return replace(score, localisation_images=int(kept.sum()), localisation_error=errors)


def _notes(benchmark: BenchmarkLabels, matches: Matches, score: Score, *, with_boxes: bool) -> Iterator[str]:
    yield from benchmark.notes
    if matches.missing:
        yield f"{benchmark.name}: scored {score.images:,} of {score.images + matches.missing:,} images"
    if matches.unknown:
        yield f"{benchmark.name}: {quantity(matches.unknown, 'predictions are')} for none of its images"
    if with_boxes and not score.localisation_error:
        yield f"{benchmark.name}: no localisation error, because its true boxes are not given"


def _other_conventions(
    predictions: Predictions, numbering: str, classes: ClassIds, benchmark: BenchmarkLabels, matches: Matches
) -> Iterator[tuple[str, float]]:
    """Yield each other convention that has a class for every number, with its top-1 error."""
    if predictions.kind != "number":
        return
    labels = benchmark.labels[matches.true]
    for other in CONVENTIONS:
        if other in (numbering, "wnid") or missing_file(other, classes):
            continue
        guesses = to_labels(predictions.guesses, other, classes)
        if not (guesses == UNKNOWN).any():
            correct = correct_guesses(guesses[matches.predicted], labels)
            yield other, top_errors(correct, labels, benchmark.rule)[0]
