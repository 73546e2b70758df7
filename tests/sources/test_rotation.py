"""Boxes that are rotated with their images; Pillow rotates the images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet.sources.open_images.rotation import rotate_fields

DEGREES = [90, 180, 270]
SIXTHS = st.integers(0, 10**6).map(lambda n: n / 10**6)


def box(xmin, xmax, ymin, ymax, clicks=()):
    return {"xmin": xmin, "xmax": xmax, "ymin": ymin, "ymax": ymax, "clicks": list(clicks), "name": "Cat"}


BOXES = st.tuples(SIXTHS, SIXTHS, SIXTHS, SIXTHS).map(
    lambda v: box(*sorted(v[:2]), *sorted(v[2:]), [[v[0], v[2]], [v[1], v[3]]])
)


@given(
    st.integers(0, 19), st.integers(0, 9), st.integers(1, 20), st.integers(1, 10), st.sampled_from(DEGREES)
)
def test_a_box_stays_on_its_object(left, top, width, height, degrees):
    pixels = np.zeros((10, 20), np.uint8)
    pixels[top : top + height, left : left + width] = 255
    right, bottom = min(left + width, 20), min(top + height, 10)
    known = {"rotation": degrees, "boxes": [box(left / 20, right / 20, top / 10, bottom / 10)]}
    (found,) = rotate_fields(known)[0]["boxes"]
    image = Image.fromarray(pixels).rotate(degrees, expand=True)
    edges = found["xmin"] * image.width, found["ymin"] * image.height
    edges += found["xmax"] * image.width, found["ymax"] * image.height
    assert image.getbbox() == pytest.approx(edges)


@given(BOXES, st.sampled_from(DEGREES))
def test_rotation_back_gives_the_same_box(known, degrees):
    there, _ = rotate_fields({"rotation": degrees, "boxes": [known]})
    back, _ = rotate_fields({**there, "rotation": 360 - degrees})
    assert back["boxes"] == [known]
    (found,) = there["boxes"]
    assert {found["xmin"], found["xmax"]} == {x for x, _ in found["clicks"]}
    assert {found["ymin"], found["ymax"]} == {y for _, y in found["clicks"]}


def test_the_applied_rotation_is_recorded_and_none_is_left():
    assert rotate_fields({"rotation": 90, "title": "x"}) == (
        {"rotation": 0, "rotation_applied": 90, "title": "x"},
        90,
    )
    untouched = {"rotation": 0, "boxes": [box(0.1, 0.2, 0.3, 0.4)]}
    assert rotate_fields(untouched) == ({**untouched, "rotation_applied": 0}, 0)
