"""Our own decoder of baseline JPEGs gives libjpeg-turbo's pixels, or leaves the file to it."""

import io
import platform
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import simplejpeg
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet.images.native_engine import native_module

native = native_module()
pytestmark = pytest.mark.skipif(
    native is None or platform.machine() != "x86_64", reason="our own decoder was not built"
)
OWN, LIBJPEG = 1, 2
STANDARD_DC = bytes([0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, *range(12)])
END_ONLY = bytes([0x10, 1, *[0] * 15, 0])


def decoded(data, box, only, scale=1):
    """Return the pixels of a region, None if they are left to others."""
    left, top, right, bottom = box
    out = np.zeros((bottom - top, right - left, 3), np.uint8)
    return out if native.decode_region(data, scale, left, top, right, bottom, out, only) else None


def reference(data, scale=1):
    """Return the whole picture at 1/scale of its size, by simplejpeg."""
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    smaller = (-(-height // scale), -(-width // scale)) if scale > 1 else (0, 0)
    return simplejpeg.decode_jpeg(data, "RGB", min_height=smaller[0], min_width=smaller[1])


def pictured(width, height, **options):
    """Return a colourful JPEG."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(width * 7919 + height).integers(0, 60, (height, width))
    pixels = np.stack([x * 9 + noise, y * 5 + 3 * noise, 255 - x * y // 7 + noise], 2).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(options.pop("mode", "RGB")).save(file, "JPEG", **options)
    return file.getvalue()


def written(*segments, scan=b"\x00"):
    """Return a JPEG of these segments."""
    head = b"".join(struct.pack(">BBH", 0xFF, kind, 2 + len(body)) + body for kind, body in segments)
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def grey(*, width=8, height=8, factors=0x11, dc=STANDARD_DC, ac=END_ONLY, step=8, scan=b"\x3f"):
    """Return a grey JPEG of one block, valid by default."""
    frame = struct.pack(">BHHBBBB", 8, height, width, 1, 1, factors, 0)
    tables = (0xDB, bytes([0]) + bytes([step] * 64)), (0xC0, frame), (0xC4, dc), (0xC4, ac)
    return written(*tables, (0xDA, bytes([1, 1, 0, 0, 63, 0])), scan=scan)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_nearly_all_photos_are_decoded_to_libjpegs_pixels(photos, scale):
    taken = 0
    for data in photos[::4]:
        whole = reference(data, scale)
        pixels = decoded(data, (0, 0, whole.shape[1], whole.shape[0]), OWN, scale)
        taken += pixels is not None
        assert pixels is None or np.array_equal(pixels, whole)
    assert taken > 0.95 * len(photos[::4])


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([0, 1, 2]),
    st.sampled_from(["RGB", "L"]),
    st.integers(0, 9),
    st.integers(1, 100),
    st.sampled_from([1, 2, 4]),
    st.data(),
)
def test_every_sampling_and_size_gives_libjpegs_pixels(  # noqa: PLR0917 - each is drawn
    width, height, subsampling, mode, restart, quality, scale, data
):
    options = {"restart_marker_blocks": restart} if restart else {}
    assume(scale == 1 or max(width, height) > 8)  # of fewer pixels simplejpeg takes another scale
    jpeg = pictured(width, height, mode=mode, subsampling=subsampling, quality=quality, **options)
    whole = reference(jpeg, scale)
    height, width, _ = whole.shape
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    pixels = decoded(jpeg, box, OWN, scale)
    if pixels is None:
        assert mode == "RGB"
        assert subsampling
        assert width <= 4
    else:
        np.testing.assert_array_equal(pixels, whole[box[1] : box[3], box[0] : box[2]])


def test_a_right_block_is_taken():
    np.testing.assert_array_equal(decoded(grey(), (0, 0, 8, 8), OWN), decoded(grey(), (0, 0, 8, 8), LIBJPEG))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ac": bytes([0x10, 2, *[0] * 15, 0, 0xF0])},
        {"dc": bytes([0, 0, 1, 6, *STANDARD_DC[4:17], 16, *STANDARD_DC[17:]])},
        {"factors": 0x00},
        {"factors": 0x51},
        {"width": 65535},
        {"height": 0},
        {"scan": b""},
    ],
    ids=[
        "a code of ones",
        "a difference of 16 bits",
        "no factors",
        "large factors",
        "too wide",
        "no height",
        "no bits",
    ],
)
def test_files_that_libjpeg_refuses_are_left_to_libjpeg(wrong):
    data = grey(**wrong)
    assert decoded(data, (0, 0, 8, 8), OWN) is None
    assert decoded(data, (0, 0, 8, 8), LIBJPEG) is None


@pytest.mark.parametrize("level", [256, -256])
def test_numbers_that_libjpeg_treats_in_two_ways_are_left_to_it(level):
    # 256 steps of 128 wrap to -32768 in 16 bits: the shortcut for a block's first row wraps once more.
    size, value = 9, level if level > 0 else level + (1 << 9) - 1
    dc = bytes([0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, *range(12)])
    ac = bytes([0x10, 0, 2, *[0] * 14, 0, 1])
    bits = f"{'1111110'}{value:0{size}b}" + "01" + "1" + "00"
    bits += "1" * (-len(bits) % 8)
    data = grey(
        dc=dc, ac=ac, step=128, scan=int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    )
    assert decoded(data, (0, 0, 8, 8), LIBJPEG) is not None
    assert decoded(data, (0, 0, 8, 8), OWN) is None


def test_numbers_that_are_too_large_between_the_passes_are_left_to_libjpeg():
    # 1023 steps of 31, up and down, in the uneven rows of the first column: 16 bits do not hold their sum.
    ac = bytes([0x10, 0, 3, 1, 1, *[0] * 12, 0, 0x1A, 0x6A, 0xAA, 0xEA])
    up, down = "1" * 10, "0" * 10
    bits = "00" + "01" + up + "10" + down + "110" + up + "1110" + down + "00"
    bits += "1" * (-len(bits) % 8)
    data = grey(ac=ac, step=31, scan=int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0"))
    for scale in (1, 2):
        box = (0, 0, 8 // scale, 8 // scale)
        np.testing.assert_array_equal(decoded(data, box, OWN, scale), decoded(data, box, LIBJPEG, scale))
    assert decoded(data, (0, 0, 2, 2), LIBJPEG, 4) is not None
    assert decoded(data, (0, 0, 2, 2), OWN, 4) is None


@pytest.mark.parametrize(
    "segment",
    [
        (0xE0, b"JFIF\0\2\0\0\0\1\0\1\0\0"),
        (0xEE, b"Adobe\0\x64\0\0\0\0\0"),
        (0xDB, b"\x10" + bytes([0, 8] * 64)),
        (0xDD, b"\0"),
    ],
    ids=["another JFIF", "Adobe's RGB", "steps of 16 bits", "a short interval"],
)
def test_segments_that_change_the_meaning_are_left_to_libjpeg(segment):
    data = pictured(40, 30)
    kind, body = segment
    jfif = 2 + 2 + struct.unpack(">H", data[4:6])[0]
    changed = data[:2] + struct.pack(">BBH", 0xFF, kind, 2 + len(body)) + body + data[jfif:]
    assert decoded(data, (0, 0, 40, 30), OWN) is not None
    assert decoded(changed, (0, 0, 40, 30), OWN) is None


def test_a_list_that_lies_about_its_length_does_no_harm(photos):
    class Liar(list):
        def __len__(self):
            self.asked = getattr(self, "asked", 0) + 1
            return 1 if self.asked == 1 else 4000

    region, box = {"left": 0, "top": 0, "right": 8, "bottom": 8}, {"box_left": 0, "box_top": 0}
    job = SimpleNamespace(
        image=photos[0], row=0, scale=1, **region, **box, box_right=8, box_bottom=8, mirror=False
    )
    assert native.crop_resize(Liar([job] * 4000), np.zeros((1, 8, 8, 3), np.uint8), True) == b"\0"
