import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.evaluation.accuracy import correct_guesses, top_errors


def eval_flat(pred, gt, most):
    """eval_flat.m, line by line: zeros where a row is short, `c` summed over the columns of gt."""
    pred = np.hstack([pred[:, :most], np.zeros((len(pred), 1), int)])
    c = np.zeros(len(pred))
    for j in range(gt.shape[1]):
        x = gt[:, j : j + 1] * np.ones((1, pred.shape[1]), int)
        c += (x != pred).min(axis=1)
    n = (gt != 0).sum(axis=1)
    return (c / n).sum() / len(pred)


@given(st.data())
def test_errors_are_those_of_eval_flat(data):
    count, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 5))
    ids = st.integers(1, 6)
    guesses = [data.draw(st.lists(ids, min_size=1, max_size=width)) for _ in range(count)]
    pred = np.array([row + [0] * (width - len(row)) for row in guesses])
    gt = np.array([[data.draw(ids)] for _ in range(count)])
    labels, ours = gt - 1, np.where(pred, pred - 1, -1)
    errors = top_errors(correct_guesses(ours, labels), labels, "each")
    assert errors == pytest.approx([eval_flat(pred, gt, k) for k in range(1, width + 1)])


def test_with_several_labels_each_is_missed_or_met():
    labels, guesses = np.array([[3, 5], [7, -1]]), np.array([[5, 3], [8, 7]])
    assert top_errors(correct_guesses(guesses, labels), labels, "each") == (0.75, 0.0)
    assert top_errors(correct_guesses(guesses, labels), labels, "any") == (0.5, 0.0)


def test_no_guess_is_never_right():
    labels = np.array([[0, -1]])
    assert not correct_guesses(np.array([[-1, -1]]), labels).any()
