import io
import struct
import zlib

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from wds_imagenet.errors import ImageError
from wds_imagenet.images import pillow as pillow_module
from wds_imagenet.images.decode import decode_image
from wds_imagenet.images.pillow import decode_with_pillow
from wds_imagenet.images.probe import probe

JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "4:4:4": {"subsampling": "4:4:4"},
    "4:2:2": {"subsampling": "4:2:2"},
    "4:2:0": {"subsampling": "4:2:0"},
    "4:1:1": {"subsampling": "4:1:1"},
    "restarts": {"restart_marker_rows": 1},
    "rgb": {"keep_rgb": True},
}


def far(ours, theirs):
    """Return the largest difference of two pictures, in levels."""
    assert ours.shape == theirs.shape
    return np.abs(ours.astype(int) - theirs).max()


def without_adobe(data):
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def test_photos_are_what_pillow_decodes(photos, pillow):
    for data in photos[::10]:
        assert far(decode_image(data), pillow(data)) == 0


def test_corner_cases_are_what_pillow_decodes(corner_cases, pillow):
    for name, data in corner_cases.items():
        if name != "monkey12":
            assert far(decode_image(data), pillow(data)) == 0, name


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("size", [(120, 90), (1, 1), (17, 31), (8, 65)])
def test_every_kind_of_jpeg_is_what_pillow_decodes(picture, encode, pillow, options, size):
    data = encode(picture.resize(size), "JPEG", **options)
    assert far(decode_image(data), pillow(data)) == 0


def test_four_four_zero_is_what_pillow_decodes(photos, pillow):
    data = next(data for data in photos if probe(data).subsampling == "4:4:0")
    assert far(decode_image(data), pillow(data)) == 0


def test_odd_sampling_factors_are_what_pillow_decodes(picture, encode, pillow):
    data = encode(
        picture, "JPEG", keep_rgb=True
    )  # all channels share their tables, so any order of blocks is valid
    odd = data.replace(b"\x52\x11\x00\x47\x11\x00\x42\x11\x00", b"\x52\x21\x00\x47\x11\x00\x42\x21\x00")
    assert probe(odd).subsampling == "other"
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg(odd)
    assert far(decode_image(odd), pillow(odd)) == 0
    assert decode_image(odd, min_width=60).shape == (45, 60, 3)


def test_grey_becomes_three_equal_channels(photos, pillow):
    grey = [data for data in photos if probe(data).color == "grey"]
    assert len(grey) == 23
    for data in grey:
        pixels = decode_image(data)
        assert far(pixels, pillow(data)) == 0
        assert (pixels == pixels[:, :, :1]).all()


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_has_the_colours_that_pillow_gives_it(picture, encode, pillow, adobe):
    data = encode(picture.convert("CMYK"), "JPEG", quality=95)
    data = data if adobe else without_adobe(data)
    assert probe(data).color == "cmyk"
    assert far(decode_image(data), pillow(data)) <= 1
    assert (
        np.abs(decode_image(data).astype(int) - np.asarray(picture)).mean() < 4
    )  # and they are the right ones


def test_ycck_has_the_colours_that_pillow_gives_it(picture, pillow):
    inverted = 255 - np.asarray(picture.convert("CMYK"))
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(inverted), 95, "CMYK", "420")
    assert data[data.index(b"Adobe") + 11] == 2  # YCCK
    assert far(decode_image(data), pillow(data)) <= 1
    assert np.abs(decode_image(data).astype(int) - np.asarray(picture)).mean() < 4


@pytest.mark.genuine("an arithmetic-coded JPEG, libjpeg's testimgari, is recognized and decoded")
def test_arithmetic_coding_is_decoded(corner_cases, pillow):
    assert far(decode_image(corner_cases["testimgari"]), pillow(corner_cases["testimgari"])) == 0


def test_twelve_bits_are_refused_by_name(corner_cases):
    with pytest.raises(ImageError, match="12 bits"):
        decode_image(corner_cases["monkey12"])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "TIFF"])
def test_other_formats_are_what_pillow_converts(picture, encode, pillow, form, mode):
    data = encode(picture.convert(mode), form)
    assert far(decode_image(data), pillow(data)) == 0


def test_a_palette_with_transparency_is_decoded_without_a_warning(picture, encode):
    palette = picture.quantize(16)
    data = encode(palette, "PNG", transparency=bytes([0, 128, 255]))
    assert far(decode_image(data), np.asarray(palette.convert("RGB"))) == 0


def test_alpha_is_dropped_and_not_composited(picture, encode):
    clear = picture.copy()
    clear.putalpha(0)
    assert far(decode_image(encode(clear, "PNG")), np.asarray(picture)) == 0


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_become_their_upper_eight(form, encode):
    grey = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = decode_image(encode(Image.fromarray(grey), form))
    assert (pixels == (grey >> 8)[:, :, np.newaxis]).all()


def test_a_picture_of_floats_is_refused(encode):
    with pytest.raises(ImageError, match="32 bits"):
        decode_image(encode(Image.new("F", (4, 4)), "TIFF"))


def test_a_corrupt_exif_and_bytes_too_many_spoil_nothing(picture, encode, pillow):
    data = encode(picture, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12\0\x03\xff\xff")
    odd = data[:-2] + b"\x12\x34\x56" + data[-2:]
    with pytest.warns(UserWarning, match="EXIF"):  # which would fail the test, did it escape from ours
        theirs = pillow(odd)
    assert far(decode_image(odd), theirs) == 0


@pytest.mark.parametrize(
    ("least", "scale"),
    [((0, 0), 1), ((500, 0), 1), ((251, 0), 1), ((250, 188), 2), ((100, 94), 4), ((1, 1), 8)],
)
def test_the_smallest_sufficient_scale_is_decoded(photos, least, scale):
    data = next(d for d in photos if (probe(d).width, probe(d).height) == (500, 375))
    pixels = decode_image(data, min_width=least[0], min_height=least[1])
    assert pixels.shape == (-(-375 // scale), -(-500 // scale), 3)


def test_a_scaled_picture_is_what_pillow_drafts(photos):
    for data in photos[::50]:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (image.width // 4, image.height // 4))
            drafted = np.asarray(image.convert("RGB"))
        assert far(decode_image(data, min_width=drafted.shape[1], min_height=drafted.shape[0]), drafted) == 0


def test_more_pixels_than_there_are_is_the_whole_picture(picture, encode):
    assert decode_image(encode(picture, "JPEG"), min_width=999, min_height=999).shape == (90, 120, 3)


def test_a_buffer_that_fits_is_decoded_into(photos):
    buffer = np.zeros(8_000_000, np.uint8)
    pixels = decode_image(photos[0], buffer=buffer)
    assert np.shares_memory(pixels, buffer)
    assert far(pixels, decode_image(photos[0])) == 0


def test_a_buffer_that_is_too_small_or_read_only_is_left_alone(photos):
    fixed = np.zeros(8_000_000, np.uint8)
    fixed.setflags(write=False)
    for buffer in (np.zeros(100, np.uint8), fixed, np.zeros(16_000_000, np.uint8)[::2]):
        pixels = decode_image(photos[0], buffer=buffer)
        assert not buffer.any()
        assert far(pixels, decode_image(photos[0])) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_ignored_unless_asked_for(picture, encode, oriented, orientation):
    data = encode(picture, "PNG", exif=oriented(orientation))
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert far(decode_image(data), np.asarray(picture)) == 0
    assert far(decode_image(data, orientation=True), np.asarray(turned)) == 0


def test_the_turned_photo_is_turned_only_when_asked(photos):
    data = next(data for data in photos if probe(data).orientation == 6)
    assert decode_image(data).shape == (294, 392, 3)
    assert decode_image(data, orientation=True).shape == (392, 294, 3)
    assert decode_image(data, orientation=True, min_height=196, min_width=1).shape == (196, 147, 3)


def test_a_view_decodes_as_bytes_do(photos, picture, encode):
    for data in (photos[0], encode(picture, "PNG"), encode(picture.convert("CMYK"), "JPEG")):
        assert far(decode_image(memoryview(b"-" + data + b"-")[1:-1]), decode_image(data)) == 0


def with_chunk(png, kind, body, *, last=False):
    """Return the PNG with one more chunk, before its pixels or after them."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    at = len(png) - 12 if last else 33
    return png[:at] + chunk + png[at:]


LARGE = b"a" * (2 << 20)
METADATA = {
    "text": (b"tEXt", b"Comment\0" + LARGE),
    "compressed text": (b"zTXt", b"Comment\0\0" + zlib.compress(LARGE)),
    "international text": (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(LARGE)),
    "profile": (b"iCCP", b"profile\0\0" + zlib.compress(LARGE)),
    "broken profile": (b"iCCP", b"profile\0\0" + b"no deflate stream"),
    "short resolution": (b"pHYs", b"\0"),
    "own chunk": (b"prVt", LARGE),
}


@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("kind", METADATA)
@pytest.mark.parametrize("mode", ["RGB", "P", "LA"])
def test_metadata_of_any_size_in_a_png_spoils_no_pixel(picture, encode, mode, kind, last):
    png = encode(picture.convert(mode), "PNG")
    expected = np.array(Image.open(io.BytesIO(png)).convert("RGB"))
    assert np.array_equal(decode_image(with_chunk(png, *METADATA[kind], last=last)), expected)


SEGMENTS = {
    "empty profile": b"\xff\xe2\0\x0eICC_PROFILE\0",
    "short JFIF": b"\xff\xe0\0\x08JFIF\0\1",
    "broken EXIF": b"\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\xff",
    "broken MPF": b"\xff\xe2\0\x0eMPF\0II*\0\x08\0\0\0",
    "broken Photoshop data": b"\xff\xed\0\x1aPhotoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\xff",
    "comment": b"\xff\xfe\0\x05abc",
}


@pytest.mark.parametrize("kind", SEGMENTS)
@pytest.mark.parametrize("pad", [b"", bytes(8)], ids=["simplejpeg", "pillow"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_damaged_metadata_in_a_jpeg_spoils_no_pixel(picture, encode, mode, pad, kind):
    jpeg = encode(picture.convert(mode), "JPEG")
    data = jpeg[:2] + SEGMENTS[kind] + jpeg[2:-2] + pad + jpeg[-2:]
    expected = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    assert far(decode_image(data), expected) <= (1 if mode == "CMYK" else 0)


def test_a_damaged_png_with_much_text_is_an_error_of_its_pixels(picture, encode):
    png = bytearray(with_chunk(encode(picture, "PNG"), *METADATA["text"]))
    png[-40] ^= 1
    with pytest.raises(ImageError, match="Pillow cannot decode it"):
        decode_image(bytes(png))


def unusual_jpegs(data, rgb):
    """Return JPEGs that simplejpeg does not decode, although nothing of them is missing."""
    odd = rgb.replace(b"\x52\x11\x00\x47\x11\x00\x42\x11\x00", b"\x52\x21\x00\x47\x11\x00\x42\x21\x00")
    return {
        "zeros before the end": data[:-2] + bytes(8) + data[-2:],
        "bytes before the end": data[:-2] + b"pad" + data[-2:],
        "another JFIF version": data.replace(b"JFIF\0\1\1", b"JFIF\0\7\1", 1),
        "odd sampling factors": odd,
    }


@pytest.mark.parametrize("kind", unusual_jpegs(b"", b""))
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_an_unusual_jpeg_is_scaled_by_libjpeg_too(picture, encode, kind, scale):
    large = picture.resize((803, 601))
    data = unusual_jpegs(encode(large, "JPEG", quality=90), encode(large, "JPEG", keep_rgb=True))[kind]
    drafted = Image.open(io.BytesIO(data))
    drafted.draft("RGB", (803 // scale, 601 // scale))
    pixels = decode_image(data, min_width=803 // scale, min_height=601 // scale)
    assert pixels.shape[1::-1] == drafted.size == (-(-803 // scale), -(-601 // scale))
    assert np.abs(pixels.astype(int) - np.array(drafted)).max() <= 1


def test_max_pixels_limits_the_pixels_that_are_decoded(picture, encode):
    jpeg, png = encode(picture, "JPEG"), encode(picture, "PNG")
    count = picture.width * picture.height
    for data in (jpeg, png):
        assert decode_image(data, max_pixels=count).shape == (picture.height, picture.width, 3)
        with pytest.raises(ImageError, match=f"option 'max_pixels' is {count - 1:,}"):
            decode_image(data, max_pixels=count - 1)
    assert decode_image(jpeg, min_width=1, max_pixels=count // 32).size < count
    with pytest.raises(ImageError, match="max_pixels"):
        decode_image(png, min_width=1, max_pixels=count // 32)


@pytest.mark.parametrize(("form", "limit"), [("PNG", 100), ("BMP", 100), ("JPEG", 100), ("WEBP", 10_000)])
def test_max_pixels_may_be_beyond_the_limit_of_pillow(monkeypatch, picture, encode, form, limit):
    data = encode(picture, form)
    expected = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    monkeypatch.setattr(pillow_module, "MAX_PIXELS", limit)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises((Image.DecompressionBombError, Image.DecompressionBombWarning)):
        Image.open(io.BytesIO(data)).load()
    assert np.array_equal(decode_with_pillow(data, probe(data), max_pixels=1 << 20), expected)
