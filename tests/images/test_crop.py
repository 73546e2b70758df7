import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.images.crop import Crop, center_crop, random_crop, shrunk_size
from wds_imagenet.util.rng import Rng

sides = st.integers(1, 5000)


def torchvision_crop(width, height, generator, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)):
    """Draw a crop as torchvision's RandomResizedCrop.get_params does, by its documentation."""
    for _ in range(10):
        target = width * height * generator.uniform(*scale)
        aspect = math.exp(generator.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w = round(math.sqrt(target * aspect))
        h = round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            top = generator.randrange(height - h + 1)
            return generator.randrange(width - w + 1), top, w, h
    return None


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (64, 48), (1000, 400)])
def test_crops_are_distributed_as_torchvisions(width, height):
    n, generator = 6000, random.Random(0)
    ours = [random_crop(width, height, Rng(0, 0, i)) for i in range(n)]
    theirs = [crop for _ in range(n) if (crop := torchvision_crop(width, height, generator))]
    ours = np.array([(c.left, c.top, c.width, c.height) for c in ours], float)
    theirs = np.array(theirs, float)
    for a, b in zip(measures(ours), measures(theirs), strict=True):
        grid = np.sort(np.concatenate([a, b]))
        steps = [np.searchsorted(np.sort(x), grid, side="right") / len(x) for x in (a, b)]
        # Kolmogorov and Smirnov's distance; 0.036 is exceeded once in a thousand by equal distributions.
        assert np.abs(steps[0] - steps[1]).max() < 0.036


def measures(crops):
    left, top, width, height = crops.T
    return left, top, width * height, np.log(width / height), left + width / 2, top + height / 2


@given(sides, sides, st.integers(0, 2**63))
def test_a_crop_lies_in_the_picture(width, height, seed):
    left, top, right, bottom = random_crop(width, height, Rng(seed, 0, 0)).box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


@given(sides, sides, st.floats(0.001, 1), st.floats(0.1, 5))
def test_even_an_impossible_ratio_gives_a_crop_in_the_picture(width, height, scale, ratio):
    crop = random_crop(width, height, Rng(1, 2, 3), (scale, scale), (ratio, ratio))
    assert 0 < crop.width <= width
    assert 0 < crop.height <= height


def test_a_strip_gives_the_central_crop_of_a_permitted_ratio():
    assert random_crop(1000, 10, Rng(0, 0, 0), (0.9, 1.0)) == Crop(493, 0, 13, 10)
    assert random_crop(10, 1000, Rng(0, 0, 0), (0.9, 1.0)) == Crop(0, 493, 10, 13)
    # Values of torchvision 0.29 for tensors of these sizes.


def test_the_same_rng_gives_the_same_crop():
    assert random_crop(500, 375, Rng(1, 2, 3)) == random_crop(500, 375, Rng(1, 2, 3))
    assert len({random_crop(500, 375, Rng(1, 2, i)) for i in range(100)}) > 90


@pytest.mark.parametrize(
    ("size", "expected"), [((500, 375), (341, 256)), ((375, 500), (256, 341)), ((256, 256), (256, 256))]
)
def test_a_short_side_is_reached_as_torchvision_reaches_it(size, expected):
    assert shrunk_size(*size, 256) == expected


@pytest.mark.parametrize(
    ("size", "left", "top"),
    [((341, 256), 58, 16), ((256, 343), 16, 60), ((225, 227), 0, 2), ((224, 224), 0, 0)],
)
def test_the_centre_is_rounded_as_torchvision_rounds_it(size, left, top):
    assert center_crop(*size, 224) == Crop(left, top, 224, 224)
