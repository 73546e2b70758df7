"""Damaged and hostile files: pixels or an `ImageError`, never grey, never anything else."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet.errors import ImageError
from wds_imagenet.images.decode import decode_image
from wds_imagenet.images.rewrite import repair, resize_jpeg

FILES = {
    "jpeg": ("JPEG", "RGB", {}),
    "progressive": ("JPEG", "RGB", {"progressive": True}),
    "grey": ("JPEG", "L", {}),
    "cmyk": ("JPEG", "CMYK", {}),
    "png": ("PNG", "RGB", {}),
    "webp": ("WEBP", "RGB", {}),
    "lossless webp": ("WEBP", "RGB", {"lossless": True}),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_off_anywhere_is_an_error(picture, encode, kind):
    form, mode, options = FILES[kind]
    data = encode(picture.convert(mode), form, **options)
    for size in range(0, len(data), 7):
        with pytest.raises(ImageError):
            decode_image(data[:size])
    for size in range(len(data) - 20, len(data)):
        with pytest.raises(ImageError):
            decode_image(data[:size])


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "grey", "cmyk"])
def test_a_jpeg_that_was_cut_and_given_a_new_end_is_an_error(picture, encode, kind):
    form, mode, options = FILES[kind]
    data = encode(picture.convert(mode), form, **options)
    scan = data.rindex(b"\xff\xda") + 18
    for size in range(scan, len(data) - 10, 11):
        if data[size - 1] != 0xFF:
            with pytest.raises(ImageError, match="damaged"):
                decode_image(data[:size] + b"\xff\xd9")


def test_photos_cut_in_half_are_errors(photos):
    for data in photos[::20]:
        with pytest.raises(ImageError):
            decode_image(data[: len(data) // 2])


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"<html>Not found</html>", bytes(1000), b"\x89PNG\r\n\x1a\n"]
)
def test_bytes_that_are_no_image_are_an_error(data):
    with pytest.raises(ImageError):
        decode_image(data)


def test_a_hostile_size_is_refused_at_once(picture, encode):
    data = encode(picture, "JPEG")
    at = data.index(b"\xff\xc0") + 5
    before = time.process_time()
    with pytest.raises(ImageError, match="65500 × 65500"):
        decode_image(data[:at] + (65500).to_bytes(2, "big") * 2 + data[at + 4 :])
    assert time.process_time() - before < 1  # decoding it would take a minute and 13 GB


def changed(data: bytes, edits: list[tuple[float, int, int]]) -> bytes:
    copy = bytearray(data)
    for place, action, value in edits:
        at = int(place * len(copy))
        if action == 0:
            copy[at : at + 1] = bytes([value])
        elif action == 1:
            del copy[at : at + value]
        else:
            copy[at:at] = bytes([value]) * value
    return bytes(copy)


EDITS = st.lists(
    st.tuples(st.floats(0, 0.999), st.integers(0, 2), st.integers(0, 255)), min_size=1, max_size=6
)


def small_files() -> list[bytes]:
    import io

    y, x = np.mgrid[0:24, 0:32]
    picture = Image.fromarray(np.stack([8 * x, 10 * y, 4 * x + 5 * y], axis=2).astype(np.uint8))
    kinds = [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")]
    files = []
    for form, mode in [*kinds, ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "RGB")]:
        buffer = io.BytesIO()
        picture.convert(mode).save(buffer, form, progressive=mode == "L")
        files.append(buffer.getvalue())
    return files


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(small_files()), EDITS)
def test_a_changed_file_gives_pixels_or_an_image_error(data, edits):
    mutated = changed(data, edits)
    try:
        pixels = decode_image(mutated)
    except ImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(small_files()), EDITS)
def test_a_changed_file_is_repaired_to_one_that_decodes_or_refused(data, edits):
    mutated = changed(data, edits)
    try:
        repaired = repair(mutated)
        smaller = resize_jpeg(mutated, 8, 90)
    except ImageError:
        return
    decode_image(repaired.data)
    assert smaller is None or min(decode_image(smaller).shape[:2]) == 8
