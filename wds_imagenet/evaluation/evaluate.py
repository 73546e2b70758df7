"""The whole: predictions in, the figures of each benchmark out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike, fspath
from typing import Any, Final

import numpy as np

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.accuracy import met, top_errors
from wds_imagenet.evaluation.conventions import (
    CONVENTIONS,
    UNKNOWN,
    ClassTable,
    Convention,
    chosen,
    lacks,
    to_labels,
    understood,
)
from wds_imagenet.evaluation.formats import read_predictions
from wds_imagenet.evaluation.joins import PredictionJoin, few, join_truth
from wds_imagenet.evaluation.localisation import located
from wds_imagenet.evaluation.predictions import NO_GUESS, TOP, Integers, Predictions
from wds_imagenet.evaluation.text_files import Layout
from wds_imagenet.evaluation.truths import Truth, read_truths
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.messages import quantity

_FAR: Final = 0.1  # by how much another convention must be better before it is mentioned


@dataclass(frozen=True, slots=True)
class Score:
    """What predictions scored against one truth."""

    truth: str
    """`devkit`, `real`, `kaggle`, `dataset`, or a source."""
    url: str
    images: int
    """How many were scored."""
    excluded: int
    """How many the benchmark leaves out, such as those to which ReaL gives no label."""
    error: tuple[float, ...]
    """Top-1, top-2, … to top-5, as far as the benchmark defines them (ReaL: top-1)."""
    localisation_images: int = 0
    """How many were scored for localisation: without those of the blacklist."""
    localisation_error: tuple[float, ...] = ()
    """With one guess, two, … five; empty without boxes."""

    @property
    def accuracy(self) -> tuple[float, ...]:
        """1 - error."""
        return tuple(round(1 - error, 12) for error in self.error)


@dataclass(frozen=True, slots=True)
class Report:
    """What `evaluate` found."""

    predictions: int
    """For how many images there were predictions."""
    convention: str
    """What their numbers were taken to mean; `label` for the columns of logits."""
    scores: tuple[Score, ...]
    """In the order in which the labels were given."""
    notes: tuple[str, ...]
    """What a person ought to hear."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
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
) -> Report:
    """Score predictions by the rules of each benchmark whose labels are given.

    predictions: a file, several with keys (one a rank), or `Predictions`; `formats` tells which files.
    labels: by name, the files or folders: `devkit`, `real`, `kaggle`, `dataset` (a packed one), any source
        that lists labels by itself (`imagefolder`); beside them `synsets`, `boxes`, `blacklist`.
    convention: what bare numbers mean; WNIDs and columns of logits need none.
    layout: what lines of numbers without keys are.
    keys: for a `.npy`, the file with one key a line.
    partial: score what is in both, instead of asking for all.

    Guarantees that every image of a truth is scored exactly once: a key that is missing, unknown or
    there twice is an error. Costs the memory of the predictions; `dataset` is read whole. Raises
    `UsageError` for what was not said, `SourceError` for what is wrong in a file, with its line.
    """
    if not isinstance(predictions, Predictions):
        files = [predictions] if isinstance(predictions, str | PathLike) else predictions
        predictions = read_predictions([fspath(file) for file in files], layout, keys, storage_options or {})
    elif layout or keys:
        raise UsageError("layout and keys are for files; these predictions have been read")
    meant = chosen(predictions, convention)
    if "boxes" in labels and predictions.boxes is None:
        raise UsageError(
            f"{predictions.where(0)}: the predictions have no boxes to compare with the true ones"
        )
    truths, table = read_truths(labels, storage_options or {})
    joins = [join_truth(predictions, truth, partial=partial) for truth in truths]
    try:
        guesses = understood(predictions, meant, table)
    except SourceError as error:
        for other, wrong in _elsewhere(predictions, meant, table, truths[0], joins[0]):
            error.add_note(f"as {other}, they would have a top-1 error of {wrong:.5f}")
        raise
    scores = [
        _score(predictions, guesses, truth, join, partial=partial)
        for truth, join in zip(truths, joins, strict=True)
    ]
    notes = list(predictions.notes)
    for truth, join, score in zip(truths, joins, scores, strict=True):
        notes += _notes(truth, join, score, with_boxes=predictions.boxes is not None)
    here = scores[0].error[0]
    for other, wrong in _elsewhere(predictions, meant, table, truths[0], joins[0]):
        if wrong < here - _FAR:
            notes.append(
                f"as {other} the numbers would have a top-1 error of {wrong:.5f} and not {here:.5f}: is "
                f"{meant} the right convention?"
            )
    return Report(len(predictions), meant, tuple(scores), tuple(notes))


def _score(
    predictions: Predictions, guesses: Integers, truth: Truth, join: PredictionJoin, *, partial: bool
) -> Score:
    labels = truth.labels[join.true]
    matched = met(guesses[join.predicted], labels)
    error = top_errors(matched, labels, truth.rule)[: truth.depth]
    score = Score(truth.name, truth.url, len(labels), join.excluded, error)
    boxes = truth.boxes
    if boxes is None or predictions.boxes is None:
        return score
    kept = (boxes.known & ~boxes.skipped)[join.true]
    lacking = join.true[~(boxes.known | boxes.skipped)[join.true]]
    if not kept.any():
        raise SourceError(f"{boxes.url} and the blacklist leave no image to localise in")
    if len(lacking) and not partial:
        raise SourceError(
            f"{boxes.url} has nothing on {len(lacking):,} images that are to be scored: "
            f"{few([truth.keys[row] for row in lacking])}; to leave them out, ask for partial"
        )
    # The boxes know an image by its row in the truth, so the guesses are put there.
    guess_rows = np.full((len(truth.keys), TOP), NO_GUESS, np.int64)
    guess_rows[join.true] = guesses[join.predicted]
    guess_boxes = np.zeros((len(truth.keys), TOP, 4))
    guess_boxes[join.true] = predictions.boxes[join.predicted]
    found = located(guess_rows, guess_boxes, boxes.rows, boxes.labels, boxes.boxes)[join.true]
    errors = top_errors((matched & found[:, None])[kept], labels[kept], truth.rule)
    return replace(score, localisation_images=int(kept.sum()), localisation_error=errors)


def _notes(truth: Truth, join: PredictionJoin, score: Score, *, with_boxes: bool) -> Iterator[str]:
    yield from truth.notes
    if join.missing:
        yield f"{truth.name}: scored {score.images:,} of {score.images + join.missing:,} images"
    if join.unknown:
        yield f"{truth.name}: {quantity(join.unknown, 'predictions are')} for none of its images"
    if with_boxes and not score.localisation_error:
        yield f"{truth.name}: no localisation error, since the boxes of its images are not known"


def _elsewhere(
    predictions: Predictions, meant: str, table: ClassTable, truth: Truth, join: PredictionJoin
) -> Iterator[tuple[str, float]]:
    """Yield the top-1 error that the numbers would have under other conventions, where they can be theirs."""
    if predictions.kind != "number":
        return
    labels = truth.labels[join.true]
    for other in CONVENTIONS:
        if other in (meant, "wnid") or lacks(other, table):
            continue
        guesses = to_labels(predictions.guesses, other, table)
        if not (guesses == UNKNOWN).any():
            matched = met(guesses[join.predicted], labels)
            yield other, top_errors(matched, labels, truth.rule)[0]
