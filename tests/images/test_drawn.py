"""Windows that are drawn in C are those that are drawn in Python, to the last bit."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet import RandomResizedCrop
from wds_imagenet.images import render as module
from wds_imagenet.images.render import RandomCrops, render_drawn
from wds_imagenet.reading.batches.decoded_sample import DecodedSample
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import Rng, state_of_epoch

pytestmark = pytest.mark.skipif(module.native_module() is None, reason="the native engine was not built")
TRANSFORMS = (
    RandomResizedCrop(48, flip=True),
    RandomResizedCrop(48, scale=(0.9, 1.0), ratio=(1.0, 1.0), flip=False),
    RandomResizedCrop(16, scale=(0.01, 0.3), ratio=(0.2, 5.0), flip=0.9, antialias=False),
    RandomResizedCrop(64, scaled_decode=False, flip=1.0),
)


def sample(data, rng):
    return DecodedSample(Sample("k", {"jpg": data}), rng)


def drawn(transform, images, seed=5, epoch=2, first=0):
    """Return C's result for each image, and the rows that it filled."""
    out = np.zeros((len(images), *transform.shape), np.uint8)
    numbers = np.arange(first, first + len(images))
    crops = RandomCrops(transform.rule, state_of_epoch(seed, epoch), numbers)
    return render_drawn(images, range(len(images)), crops, out, antialias=transform.antialias), out


@pytest.mark.parametrize("transform", TRANSFORMS, ids=range(len(TRANSFORMS)))
def test_photos_come_out_as_the_transform_makes_them(photos, transform):
    images = [*photos[:60]]
    done, out = drawn(transform, images)
    assert sum(done) > 50
    for number, image in enumerate(images):
        if done[number]:
            np.testing.assert_array_equal(out[number], transform(sample(image, Rng(5, 2, number))))


@given(
    st.integers(1, 900),
    st.integers(1, 900),
    st.integers(0, 1 << 62),
    st.sampled_from(TRANSFORMS),
)
def test_any_shape_of_picture_gets_the_same_crop(width, height, seed, transform):
    file = io.BytesIO()
    # Rows and columns of their own, so that another crop has other pixels.
    y, x = np.mgrid[:height, :width]
    Image.fromarray(np.uint8([x * 7, y * 5, x + y]).transpose(1, 2, 0)).save(file, "JPEG")
    done, out = drawn(transform, [file.getvalue()], seed=seed, first=seed % 1000)
    assert done == [True]
    expected = transform(sample(file.getvalue(), Rng(seed, 2, seed % 1000)))
    np.testing.assert_array_equal(out[0], expected)


def test_what_is_unusual_is_left(photos):
    progressive, png = io.BytesIO(), io.BytesIO()
    picture = Image.open(io.BytesIO(photos[0])).convert("RGB")
    picture.save(progressive, "JPEG", progressive=True)
    picture.save(png, "PNG")
    cut = photos[0][:-2]
    assert drawn(TRANSFORMS[0], [progressive.getvalue(), png.getvalue(), cut, b""])[0] == [False] * 4


def test_exif_orientation_is_not_drawn_in_c():
    assert RandomResizedCrop(orientation=True).rule is None


def test_wrong_arrays_are_refused(photos):
    native, image = module.native_module(), photos[0]
    rule, out = TRANSFORMS[0].rule, np.zeros((1, 48, 48, 3), np.uint8)
    number = np.zeros(1, np.int64)
    for wrong in (
        ([0], number.astype(np.int32), 5, rule),
        ([0], number.astype(np.float64), 5, rule),
        ([0], number[:, None], 5, rule),
        ([0], np.zeros(4, np.int64)[::2], 5, rule),
    ):
        with pytest.raises(ValueError, match="contiguous"):
            native.crop_drawn([image], *wrong, out, True)
    for rows in ([], ["0"], [None], 7):
        with pytest.raises((TypeError, IndexError)):
            native.crop_drawn([image], rows, number, 5, rule, out, True)
    for row in (7, 1, -1, 1 << 40):
        assert native.crop_drawn([image], [row], np.zeros(9, np.int64), 5, rule, out, True) == b"\1"
    assert native.crop_drawn([image], [0], number[:0], 5, rule, out, True) == b"\1"
    assert native.crop_drawn([image], [0], number, 5, rule, out, True) == b"\0"
    with pytest.raises(ValueError, match="out is"):
        native.crop_drawn([image], [0], number, 5, rule, np.zeros((), np.uint8), True)
    with pytest.raises(ValueError, match="out is"):
        native.crop_resize([], np.zeros((), np.uint8), True)


def test_a_rule_without_a_field_is_refused(photos):
    native, out = module.native_module(), np.zeros((1, 48, 48, 3), np.uint8)
    with pytest.raises(AttributeError, match="min_area"):
        native.crop_drawn([photos[0]], [0], np.zeros(1, np.int64), 5, (0.08, 1.0), out, True)
    rule = TRANSFORMS[0].rule._replace(size="48")
    with pytest.raises(TypeError, match="int"):
        native.crop_drawn([photos[0]], [0], np.zeros(1, np.int64), 5, rule, out, True)
