"""Guesses as words: ILSVRC's submissions, and what words mean wherever they stand."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from wds_imagenet.errors import SourceError
from wds_imagenet.evaluation.predictions import NO_GUESS, TOP, Predictions
from wds_imagenet.util.messages import quantity

Layout: TypeAlias = Literal["classification", "localisation"]
"""A guess is `label`, or `label xmin ymin xmax ymax`."""

_WNID: Final = re.compile(r"n[0-9]{8}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_FARTHEST: Final = 1e9


@dataclass(frozen=True, slots=True)
class GuessRow:
    """What was written for one image."""

    line: int
    """From 1."""
    key: str | None
    words: Sequence[str]


def read_text(text: str, url: str, layout: Layout) -> Predictions:
    """Return the predictions of ILSVRC's submission format: a line an image, in file-name order.

    A line may have fewer than five guesses, and what follows the fifth is ignored. An empty line is
    refused: eval_flat.m would pass over it, and shift all that follow.
    """
    lines = [line.rstrip("\r") for line in text.rstrip().split("\n")] if text.strip() else []
    rows = [GuessRow(number, None, line.split()) for number, line in enumerate(lines, 1)]
    for row in rows:
        if not row.words:
            raise SourceError(f"{url}, line {row.line} is empty, but each image has a line with a guess")
    return to_predictions(rows, url, layout)


def to_predictions(rows: Iterable[GuessRow], url: str, layout: Layout) -> Predictions:
    """Return the predictions that rows of words make.

    Raises `SourceError`, with file and line, for what is neither a number nor a WNID, for both in one
    file, for half a guess, and for coordinates that are no numbers.
    """
    rows = list(rows)
    if not rows:
        raise SourceError(f"{url} is empty: there are no predictions in it")
    guesses = np.full((len(rows), TOP), NO_GUESS, np.int64)
    boxes = np.zeros((len(rows), TOP, 4)) if layout == "localisation" else None
    lines: dict[bool, int] = {}  # the first with WNIDs, and the first with numbers
    longer = 0
    for at, row in enumerate(rows):
        try:
            groups = _grouped(row.words, 1 if boxes is None else 5)
            for rank, (label, *sides) in enumerate(groups[:TOP]):
                guesses[at, rank] = _number(label)
                lines.setdefault(label.startswith("n"), row.line)
                if boxes is not None:
                    boxes[at, rank] = [_coordinate(side) for side in sides]
        except ValueError as error:
            raise SourceError(f"{url}, line {row.line}: {error}") from error
        if len(lines) > 1:
            raise SourceError(
                f"{url}: there are WNIDs (line {lines[True]}) and numbers (line {lines[False]})"
            )
        longer += len(groups) > TOP
    note = f"{quantity(longer, 'images have')} more than {TOP} guesses; what follows the fifth is ignored"
    keys = None if rows[0].key is None else tuple(row.key or "" for row in rows)
    places = [row.line for row in rows]
    return Predictions(
        guesses,
        "wnid" if True in lines else "number",
        keys,
        lambda at: f"{url}, line {places[at]}",
        boxes,
        notes=(note,) if longer else (),
    )


def _grouped(words: Sequence[str], width: int) -> list[Sequence[str]]:
    if len(words) % width:
        raise ValueError(f"{len(words)} values are not groups of 'label xmin ymin xmax ymax'")
    return [words[start : start + width] for start in range(0, len(words), width)]


def _number(word: str) -> int:
    if _WNID.fullmatch(word):
        return int(word[1:])
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{word[:30]!r} is neither the number of a class nor a WNID")
    return int(word)


def _coordinate(word: str) -> float:
    if not _DECIMAL.fullmatch(word) or abs(float(word)) > _FARTHEST:
        raise ValueError(f"{word[:30]!r} is no coordinate")
    return float(word)
