"""Policies for one image: real photos, and damaged copies of them."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from wds_imagenet.errors import ImageError
from wds_imagenet.packing.build.image_policy import accept
from wds_imagenet.packing.options import JpegPolicy, OnBad, PackOptions
from wds_imagenet.packing.plan.schema import MEASURED, ORIGINAL

NAME = "n01440764_tench.JPEG"
KEEP, SKIP, REPAIR = PackOptions("x"), PackOptions("x", on_bad="skip"), PackOptions("x", on_bad="repair")
RESIZE = PackOptions("x", jpeg=JpegPolicy(128))


@pytest.fixture(scope="module")
def photo(photos: Path) -> bytes:
    return (photos / "imagenet-sample" / NAME).read_bytes()


def encoded(photo: bytes, form: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(photo)).convert(mode).save(buffer, form)
    return buffer.getvalue()


def pixels(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def test_a_photo_is_taken_byte_for_byte(photo: bytes) -> None:
    taken = accept(photo, NAME, KEEP)
    assert taken.data is photo
    assert (taken.suffix, taken.repaired, taken.oddity) == ("jpg", None, None)


def test_measured_fields_are_correct(photo: bytes) -> None:
    image = Image.open(io.BytesIO(photo))
    assert accept(photo, NAME, KEEP).measured == {
        "filename": NAME,
        "width": image.width,
        "height": image.height,
        "format": "jpg",
        "sha256": hashlib.sha256(photo).hexdigest(),
    }


@pytest.mark.parametrize("options", [KEEP, SKIP, REPAIR, RESIZE])
def test_the_fields_depend_on_the_options_alone(photo: bytes, options: PackOptions) -> None:
    names = [*MEASURED, *(ORIGINAL if options.rewrites else ())]
    assert list(accept(photo, NAME, options).measured) == names
    assert list(accept(encoded(photo, "PNG"), NAME, options).measured) == names


@pytest.mark.parametrize(("form", "suffix"), [("PNG", "png"), ("WEBP", "webp"), ("JPEG", "jpg")])
def test_the_bytes_decide_the_format_and_not_the_name(photo: bytes, form: str, suffix: str) -> None:
    data = encoded(photo, form)
    taken = accept(data, NAME, KEEP)
    assert (taken.data, taken.suffix) == (data, suffix)
    assert (taken.oddity is None) == (form == "JPEG")


@pytest.mark.parametrize("name", ["x.png", "x.PNG", "no suffix", "x.dat"])
def test_a_name_that_promises_nothing_else_is_not_odd(photo: bytes, name: str) -> None:
    assert accept(encoded(photo, "PNG"), name, KEEP).oddity is None


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "not an image: 0 bytes"),
    "text": (lambda _: b"404: not found\n", "404: not found"),
    "cut in half": (lambda photo: photo[: len(photo) // 2], "the JPEG is cut off"),
    "cut by two bytes": (lambda photo: photo[:-2], "the JPEG is cut off"),
    "cut in the header": (lambda photo: photo[:200], "header is cut off"),
    "cut PNG": (lambda photo: encoded(photo, "PNG")[:-1], "the PNG is cut off"),
    "GIF": (lambda photo: encoded(photo, "GIF"), "it is a GIF; shards take JPEG, PNG and WebP"),
}


@pytest.mark.parametrize("options", [KEEP, SKIP])
@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
def test_a_bad_image_is_refused(
    photo: bytes, spoil: Callable[[bytes], bytes], message: str, options: PackOptions
) -> None:
    with pytest.raises(ImageError, match=message):
        accept(spoil(photo), NAME, options)


@pytest.mark.parametrize("bad", ["empty", "text", "cut in half", "cut in the header", "cut PNG"])
def test_images_beyond_repair_are_refused(photo: bytes, bad: str) -> None:
    with pytest.raises(ImageError):
        accept(BAD[bad][0](photo), NAME, REPAIR)


def test_twelve_bits_are_refused(photos: Path) -> None:
    data = (photos / "jpeg-corner-cases" / "monkey12.jpg").read_bytes()
    for policy in (KEEP, SKIP, REPAIR):
        with pytest.raises(ImageError, match="12 bits"):
            accept(data, "monkey12.jpg", policy)


@pytest.mark.genuine("an arithmetic-coded JPEG, libjpeg's testimgari, is recognized and decoded")
def test_arithmetic_coding_is_kept_and_remarked(photos: Path) -> None:
    data = (photos / "jpeg-corner-cases" / "testimgari.jpg").read_bytes()
    taken = accept(data, "testimgari.jpg", KEEP)
    assert taken.data is data
    assert "arithmetic" in str(taken.oddity)


def test_a_missing_end_is_repaired_without_loss(photo: bytes) -> None:
    taken = accept(photo[:-2], NAME, REPAIR)
    assert pixels(taken.data) == pixels(photo)
    assert taken.repaired
    assert taken.measured["original_sha256"] == hashlib.sha256(photo[:-2]).hexdigest()
    assert taken.measured["sha256"] == hashlib.sha256(taken.data).hexdigest()


def test_cmyk_is_kept_with_a_remark_or_repaired_to_rgb(photo: bytes) -> None:
    data = encoded(photo, "JPEG", "CMYK")
    kept = accept(data, NAME, KEEP)
    assert kept.data is data
    assert "CMYK" in str(kept.oddity)
    repaired = accept(data, NAME, REPAIR)
    assert Image.open(io.BytesIO(repaired.data)).mode == "RGB"
    assert (repaired.oddity, repaired.suffix) == (None, "jpg")
    assert repaired.repaired


def test_a_gif_is_repaired_to_png(photo: bytes) -> None:
    data = encoded(photo, "GIF")
    taken = accept(data, "x.gif", REPAIR)
    assert taken.suffix == taken.measured["format"] == "png"
    assert pixels(taken.data) == pixels(data)


def test_a_large_jpeg_is_resized_and_its_size_kept_on_record(photo: bytes) -> None:
    taken = accept(photo, NAME, RESIZE)
    image, before = Image.open(io.BytesIO(taken.data)), Image.open(io.BytesIO(photo))
    assert min(image.size) == 128
    assert (taken.measured["width"], taken.measured["height"]) == image.size
    assert (taken.measured["original_width"], taken.measured["original_height"]) == before.size


@pytest.mark.parametrize("side", [375, 376, 5000])
def test_nothing_is_enlarged(photo: bytes, side: int) -> None:
    assert accept(photo, NAME, PackOptions("x", jpeg=JpegPolicy(side))).data is photo


def test_resizing_leaves_a_png_alone(photo: bytes) -> None:
    data = encoded(photo, "PNG")
    assert accept(data, "x.png", RESIZE).data is data


@pytest.mark.parametrize("policy", ["fail", "skip", "repair"])
def test_a_good_image_is_the_same_under_every_policy(photo: bytes, policy: OnBad) -> None:
    assert accept(photo, NAME, PackOptions("x", on_bad=policy)).data is photo


def test_the_limit_of_pixels_is_an_option_and_its_error_names_it(photo: bytes) -> None:
    width, height = Image.open(io.BytesIO(photo)).size
    allowed, less = (PackOptions("a", max_pixels=width * height - minus) for minus in (0, 1))
    assert accept(photo, "a.jpg", allowed).data == photo
    for options in (less, replace(less, on_bad="repair"), replace(less, jpeg=JpegPolicy(optimize=True))):
        with pytest.raises(ImageError, match=f"option 'max_pixels' is {width * height - 1:,}"):
            accept(photo, "a.jpg", options)
    resized = accept(photo, "a.jpg", replace(less, jpeg=JpegPolicy(short_side=32)))
    assert min(Image.open(io.BytesIO(resized.data)).size) == 32


def test_a_picture_that_is_too_small_to_be_resized_has_the_limit_too(photo: bytes) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(photo)).resize((20, 4000)).save(buffer, "JPEG")
    options = PackOptions("a", max_pixels=20 * 4000 - 1, jpeg=JpegPolicy(short_side=32))
    with pytest.raises(ImageError, match="max_pixels"):
        accept(buffer.getvalue(), "a.jpg", options)
