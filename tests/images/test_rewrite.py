import io
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageCms

from wds_imagenet.errors import ImageError
from wds_imagenet.images.decode import decode_image
from wds_imagenet.images.probe import probe
from wds_imagenet.images.rewrite import repair, resize_jpeg

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def opened(data):
    return Image.open(io.BytesIO(data))


def test_photos_are_made_smaller_and_stay_the_same_picture(photos):
    for data in [data for data in photos if min(probe(data).width, probe(data).height) > 128][::40]:
        small = resize_jpeg(data, 128, 95)
        expected = opened(data).convert("RGB").resize(opened(small).size, Image.Resampling.BILINEAR)
        assert min(opened(small).size) == 128
        assert np.abs(decode_image(small).astype(int) - np.asarray(expected)).mean() < 5
        assert len(small) < len(data)


def test_a_small_picture_is_left_as_it_is(picture, encode):
    for form in ("JPEG", "PNG"):
        assert resize_jpeg(encode(picture, form), 90, 90) is None
        assert resize_jpeg(encode(picture, form), 89, 90) is not None


def test_the_result_is_a_baseline_jpeg_of_quarter_chroma(picture, encode):
    for form in ("JPEG", "PNG", "WEBP", "GIF", "TIFF"):
        header = probe(resize_jpeg(encode(picture, form), 45, 90))
        assert (header.format, header.width, header.height) == ("jpg", 60, 45)
        assert (header.subsampling, header.progressive) == ("4:2:0", False)


def test_the_same_picture_gives_the_same_bytes(photos):
    assert resize_jpeg(photos[3], 128, 90) == resize_jpeg(photos[3], 128, 90)
    assert len(resize_jpeg(photos[3], 128, 60)) < len(resize_jpeg(photos[3], 128, 90))


def test_a_grey_picture_stays_grey(photos):
    data = next(data for data in photos if probe(data).color == "grey")
    assert probe(resize_jpeg(data, 64, 90)).color == "grey"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_orientation_is_kept_and_the_pixels_lie_as_they_did(picture, encode, oriented, form, orientation):
    small = resize_jpeg(encode(picture, form, exif=oriented(orientation)), 45, 90)
    assert probe(small).orientation == opened(small).getexif().get(0x0112, 1) == orientation
    assert opened(small).size == (60, 45)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_that_fits_is_kept(picture, encode, form):
    assert opened(resize_jpeg(encode(picture, form, icc_profile=SRGB), 45, 90)).info["icc_profile"] == SRGB


def test_a_long_colour_profile_is_kept_in_order(picture, encode):
    long = SRGB + bytes(range(256)) * 600
    small = resize_jpeg(encode(picture, "JPEG", icc_profile=long), 45, 90)
    assert opened(small).info["icc_profile"] == long


def test_a_colour_profile_of_another_space_is_dropped(picture, encode):
    data = encode(picture.convert("L"), "JPEG", icc_profile=SRGB)
    assert "icc_profile" not in opened(resize_jpeg(data, 45, 90)).info


def test_a_sound_file_is_returned_as_it_is(photos, picture, encode):
    for data in (photos[0], encode(picture, "PNG"), encode(picture, "WEBP")):
        assert repair(data).data is data
        assert not repair(data).change


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_bytes_after_the_end_are_cut_off(picture, encode, form):
    data = encode(picture, form)
    repaired = repair(data + b"garbage")
    assert repaired.data == data
    assert repaired.change == "7 bytes after the end cut off"


@pytest.mark.parametrize("cut", [1, 2])
def test_a_missing_end_is_appended_to_a_complete_picture(photos, pillow, cut):
    repaired = repair(photos[0][:-cut])
    assert probe(repaired.data).complete
    assert "end" in repaired.change
    assert (pillow(repaired.data) == pillow(photos[0])).all()


def test_an_incomplete_picture_is_refused(photos, picture, encode):
    for data in (
        photos[0][:-20],
        photos[0][: len(photos[0]) // 2],
        encode(picture.convert("CMYK"), "JPEG")[:-30],
    ):
        with pytest.raises(ImageError):
            repair(data)


def test_cmyk_becomes_rgb_of_the_same_colours(picture, encode, pillow, oriented):
    data = encode(
        picture.convert("CMYK"), "JPEG", exif=oriented(3), icc_profile=b"-" * 16 + b"CMYK" + bytes(200)
    )
    for damaged in (data, data[:-2]):
        repaired = repair(damaged)
        header = probe(repaired.data)
        assert (header.color, header.orientation, header.subsampling) == ("rgb", 3, "4:4:4")
        assert "icc_profile" not in opened(repaired.data).info
        assert np.abs(pillow(repaired.data).astype(int) - pillow(data)).mean() < 2


@pytest.mark.parametrize(
    ("form", "mode"),
    [*product(["GIF", "BMP", "TIFF"], ["1", "L", "P", "RGB", "RGBA"]), ("TIFF", "LA"), ("TIFF", "CMYK")],
)
def test_other_formats_become_png_of_the_same_pixels(picture, encode, pillow, form, mode):
    data = encode(picture.convert(mode), form)
    repaired = repair(data)
    assert probe(repaired.data).format == "png"
    assert repaired.change.startswith(f"{form.lower()} rewritten as png")
    assert (pillow(repaired.data) == pillow(data)).all()


def test_sixteen_bits_stay_sixteen(encode):
    grey = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    repaired = repair(encode(Image.fromarray(grey), "TIFF"))
    assert (np.asarray(opened(repaired.data)) == grey).all()


def test_files_beyond_repair_are_refused(corner_cases):
    for data in (b"", b"<html>", corner_cases["monkey12"]):
        with pytest.raises(ImageError):
            repair(data)


def test_a_picture_beyond_the_limit_is_resized_from_the_largest_scale_that_fits(photos):
    data = next(data for data in photos if min(probe(data).width, probe(data).height) >= 512)
    header = probe(data)
    half = -(-header.width // 2) * -(-header.height // 2)
    exact, halved = resize_jpeg(data, 64, 90), resize_jpeg(data, 64, 90, max_pixels=half)
    assert exact != halved
    assert opened(exact).size == opened(halved).size
    assert np.abs(np.asarray(opened(exact), float) - np.asarray(opened(halved), float)).mean() < 3
    with pytest.raises(ImageError, match="max_pixels"):
        resize_jpeg(data, 256, 90, max_pixels=half - 1)  # a quarter of it would be smaller than asked for


def test_a_progressive_picture_counts_whole(picture, encode):
    data = encode(picture.resize((800, 600)), "JPEG", progressive=True)
    with pytest.raises(ImageError, match="max_pixels"):
        resize_jpeg(data, 64, 90, max_pixels=800 * 600 - 1)
