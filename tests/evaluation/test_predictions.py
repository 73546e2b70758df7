import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation import Predictions
from wds_imagenet.evaluation.predictions import concatenate


@given(st.lists(st.lists(st.integers(0, 3), min_size=7, max_size=7), min_size=1, max_size=8))
def test_logits_rank_as_a_stable_sort_does(rows):
    logits = np.array(rows, np.float32)
    made = Predictions.of_logits(logits, [f"k{n}" for n in range(len(rows))])
    expected = [sorted(range(7), key=lambda c, row=row: (-row[c], c))[:5] for row in rows]
    assert made.guesses.tolist() == expected


def test_minus_infinity_is_no_guess():
    made = Predictions.of_logits([[-np.inf, 0.5, -np.inf]], ["a"])
    assert made.guesses.tolist() == [[1, -1, -1, -1, -1]]


def test_the_logits_given_are_left_as_they_are():
    logits = np.eye(3)
    Predictions.of_logits(logits, "abc")
    assert (logits == np.eye(3)).all()


@pytest.mark.parametrize(
    ("logits", "keys", "message"),
    [
        ([[0.0, np.nan]], ["a"], r"row 0 of the logits \(a\): column 1 is NaN"),
        ([[0.0, 1.0]], ["a", "b"], "1 rows of logits, but 2 keys"),
        ([[0.0, 1.0]], [""], "row 0 of the logits has no key: if it is padding"),
        ([0.0, 1.0], ["a", "b"], r"floats of shape \[N, C\]"),
        ([[1, 0]], ["a"], "not int64"),
        (np.zeros((2, 0)), ["a", "b"], r"of shape \(2, 0\)"),
    ],
)
def test_logits_that_cannot_be_scored_are_refused(logits, keys, message):
    with pytest.raises(SourceError, match=message):
        Predictions.of_logits(logits, keys)


def test_a_nan_far_down_names_its_row():
    logits = np.zeros((5000, 3), np.float16)
    logits[4321, 2] = np.nan
    with pytest.raises(SourceError, match=r"row 4321 of the logits \(k4321\): column 2"):
        Predictions.of_logits(logits, [f"k{n}" for n in range(5000)])


def test_ranks_are_concatenated_and_rows_keep_their_location():
    one = Predictions.of_logits(np.eye(3)[:2], ["a", "b"], "first {}".format)
    none = Predictions.of_logits(np.zeros((0, 3)), [], "second {}".format)
    other = Predictions.of_logits(np.eye(3)[2:], ["c"], "third {}".format)
    made = concatenate([one, none, other])
    assert made.keys == ("a", "b", "c")
    assert made.guesses[:, 0].tolist() == [0, 1, 2]
    assert [made.where(row) for row in range(3)] == ["first 0", "first 1", "third 0"]


def test_predictions_without_keys_or_of_another_form_are_not_concatenated():
    one = Predictions.of_logits(np.eye(3), "abc")
    with pytest.raises(SourceError, match="not in the same form"):
        concatenate([one, Predictions.of_logits(np.eye(4), "defg")])
    bare = Predictions(np.zeros((1, 5), np.int64), "number", None, "line {}".format)
    with pytest.raises(UsageError, match="must be the only one"):
        concatenate([one, bare])
