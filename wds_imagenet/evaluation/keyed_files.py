"""Read guesses by key: the CSV of Kaggle, our own CSV, and JSON lines."""

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
"""The layout by header: a Kaggle submission, and our own CSV."""


def read_csv(text: str, url: str) -> Predictions:
    """Return the predictions of a CSV with the header `ImageId,PredictionString` (Kaggle) or `key,labels`.

    The second column has guesses separated by spaces, each `label xmin ymin xmax ymax` or `label`. An empty
    cell is no guess. Rows may have any order.

    Args:
        text: The file.
        url: Its URL, for messages.
    """
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[GuessRow] = []
    try:
        header = tuple(cell.strip() for cell in next(table, ()))
        layout = _layout(header)
        rows.extend(GuessRow(table.line_num, *_key_and_guesses(cells)) for cells in table if cells)
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
        columns = ", ".join(header)[:60]
        raise ValueError(f"the columns are {columns}: write ImageId,PredictionString or key,labels")
    return _LAYOUTS[header]


def _key_and_guesses(cells: list[str]) -> tuple[str, list[str]]:
    if len(cells) != 2 or not cells[0].strip():
        raise ValueError(f"{cells!r:.60} is not a key and its guesses, separated by spaces")
    return cells[0].strip(), cells[1].split()


def _from_json(line: str) -> tuple[str, list[str]]:
    match strict_json.loads(line.encode()):
        case {"key": str(key), "labels": [*labels]} if key and all(type(x) in (int, str) for x in labels):
            return key, [str(label) for label in labels]
    raise ValueError('the line is not {"key": "…", "labels": [numbers or WNIDs]}')
