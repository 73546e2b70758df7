import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import UsageError
from wds_imagenet.images.label_pooling import pooled_label


def stored(seed):
    """Return a label map with classes 3, 28, …, 978, as ReLabel stores it."""
    rng = np.random.default_rng(seed)
    labels = np.argsort(rng.random((40, 15, 15)), axis=0)[:5] * 25 + 3
    return np.stack([rng.normal(8, 4, (5, 15, 15)), labels]).astype(np.float16)


# By torchvision 0.29.1 on torch 2.14.1, for `stored(row)` and `box`, classes 3, 28, 53, 78, 103, 128, 0 of
#   maps = torch.zeros(1000, 15, 15).scatter_(0, stored[1].long(), stored[0].float())
#   boxes = torch.cat([torch.zeros(1, 1), torch.tensor([box]) * 15 - 0.5], 1)
#   torch.softmax(torchvision.ops.roi_align(maps[None], boxes, (1, 1)).reshape(-1), 0)
RECORDED = [
    ((0, 0, 1, 1), "0.002397519 0.001768802 0.002339583 0.002183712 0.00296004 0.003543065 0.0009321498"),
    (
        (0.1, 0.2, 0.35, 0.9),
        "0.002895368 0.001531392 0.001396689 0.003578499 0.00187115 0.004524389 0.0009249416",
    ),
    ((0, 0, 0.02, 0.03), "6.436e-06 6.436e-06 6.436e-06 6.436e-06 6.436e-06 6.436e-06 6.435749e-06"),
    ((0.97, 0.9, 1, 1), "2.0564e-05 0.01220739 2.0564e-05 2.0564e-05 2.0564e-05 2.0564e-05 2.05645e-05"),
    (
        (0.5, 0.25, 0.501, 0.75),
        "0.000915615 0.001753995 0.004470141 0.000915615 0.001236106 0.001754891 0.0009156152",
    ),
    (
        (1 / 3, 0.2, 0.8, 2 / 3),
        "0.003074498 0.003660674 0.002794791 0.002445446 0.001952634 0.002173377 0.0009297046",
    ),
    (
        (0.2, 0.1, 0.9, 0.35),
        "0.001578735 0.007705752 0.001158243 0.00259202 0.001557044 0.002348847 0.0009252616",
    ),
    (
        (0, 0.4, 7 / 15, 13 / 15),
        "0.001457306 0.001080951 0.003743231 0.001401757 0.002216289 0.007258536 0.0009184159",
    ),
]


@pytest.mark.parametrize("row", range(len(RECORDED)))
def test_it_is_what_torchvisions_roi_align_and_a_softmax_give(row):
    box, recorded = RECORDED[row]
    label = pooled_label(stored(row), box)
    assert (label.shape, label.dtype) == ((1000,), np.float32)
    wanted = [float(word) for word in recorded.split()]
    np.testing.assert_allclose(label[[3, 28, 53, 78, 103, 128, 0]], wanted, rtol=1e-5, atol=1e-9)


def test_it_is_what_torchvision_gives_here():
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision.ops")
    rng = np.random.default_rng(0)
    for seed in range(200):
        edges = np.sort(rng.random((2, 2)), axis=0)
        edges = np.round(edges * 15) / 15 if seed % 3 == 0 else edges
        box, values = tuple(edges.ravel()), torch.from_numpy(stored(seed)).float()
        maps = torch.zeros(1000, 15, 15).scatter_(0, values[1].long(), values[0])
        boxes = torch.cat([torch.zeros(1, 1), torch.tensor([box]).float() * 15 - 0.5], 1)
        wanted = torch.softmax(ops.roi_align(maps[None], boxes, (1, 1)).reshape(-1), 0)
        np.testing.assert_allclose(pooled_label(stored(seed), box), wanted.numpy(), atol=1e-5)


def test_left_and_right_go_along_the_last_axis():
    labels = np.broadcast_to(np.arange(5)[:, None, None], (5, 15, 15)).copy()
    labels[:, :, 8:] += 10  # other classes in the right half
    maps = np.stack([np.full((5, 15, 15), 9.0), labels]).astype(np.float16)
    right = pooled_label(maps, (0.7, 0, 1, 1))
    assert right[10] > 100 * right[0]
    bottom = pooled_label(maps, (0, 0.7, 1, 1))
    assert bottom[10] < 2 * bottom[0]


fraction = st.floats(0, 1, width=32)


@given(st.integers(0, 9), fraction, fraction, fraction, fraction)
def test_every_crop_has_a_distribution(seed, left, top, right, bottom):
    label = pooled_label(stored(seed), (left, top, right, bottom))
    assert np.isclose(label.sum(), 1, atol=1e-4)
    assert label.min() > 0


@given(st.integers(0, 9), fraction, fraction)
def test_rows_and_columns_change_places_together(seed, edge, other):
    box = (min(edge, other), 0.25, max(edge, other), 0.75)
    turned = (box[1], box[0], box[3], box[2])
    maps = stored(seed)
    np.testing.assert_allclose(
        pooled_label(maps, box), pooled_label(maps.transpose(0, 1, 3, 2), turned), rtol=1e-5
    )


def test_scores_beyond_exp_do_not_overflow():
    maps = stored(0)
    maps[0] *= 1000
    assert np.isfinite(pooled_label(maps, (0, 0, 1, 1))).all()


@pytest.mark.parametrize(
    ("change", "box", "message"),
    [
        (lambda maps: maps[0], (0, 0, 1, 1), r"not \[5, 15, 15\]"),
        (lambda maps: maps[:, :0], (0, 0, 1, 1), r"not \[2, 0, 15, 15\]"),
        (lambda maps: maps + np.float16(100), (0, 0, 1, 1), "classes 103 to 1078"),
        (lambda maps: maps - np.float16(100), (0, 0, 1, 1), "classes -97 to"),
        (lambda maps: maps, (0, 0, 1, 1.01), "pass fractions"),
        (lambda maps: maps, (0, float("nan"), 1, 1), "pass fractions"),
        (lambda maps: maps, (10, 20, 200, 224), "pass fractions"),
    ],
)
def test_what_is_no_label_map_or_crop_is_refused(change, box, message):
    with pytest.raises(UsageError, match=message):
        pooled_label(change(stored(0)), box)
