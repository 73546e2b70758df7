import io
import tracemalloc
from collections import Counter

import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet.errors import ImageError
from wds_imagenet.images.decode import decode_stored
from wds_imagenet.images.header import MAX_PIXELS
from wds_imagenet.images.probe import probe

COLORS = {"RGB": "rgb", "L": "grey", "CMYK": "cmyk"}
NOT_IMAGES = [
    (b"", "nothing at all"),
    (bytes(100), "zeros"),
    (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "HTML"),
    (b'{"error": "no such key"}', "JSON"),
    (b"<?xml version='1.0'?><Error/>", "XML"),
    (b"the picture is not here\n", "text"),
    (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    (b"\x1f\x8b\x08\x00" + bytes(40), "gzip"),
    (b"PK\x03\x04" + bytes(40), "zip"),
    (b"a" * 257 + b"ustar\x0000" + bytes(300), "tar"),
    (b"\0\0\0\x20ftypavif" + bytes(40), "AVIF"),
    (b"\x80\x04\x95\x00\x01\x02", "no known format"),
    (b"\xff\xd8", "no known format"),
    (b"RIFF\0\0\0\0WAVE" + bytes(40), "no known format"),
]


def test_every_photo_has_the_header_that_pillow_reads(photos, corner_cases):
    for data in [*photos, *(data for name, data in corner_cases.items() if name != "monkey12")]:
        header, image = probe(data), Image.open(io.BytesIO(data))
        assert (header.format, header.width, header.height) == ("jpg", *image.size)
        assert header.color == COLORS[image.mode]
        assert header.progressive == bool(image.info.get("progressive"))
        orientation = image.getexif().get(0x0112, 1)
        assert header.orientation == (orientation if orientation in range(1, 9) else 1)
        assert (header.bits, header.complete, header.trailing) == (8, True, 0)


def test_subsampling_is_what_libjpeg_reads(photos):
    for data in photos:
        ours = probe(data).subsampling
        assert simplejpeg.decode_jpeg_header(data)[3] == (ours.replace(":", "") if ours else "Gray")


def test_the_photos_have_the_counts_of_their_readme(photos):
    headers = [probe(data) for data in photos]
    count = Counter(header.subsampling for header in headers)
    assert count == {"4:4:4": 761, "4:2:0": 203, None: 23, "4:2:2": 12, "4:4:0": 1}
    assert Counter(header.orientation for header in headers) == {1: 999, 6: 1}


@pytest.mark.genuine("an arithmetic-coded JPEG, libjpeg's testimgari, is recognized and decoded")
def test_arithmetic_coding_and_twelve_bits_are_reported(corner_cases):
    assert probe(corner_cases["testimgari"]).arithmetic
    assert probe(corner_cases["monkey12"]).bits == 12
    assert not probe(corner_cases["testorig"]).arithmetic


@pytest.mark.parametrize(
    ("form", "mode", "expected"),
    [
        ("JPEG", "RGB", ("jpg", "rgb", 8)),
        ("JPEG", "L", ("jpg", "grey", 8)),
        ("JPEG", "CMYK", ("jpg", "cmyk", 8)),
        ("PNG", "RGB", ("png", "rgb", 8)),
        ("PNG", "RGBA", ("png", "rgba", 8)),
        ("PNG", "LA", ("png", "grey-alpha", 8)),
        ("PNG", "P", ("png", "palette", 8)),
        ("PNG", "1", ("png", "grey", 8)),
        ("PNG", "I;16", ("png", "grey", 16)),
        ("WEBP", "RGB", ("webp", "rgb", 8)),
        ("WEBP", "RGBA", ("webp", "rgba", 8)),
        ("GIF", "P", ("gif", "palette", 8)),
        ("BMP", "RGB", ("bmp", "rgb", 8)),
        ("BMP", "L", ("bmp", "palette", 8)),
        ("TIFF", "RGB", ("tiff", "rgb", 8)),
        ("TIFF", "CMYK", ("tiff", "cmyk", 8)),
        ("TIFF", "L", ("tiff", "grey", 8)),
        ("TIFF", "I;16", ("tiff", "grey", 16)),
    ],
)
def test_each_format_is_known_by_its_bytes(picture, encode, form, mode, expected):
    image = picture.convert("L").convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
    if mode == "RGBA":
        image.putalpha(100)  # WebP keeps no alpha that shows nothing
    header = probe(encode(image, form))
    assert (header.format, header.color, header.bits) == expected
    assert (header.width, header.height, header.complete) == (120, 90, True)


def test_a_lossless_webp_has_the_same_size(picture, encode):
    header = probe(encode(picture, "WEBP", lossless=True))
    assert (header.width, header.height, header.color) == (120, 90, "rgb")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_is_read(picture, encode, oriented, form, orientation):
    assert probe(encode(picture, form, exif=oriented(orientation))).orientation == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_has_the_size_that_pillow_will_turn_it_to(picture, encode, oriented, orientation):
    data = encode(picture, "TIFF", exif=oriented(orientation))
    header, image = probe(data), Image.open(io.BytesIO(data))
    image.load()
    assert (header.width, header.height, header.orientation) == (*image.size, 1)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_invalid_orientation_is_read_as_1(picture, encode, oriented, orientation):
    assert probe(encode(picture, "JPEG", exif=oriented(orientation))).orientation == 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_missing_end_and_bytes_after_the_end_are_reported(picture, encode, form):
    data = encode(picture, form)
    assert not probe(data[:-1]).complete
    header = probe(data + bytes(100))
    assert (header.complete, header.trailing) == (True, 100)


@pytest.mark.parametrize(("data", "likeness"), NOT_IMAGES)
def test_what_is_no_image_is_refused_by_what_it_looks_like(data, likeness):
    with pytest.raises(ImageError, match=likeness):
        probe(data)


def test_a_header_cut_off_anywhere_is_an_error(picture, encode):
    for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        data = encode(picture, form)
        end = data.index(b"\xff\xda") + 12 if form == "JPEG" else 13
        for size in range(end):
            with pytest.raises(ImageError):
                probe(data[:size])


def jpeg_of(data: bytes, width: int, height: int, frame: bytes = b"\xff\xc0") -> bytes:
    at = data.index(frame) + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0)])
def test_no_pixels_are_refused(picture, encode, width, height):
    with pytest.raises(ImageError, match=f"{width} × {height} pixels"):
        probe(jpeg_of(encode(picture, "JPEG"), width, height))


def huge_png(data):
    return data[:16] + (60_000).to_bytes(4, "big") * 2 + data[24:]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "progressive"])
def test_a_huge_image_is_refused_before_anything_is_allocated(picture, encode, kind):
    if kind == "PNG":
        hostile, scale = huge_png(encode(picture, "PNG")), 1
    else:
        data = encode(picture, "JPEG", progressive=kind == "progressive")
        frame = b"\xff\xc2" if kind == "progressive" else b"\xff\xc0"
        hostile, scale = jpeg_of(data, 65_500, 65_500, frame), 8 if kind == "progressive" else 4
    tracemalloc.start()
    with pytest.raises(ImageError, match="the limit of option 'max_pixels' is 89,000,000"):
        decode_stored(hostile, probe(hostile), scale)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert MAX_PIXELS < Image.MAX_IMAGE_PIXELS  # so that Pillow has no warning to give


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\xff\xc0", b"\xff\xc5"),  # hierarchical
        (b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0b"),  # 11 bits
        (b"\xff\xc0", b"\xff\xfe"),  # no frame at all
        (b"\xff\xdb", b"\xff\xd9"),  # the end before the scan
        (b"\xff\xdb", b"\x00\xdb"),  # no marker
        (b"\x03\x01\x22\x00", b"\x03\x01\x00\x00"),  # sampling factors of zero
    ],
)
def test_a_frame_that_no_decoder_takes_is_an_error(picture, encode, old, new):
    data = encode(picture, "JPEG")
    assert old in data
    with pytest.raises(ImageError, match="JPEG"):
        probe(data.replace(old, new, 1))


def test_endless_segments_are_an_error():
    with pytest.raises(ImageError, match="cut off or endless"):
        probe(b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1_000_000)


def test_a_view_is_read_as_bytes_are(photos):
    for data in photos[:20]:
        block = memoryview(b"before" + data + b"after")
        assert probe(block[6:-5]) == probe(data)


@given(
    st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"BM", b""])
)
def test_any_bytes_give_a_header_or_an_image_error(data, magic):
    try:
        header = probe(magic + data)
    except ImageError:
        return
    assert 0 < header.width * header.height <= MAX_PIXELS
