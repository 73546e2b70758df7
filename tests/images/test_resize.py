import ctypes
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from wds_imagenet.errors import UsageError
from wds_imagenet.images.crop import random_crop
from wds_imagenet.images.decode import decode_image
from wds_imagenet.images.resize import resize
from wds_imagenet.util.rng import Rng

SIZES = [(350, 350), (450, 230), (230, 370), (150, 150), (150, 300), (500, 375), (224, 224)]


@pytest.fixture(autouse=True, params=["native", "Pillow"])
def engine(request, monkeypatch):
    """Select the implementation of resize: each test runs with both."""
    module = import_module("wds_imagenet.images.resize")
    if request.param == "Pillow":
        monkeypatch.setattr(module, "_native", None)
    elif module.engine() != "native":
        pytest.skip("the native module was not built, for want of a C compiler")
    return request.param


def levels(ours, theirs):
    """Return the mean and the largest difference, in levels."""
    difference = np.abs(ours.astype(int) - theirs)
    return difference.mean(), difference.max()


def torch_resize(pixels, size, *, antialias):
    """Resize with the function that torchvision calls for uint8 tensors; floats give the exact result."""
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]
    small = torch.nn.functional.interpolate(tensor, size, mode="bilinear", antialias=antialias)
    return small[0].permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def pixels(photos):
    """A photo of 500 × 375 pixels."""
    return next(pixels for data in photos if (pixels := decode_image(data)).shape == (375, 500, 3))


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_agrees_with_torch_within_a_level(pixels, width, height, antialias):
    part = pixels[:height, :width]
    mean, largest = levels(
        resize(part, (224, 224), antialias=antialias), torch_resize(part, (224, 224), antialias=antialias)
    )
    assert mean < 0.3
    assert largest <= 1


def random_part(photos, index):
    """Return a random crop of a photo, as is drawn in training."""
    pixels = decode_image(photos[index])
    left, top, right, bottom = random_crop(pixels.shape[1], pixels.shape[0], Rng(3, 0, index)).box
    return pixels[top:bottom, left:right]


def test_a_random_crop_of_every_photo_is_torchs_within_a_level(photos, engine):
    largest = 0
    for index in range(0, len(photos), 1 if engine == "native" else 10):
        part = random_part(photos, index)
        ours = resize(part, (224, 224))
        largest = max(largest, levels(ours, torch_resize(part, (224, 224), antialias=True))[1])
    assert largest <= (1 if engine == "native" else 2)  # Pillow rounds twice: 2 in one pixel of fifty million


@pytest.mark.parametrize("antialias", [True, False])
def test_the_native_module_rounds_the_exact_result_and_nothing_else(photos, engine, antialias):
    if engine == "native":
        for index in range(0, len(photos), 25):
            part = random_part(photos, index)
            exact = torch_resize(part.astype(float), (224, 224), antialias=antialias)
            assert np.abs(resize(part, (224, 224), antialias=antialias) - exact).max() < 0.52


@pytest.mark.parametrize("box", [(10, 20, 360, 370), (3.25, 7.5, 200.75, 301.125), (0, 0, 500, 375)])
def test_a_box_is_what_pillow_resizes(pixels, box):
    theirs = Image.fromarray(pixels).resize((224, 224), Image.Resampling.BILINEAR, box)
    assert levels(resize(pixels, (224, 224), box), np.asarray(theirs))[1] <= 1


def test_a_part_of_an_array_is_resized_as_a_picture_of_its_own(pixels, engine):
    part = pixels[20:370, 10:360]
    theirs = Image.fromarray(part).resize((224, 224), Image.Resampling.BILINEAR)
    mean, largest = levels(resize(part, (224, 224)), np.asarray(theirs))
    assert (mean, largest) == (0, 0) if engine == "Pillow" else mean < 0.3 and largest <= 1


@pytest.mark.parametrize(("low", "high"), [(0, 500), (100.5, 420.25), (0, 336), (10, 384)])
def test_plain_columns_lie_between_their_two_neighbours(pixels, low, high):
    ours = resize(pixels, (375, 224), (low, 0, high, 375), antialias=False)
    at = np.clip(low + (np.arange(224) + 0.5) * (high - low) / 224 - 0.5, 0, 499)
    left = np.minimum(at.astype(int), 498)
    share = (at - left)[:, np.newaxis]
    expected = pixels[:, left] * (1 - share) + pixels[:, left + 1] * share
    assert levels(ours, np.rint(expected).astype(int))[1] <= 1


def test_the_result_is_written_to_out(pixels):
    batch = np.zeros((3, 64, 96, 3), np.uint8)
    row = resize(pixels, (64, 96), out=batch[1])
    assert np.shares_memory(row, batch)
    assert (batch[1] == resize(pixels, (64, 96))).all()
    assert not batch[0].any()
    assert not batch[2].any()


@pytest.mark.parametrize("antialias", [True, False])
def test_every_orientation_turns_the_result_as_exif_says(pixels, antialias):
    upright = resize(pixels, (64, 96), antialias=antialias)
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, -1),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright),
    }
    for orientation, expected in turned.items():
        ours = resize(pixels, (64, 96), orientation=orientation, antialias=antialias)
        assert (ours == expected).all(), orientation


def test_one_pixel_fills_any_size():
    pixel = np.full((1, 1, 3), 77, np.uint8)
    for antialias in (True, False):
        assert (resize(pixel, (5, 9), antialias=antialias) == 77).all()


@pytest.mark.parametrize(
    "out", [np.zeros((96, 64, 3), np.uint8), np.zeros((64, 96, 3), np.float32), np.zeros((64, 96), np.uint8)]
)
def test_an_out_of_another_shape_or_type_is_refused(pixels, out):
    with pytest.raises(UsageError, match="out is"):
        resize(pixels, (64, 96), out=out)


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, 0, 501, 5), (5, 5, 5, 9), (0, 0, float("nan"), 5)])
def test_a_box_outside_the_picture_is_refused(pixels, box):
    with pytest.raises(UsageError, match="box"):
        resize(pixels, (64, 96), box)


def test_a_plain_area_stays_plain():
    assert set(resize(np.full((301, 457, 3), 137, np.uint8), (224, 100)).ravel()) == {137}


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 50), (50, 1), (3, 3), (7, 5), (1000, 2)])
def test_tiny_and_narrow_pictures_are_resized_as_pillow_does(shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    theirs = Image.fromarray(image).resize((13, 11), Image.Resampling.BILINEAR)
    assert levels(resize(image, (11, 13)), np.asarray(theirs))[1] <= 1


def test_an_array_whose_pixels_are_not_contiguous_is_resized_too(pixels):
    assert (resize(pixels[:, ::-1], (50, 60)) == resize(pixels[:, ::-1].copy(), (50, 60))).all()


@pytest.mark.parametrize("height", [1000, 8000, 33_000, 100_000])
def test_a_picture_that_shrinks_a_thousandfold_keeps_its_mean(height):
    ramp = np.repeat(np.arange(height) * 250 // height, 3).astype(np.uint8).reshape(-1, 1, 3)
    theirs = Image.fromarray(ramp).resize((1, 1), Image.Resampling.BILINEAR)
    assert levels(resize(ramp, (1, 1)), np.asarray(theirs))[1] <= 1


def test_an_out_whose_pixels_are_not_contiguous_is_filled(pixels):
    out = np.zeros((3, 40, 50), np.uint8).transpose(1, 2, 0)
    assert (resize(pixels, (40, 50), out=out) == resize(pixels, (40, 50))).all()


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_arrays_that_are_no_picture_are_refused(image):
    with pytest.raises(UsageError, match="uint8"):
        resize(image, (2, 2))


def test_the_native_module_refuses_buffers_without_strides(engine):
    if engine == "native":
        from wds_imagenet.images._resize import resize as native

        with pytest.raises(ValueError, match="uint8"):
            native(((ctypes.c_uint8 * 3) * 4 * 5)(), (0, 0, 1, 1), np.zeros((2, 2, 3), np.uint8), True, False)
