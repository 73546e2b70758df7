"""Boxes of every format lie at their place in the displayed picture."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from wds_imagenet.images.exif import write_orientation
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.probe import probe
from wds_imagenet.view.shown_boxes import MAX_BOXES, shown_boxes

HEADER = ImageHeader("jpg", 200, 100, "rgb")


def corners(box):
    return box.left, box.top, box.right, box.bottom


def box(xmin, ymin, xmax, ymax, **more):
    return {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax, **more}


def test_ilsvrcs_boxes_are_pixels_of_the_image_that_the_annotators_saw():
    json = {"boxes": [box(10, 20, 50, 40, wnid="n01440764")], "boxes_size": [100, 80]}
    (found,) = shown_boxes(json, HEADER, {"n01440764": "tench"})
    assert (found.name, corners(found)) == ("tench", (0.1, 0.25, 0.5, 0.5))


def test_kaggles_boxes_are_pixels_of_the_image_itself():
    (found,) = shown_boxes({"boxes": [box(20, 10, 100, 50, wnid="n01440764")]}, HEADER, {})
    assert (found.name, corners(found)) == ("n01440764", (0.1, 0.1, 0.5, 0.5))


def test_boxes_of_open_images_go_from_0_to_1():
    entry = {"id": "/m/01yrx", "name": "Cat", "source": "xclick", "attributes": ["occluded"], "unknown": []}
    (found,) = shown_boxes({"boxes": [{**entry, **box(0.25, 0.5, 1.0, 0.75)}]}, HEADER, {})
    assert (found.name, corners(found)) == ("Cat", (0.25, 0.5, 1.0, 0.75))
    assert found.details == ("occluded", "xclick")


def test_boxes_of_one_name_have_one_colour_and_others_another():
    entries = [box(0, 0, 1, 1, name=name) for name in ("cat", "dog", "cat")]
    first, second, third = (one.colour for one in shown_boxes({"boxes": entries}, HEADER, {}))
    assert first == third != second


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_with_the_picture(orientation):
    stored = Image.new("L", (60, 40))
    stored.paste(255, (6, 4, 30, 12))
    out = io.BytesIO()
    stored.save(out, "PNG", exif=write_orientation(orientation))
    shown = ImageOps.exif_transpose(Image.open(out))
    (found,) = shown_boxes({"boxes": [box(6, 4, 30, 12)]}, probe(out.getvalue()), {})
    pixels = [a * b for a, b in zip(corners(found), (*shown.size, *shown.size), strict=True)]
    assert pixels == pytest.approx(shown.getbbox())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)
EDGE = JSON | st.floats(-10, 300) | st.sampled_from([10**400, -(10**400)])
ENTRY = JSON | st.fixed_dictionaries(
    dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), EDGE),
    optional=dict.fromkeys(("name", "wnid", "id", "source", "attributes"), JSON),
)


@given(
    st.fixed_dictionaries(
        {"boxes": JSON | st.lists(ENTRY, max_size=5)}, optional={"boxes_size": JSON | st.just([10**400, 1])}
    ),
    st.integers(1, 8),
)
def test_boxes_of_any_json_lie_in_the_picture(json, orientation):
    for found in shown_boxes(json, HEADER._replace(orientation=orientation), {}):
        assert 0 <= found.left <= found.right <= 1
        assert 0 <= found.top <= found.bottom <= 1


def test_of_very_many_boxes_only_so_many_are_drawn():
    assert len(shown_boxes({"boxes": [box(0, 0, 1, 1)] * (MAX_BOXES + 5)}, HEADER, {})) == MAX_BOXES
