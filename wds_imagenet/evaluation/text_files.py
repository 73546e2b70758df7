"""Read the text format of ILSVRC, and turn rows of words into predictions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from wds_imagenet.errors import SourceError
from wds_imagenet.evaluation.predictions import NO_GUESS, TOP, Predictions
from wds_imagenet.util.messages import quantity

Layout: TypeAlias = Literal["classification", "localisation"]
"""A guess is `label` in a classification file, `label xmin ymin xmax ymax` in a localisation file."""

_WNID: Final = re.compile(r"n[0-9]{8}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MAX_COORDINATE: Final = 1e9
_SEPARATOR: Final = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class GuessRow:
    """The words of one image, as they were written."""

    line: int
    """Line in the file, from 1."""
    key: str | None
    words: Sequence[str]


def read_text(text: str, url: str, layout: Layout) -> Predictions:
    """Return the predictions of an ILSVRC submission: one line an image, in the order of the file names.

    Spaces, commas or semicolons separate guesses. A line may have fewer than five; more are ignored. Raises
    `SourceError` for an empty line: eval_flat.m skips it, and scores later lines against the wrong image.

    Args:
        text: The file.
        url: Its URL, for messages.
        layout: Labels alone, or labels with boxes.
    """
    lines = [line.rstrip("\r") for line in text.rstrip().split("\n")] if text.strip() else []
    rows = [GuessRow(number, None, _words(line)) for number, line in enumerate(lines, 1)]
    for row in rows:
        if not row.words:
            raise SourceError(f"{url}, line {row.line} is empty: write a guess for each image")
    return to_predictions(rows, url, layout)


def is_guesses(line: str) -> bool:
    """Return True for a line of labels and coordinates, which is no header."""
    return all(_WNID.fullmatch(word) or _DECIMAL.fullmatch(word) for word in _words(line))


def to_predictions(rows: Iterable[GuessRow], url: str, layout: Layout) -> Predictions:
    """Return the predictions that rows of words make.

    Args:
        rows: One row an image; all have keys, or none has one.
        url: The file, for messages.
        layout: Labels alone, or labels with boxes.

    Raises:
        SourceError: A label is neither a number nor a WNID, the file has both, a guess is cut short, or a
            coordinate is no number; the message has file and line.
    """
    rows = list(rows)
    if not rows:
        raise SourceError(f"{url} is empty: it has no predictions")
    guesses = np.full((len(rows), TOP), NO_GUESS, np.int64)
    boxes = np.zeros((len(rows), TOP, 4)) if layout == "localisation" else None
    lines: dict[bool, int] = {}  # the first line with a WNID, and the first with a number
    longer = 0
    for index, row in enumerate(rows):
        try:
            groups = _grouped(row.words, 1 if boxes is None else 5)
            for rank, (label, *sides) in enumerate(groups[:TOP]):
                guesses[index, rank] = _number(label)
                lines.setdefault(label.startswith("n"), row.line)
                if boxes is not None:
                    boxes[index, rank] = [_coordinate(side) for side in sides]
        except ValueError as error:
            raise SourceError(f"{url}, line {row.line}: {error}") from error
        if len(lines) > 1:
            raise SourceError(
                f"{url}: it has WNIDs (line {lines[True]}) and numbers (line {lines[False]}): write one kind"
            )
        longer += len(groups) > TOP
    note = f"{quantity(longer, 'images have')} more than {TOP} guesses; only the first {TOP} count"
    keys = None if rows[0].key is None else tuple(row.key or "" for row in rows)
    line_numbers = [row.line for row in rows]
    return Predictions(
        guesses,
        "wnid" if True in lines else "number",
        keys,
        lambda index: f"{url}, line {line_numbers[index]}",
        boxes,
        notes=(note,) if longer else (),
    )


def _words(line: str) -> list[str]:
    return [word for word in _SEPARATOR.split(line) if word]


def _grouped(words: Sequence[str], width: int) -> list[Sequence[str]]:
    if len(words) % width:
        raise ValueError(f"{len(words)} values are not groups of 'label xmin ymin xmax ymax'")
    return [words[start : start + width] for start in range(0, len(words), width)]


def _number(word: str) -> int:
    if _WNID.fullmatch(word):
        return int(word[1:])
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{word[:30]!r} is neither a class number nor a WNID")
    return int(word)


def _coordinate(word: str) -> float:
    if not _DECIMAL.fullmatch(word) or abs(float(word)) > _MAX_COORDINATE:
        raise ValueError(f"{word[:30]!r} is no coordinate")
    return float(word)
