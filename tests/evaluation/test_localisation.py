import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.evaluation.localisation import localised_guesses, overlap

SIDE = st.integers(-3, 12)
BOX = st.tuples(SIDE, SIDE, SIDE, SIDE)


def pixels(box):
    return {(x, y) for x in range(box[0], box[2] + 1) for y in range(box[1], box[3] + 1)}


@given(BOX, BOX)
def test_the_overlap_is_that_of_the_sets_of_pixels(one, other):
    one, other = (np.array([*np.minimum(b[:2], b[2:]), *np.maximum(b[:2], b[2:])]) for b in (one, other))
    shared, both = pixels(one) & pixels(other), pixels(one) | pixels(other)
    expected = len(shared) / len(both) if shared else -1
    assert overlap(one.astype(float), other.astype(float)) == pytest.approx(expected)


@given(BOX, BOX)
def test_the_overlap_is_that_of_compute_overlap_even_for_boxes_turned_inside_out(bb, bbgt):
    bbgt = (*np.minimum(bbgt[:2], bbgt[2:]), *np.maximum(bbgt[:2], bbgt[2:]))
    iw = min(bb[2], bbgt[2]) - max(bb[0], bbgt[0]) + 1
    ih = min(bb[3], bbgt[3]) - max(bb[1], bbgt[1]) + 1
    ov = -1.0
    if iw > 0 and ih > 0:
        ua = (bb[2] - bb[0] + 1) * (bb[3] - bb[1] + 1)
        ua += (bbgt[2] - bbgt[0] + 1) * (bbgt[3] - bbgt[1] + 1) - iw * ih
        ov = iw * ih / ua
    assert overlap(np.array(bb, float), np.array(bbgt, float)) == pytest.approx(ov)


def locate(box, label=7):
    guesses = np.array([[label]])
    boxes = np.array([[1, 1, 10, 10.0]])
    return bool(
        localised_guesses(guesses, np.array([[box]], float), np.array([0]), np.array([7]), boxes)[0, 0]
    )


def test_half_of_inclusive_pixels_is_enough():
    assert locate((1, 1, 10, 5))  # 50 of 100 pixels; without the +1 it would be 36 of 81
    assert not locate((1, 1, 10, 4))
    assert not locate((1, 1, 10, 10), label=8)


def test_one_of_several_boxes_of_the_class_is_enough():
    guesses, where = np.array([[7, 8], [7, 7]]), np.zeros((2, 2, 4))
    where[0], where[1] = (20, 20, 29, 29), (1, 1, 10, 10)
    boxes = np.array([[1, 1, 10, 10], [20, 20, 29, 29], [50, 50, 60, 60]], float)
    found = localised_guesses(guesses, where, np.array([0, 0, 1]), np.array([7, 7, 7]), boxes)
    assert found.tolist() == [[True, False], [False, False]]
