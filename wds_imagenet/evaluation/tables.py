"""Guesses by key: Kaggle's submission, and ranked labels as CSV or JSONL."""

import csv
import io
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.evaluation.predictions import Predictions
from wds_imagenet.evaluation.text_files import GuessRow, Layout, to_predictions
from wds_imagenet.util import strict_json

_LAYOUTS: Final[dict[tuple[str, ...], Layout]] = {
    ("ImageId", "PredictionString"): "localisation",
    ("key", "labels"): "classification",
}
"""By header: Kaggle's submission, and our own."""


def read_csv(text: str, url: str) -> Predictions:
    """Return the predictions of a CSV: `ImageId,PredictionString` as Kaggle's, or `key,labels`.

    The second column holds the guesses, separated by spaces, each `label xmin ymin xmax ymax` or
    `label`; it may be empty: no guess. Rows are in any order.
    """
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[GuessRow] = []
    try:
        header = tuple(cell.strip() for cell in next(table))
        layout = _layout(header)
        rows.extend(GuessRow(table.line_num, *_key_and_words(cells)) for cells in table if cells)
    except (csv.Error, ValueError) as error:
        raise SourceError(f"{url}, line {table.line_num}: {error}") from error
    return to_predictions(rows, url, layout)


def read_jsonl(text: str, url: str) -> Predictions:
    """Return the predictions of JSON lines, each `{"key": …, "labels": [best, second, …]}`."""
    rows: list[GuessRow] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(GuessRow(number, *_from_json(line)))
            except ValueError as error:
                raise SourceError(f"{url}, line {number}: {error}") from error
    return to_predictions(rows, url, "classification")


def _layout(header: tuple[str, ...]) -> Layout:
    if header not in _LAYOUTS:
        there = ", ".join(header)[:60]
        raise ValueError(f"the columns are {there}, where ImageId,PredictionString or key,labels belong")
    return _LAYOUTS[header]


def _key_and_words(cells: list[str]) -> tuple[str, list[str]]:
    if len(cells) != 2 or not cells[0].strip():
        raise ValueError(f"{cells!r:.60} is not a key and its guesses, separated by spaces")
    return cells[0].strip(), cells[1].split()


def _from_json(line: str) -> tuple[str, list[str]]:
    match strict_json.loads(line.encode()):
        case {"key": str(key), "labels": [*labels]} if key and all(type(x) in (int, str) for x in labels):
            return key, [str(label) for label in labels]
    raise ValueError('it is not {"key": "…", "labels": [numbers or WNIDs]}')
