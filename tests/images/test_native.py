"""The native engine against the reference: simplejpeg's whole picture, cut."""

import gc
import io
import struct
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet.errors import ImageError
from wds_imagenet.images import jpeg, native_engine
from wds_imagenet.images.decode import decode_image, decode_stored
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.probe import probe
from wds_imagenet.images.render import CropJob, CropRegion, region_of, render, render_all
from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.reading.batches.decoded_sample import DecodedSample
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import Rng

native = pytest.importorskip(
    "wds_imagenet.images._native", reason="the native engine was not built: it needs libjpeg-turbo's headers"
)


def region(data, box, scale=1):
    left, top, right, bottom = box
    out = np.empty((bottom - top, right - left, 3), np.uint8)
    return out if native.decode_region(data, scale, *box, out) else None


def native_job(image, **changed):
    """Return the job of the upper left 60 × 60 pixels, with some fields changed."""
    fields = {"image": image, "row": 0, "scale": 1, "left": 0, "top": 0, "right": 60, "bottom": 60}
    box = {"box_left": 0.0, "box_top": 0.0, "box_right": 60.0, "box_bottom": 60.0, "mirror": False}
    return SimpleNamespace(**(fields | box | changed))


def draw_box(random, width, height):
    left, top = int(random.integers(width)), int(random.integers(height))
    return left, top, int(random.integers(left + 1, width + 1)), int(random.integers(top + 1, height + 1))


def check_regions(data, like, random, count=3):
    """Compare random regions of one file with the whole decode of another that has the same pixels."""
    for scale in (1, 2, 4, 8):
        whole = decode_stored(like, probe(like), scale).copy()
        for _ in range(count):
            box = draw_box(random, whole.shape[1], whole.shape[0])
            part = region(data, box, scale)
            assert part is not None, (scale, box)
            assert np.array_equal(part, whole[box[1] : box[3], box[0] : box[2]]), (scale, box)


def reference(monkeypatch, transform, data, rng):
    with monkeypatch.context() as patch:
        patch.setattr(native_engine, "_native", None)
        return transform(DecodedSample(Sample("k", {"jpg": data}), rng))


def blocks(width, height, factors, restart=0):
    """Write a JPEG of plain blocks with any sampling factors, of which Pillow writes only the usual ones."""
    random = np.random.default_rng(width * height)
    mcu = factors if len(factors) > 1 else [(1, 1)]
    across = -(-width // (8 * max(h for h, _ in mcu)))
    down = -(-height // (8 * max(v for _, v in mcu)))
    parts, bits, last = [], "", [0] * len(factors)
    for place in range(across * down):
        if restart and place and place % restart == 0:
            parts, bits, last = [*parts, bits], "", [0] * len(factors)
        for component, (h, v) in enumerate(mcu):
            for level in random.integers(-100, 100, h * v).tolist():
                change, last[component] = level - last[component], level
                size = abs(change).bit_length()  # its code is itself in 4 bits; that of the block's end is 0
                bits += f"{size:04b}" + (
                    f"{change if change > 0 else change + (1 << size) - 1:0{size}b}" if size else ""
                )
                bits += "0"
    scan = b""
    for number, part in enumerate([*parts, bits]):
        padded = part + "1" * (-len(part) % 8)
        scan += b"\xff" + bytes([0xD0 + (number - 1) % 8]) if number else b""
        scan += int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0")
    count = len(factors)
    frame = struct.pack(">BHHB", 8, height, width, count)
    frame += b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(factors))
    segments = (
        (0xDB, bytes([0]) + bytes([8] * 64)),
        (0xC0, frame),
        (0xC4, bytes([0, 0, 0, 0, 12, *[0] * 12, *range(12), 0x10, 1, *[0] * 15, 0])),
        (0xDD, struct.pack(">H", restart)),
        (0xDA, bytes([count, *[b for i in range(count) for b in (i + 1, 0)], 0, 63, 0])),
    )
    head = b"".join(struct.pack(">BBH", 0xFF, kind, 2 + len(body)) + body for kind, body in segments)
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def test_a_region_equals_the_same_part_of_the_whole_decode(photos):
    random = np.random.default_rng(1)
    for data in photos[::4]:
        check_regions(data, data, random, count=2)


def test_a_region_of_an_optimized_photo_equals_that_of_the_original(photos):
    random = np.random.default_rng(2)
    for data in photos[1::4]:
        check_regions(native.optimize(data, 3, True, b""), data, random, count=2)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "grey"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (7, 9), (16, 16), (17, 33), (121, 90), (640, 479)])
def test_any_sampling_size_and_coding_is_cut_exactly(picture, encode, subsampling, progressive, size):
    image = picture.resize(size)
    options = {"subsampling": subsampling} if subsampling != "grey" else {}
    image = image if subsampling != "grey" else image.convert("L")
    data = encode(image, "JPEG", quality=90, progressive=progressive, **options)
    check_regions(data, data, np.random.default_rng(3))
    check_regions(native.optimize(data, 3, True, b""), data, np.random.default_rng(4))


ODD_SAMPLING = [
    *([luma, (1, 1), (1, 1)] for luma in ((4, 1), (1, 4), (4, 2), (2, 4), (3, 1), (1, 3), (3, 2), (2, 3))),
    *([(1, 1), chroma, chroma] for chroma in ((2, 1), (1, 2), (2, 2))),
    *([luma, luma, (1, 1)] for luma in ((2, 1), (1, 2), (3, 1), (2, 2))),
    *([(2, 2), (2, 1), (1, 2)], [(2, 2), (1, 2), (1, 2)], [(2, 1), (2, 1), (2, 1)], [(4, 2), (1, 1), (1, 1)]),
    *([(2, 2)], [(1, 3)], [(4, 1)]),
]


@pytest.mark.parametrize("restart", [0, 1, 2, 5])
@pytest.mark.parametrize("factors", ODD_SAMPLING, ids=str)
def test_odd_sampling_is_cut_exactly_or_left_to_the_reference(factors, restart):
    data = blocks(150, 95, factors, restart)
    random = np.random.default_rng(6)
    for scale in (1, 2, 4, 8):
        whole = decode_stored(data, probe(data), scale).copy()
        for _ in range(10):
            box = draw_box(random, whole.shape[1], whole.shape[0])
            part = region(data, box, scale)
            assert scale > 1 or part is not None
            assert part is None or np.array_equal(part, whole[box[1] : box[3], box[0] : box[2]]), (scale, box)


def test_a_progressive_picture_without_its_last_scans_is_left_to_the_reference(picture, encode):
    # libjpeg smooths over what is missing, and not alike in a region and in the whole.
    data = encode(picture, "JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    cut = data[:second] + b"\xff\xd9"
    assert decode_image(cut).shape == decode_image(data).shape
    for scale in (1, 2, 4, 8):
        assert region(cut, (1, 1, 9, 9), scale) is None
    with pytest.raises(ValueError, match="do not give the whole picture"):
        native.optimize(cut, 3, True, b"")


def test_a_picture_of_too_many_pixels_is_left_though_the_region_is_small(encode):
    data = bytearray(encode(Image.new("L", (9500, 8)), "JPEG"))
    assert region(bytes(data), (0, 0, 8, 8)) is not None
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 7] = b"\xff\xdc"  # 65,500 rows
    assert region(bytes(data), (0, 0, 8, 8)) is None
    with pytest.raises(ValueError, match="too many pixels"):
        native.optimize(bytes(data), 3, True, b"")


def test_the_corner_cases_are_cut_exactly(corner_cases):
    for name, data in corner_cases.items():
        if name != "monkey12":
            check_regions(data, data, np.random.default_rng(5))


def test_the_transforms_give_the_reference_pixels(photos, monkeypatch):
    for index, data in enumerate(photos[::10]):
        for transform in (
            RandomResizedCrop(flip=True),
            RandomResizedCrop(flip=True, scaled_decode=False, antialias=False),
            ResizeCenterCrop(),
        ):
            ours = transform(DecodedSample(Sample("k", {"jpg": data}), Rng(0, 0, index)))
            assert np.array_equal(ours, reference(monkeypatch, transform, data, Rng(0, 0, index)))


@pytest.mark.parametrize("pad", [bytes(8), b"pad", b"\xff\xff\xff"])
def test_bytes_before_the_end_give_the_reference_pixels_at_every_scale(photos, monkeypatch, pad):
    for index, data in enumerate(photos[:400:25]):
        padded = data[:-2] + pad + data[-2:]
        for transform in (RandomResizedCrop(32), ResizeCenterCrop(64, 32, scaled_decode=True), Decode()):
            ours = transform(DecodedSample(Sample("k", {"jpg": padded}), Rng(0, 0, index)))
            assert np.array_equal(ours, reference(monkeypatch, transform, padded, Rng(0, 0, index)))


def test_both_engines_have_the_same_limit_of_pixels(picture, encode, monkeypatch):
    data = encode(picture.resize((400, 300)), "JPEG")
    for transform in (
        ResizeCenterCrop(32, 32, scaled_decode=True, max_pixels=50 * 38),
        RandomResizedCrop(300, max_pixels=400 * 300),
        RandomResizedCrop(24, scale=(1, 1), ratio=(4 / 3, 4 / 3), max_pixels=50 * 38),
    ):
        for allowed in (transform, replace(transform, max_pixels=transform.max_pixels - 1)):
            results = []
            for engine in (None, native):
                with monkeypatch.context() as patch:
                    patch.setattr(native_engine, "_native", engine)
                    try:
                        results.append(
                            allowed(DecodedSample(Sample("k", {"jpg": data}), Rng(0, 0, 1))).tobytes()
                        )
                    except ImageError as error:
                        results.append(str(error))
            assert results[0] == results[1]
            assert ("max_pixels" in str(results[0])) == (allowed is not transform)


def test_restart_markers_save_what_lies_beside_the_region(photos):
    # Damage outside the tiles is not looked at, so a region beside it decodes: the proof that it is spliced.
    data = next(d for d in photos if probe(d).width >= 480 and probe(d).height >= 300)
    optimized = bytearray(native.optimize(data, 3, True, b""))
    scan = optimized.rindex(b"\xff\xda")
    first = optimized.index(b"\xff\xd0", scan)
    optimized[scan + 20 : first] = bytes(first - scan - 20)
    header = probe(data)
    box = (header.width * 2 // 3 + 32, 128, header.width, header.height)
    whole = decode_image(data)
    assert np.array_equal(region(bytes(optimized), box), whole[box[1] : box[3], box[0] : box[2]])


@pytest.mark.parametrize("spoil", [lambda d: d.replace(b"\xff\xd1", b"\xff\xd2"), lambda d: d[: len(d) // 2]])
def test_markers_out_of_order_or_missing_are_left_to_the_reference(photos, spoil):
    optimized = spoil(native.optimize(photos[0], 3, True, b""))
    header = probe(photos[0])
    box = (header.width - 40, header.height - 40, header.width, header.height)
    assert region(optimized, box) is None


def test_a_photo_cut_off_in_the_middle_is_an_error_as_with_the_reference(photos):
    data = photos[0]
    header = probe(data)
    cut = data[: len(data) // 2] + b"\xff\xd9"
    window = CropRegion((0, 0, header.width, header.height))
    with pytest.raises(ImageError, match="damaged"):
        render(cut, probe(cut), window, (64, 64))


def test_cmyk_and_png_in_a_chunk_are_left_out_and_the_others_done(photos, picture, encode):
    chunk = [photos[0], encode(picture, "PNG"), encode(picture.convert("CMYK"), "JPEG"), photos[1]]
    images = [CropJob(data, probe(data), CropRegion((0, 0, 60, 60)), row) for row, data in enumerate(chunk)]
    out = np.zeros((4, 32, 32, 3), np.uint8)
    assert render_all(images, out, (32, 32)) == [True, False, False, True]
    alone = render(chunk[3], images[3].header, images[3].region, (32, 32))
    assert np.array_equal(out[3], alone)
    assert not out[1:3].any()


def test_a_thousand_scans_are_refused_quickly(picture, encode):
    data = encode(picture.convert("L"), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    hostile = data[:-2] + data[scan:-2] * 1000 + b"\xff\xd9"
    assert region(hostile, (0, 0, 10, 10)) is None
    with pytest.raises(ImageError, match="scans"):
        decode_image(hostile)


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, 0, 0, 5), (5, 5, 4, 6), (0, 0, 121, 90), (0, 0, 120, 91)])
def test_a_region_that_is_not_in_the_picture_is_refused(picture, encode, box):
    data = encode(picture, "JPEG")
    left, top, right, bottom = box
    out = np.empty((max(bottom - top, 1), max(right - left, 1), 3), np.uint8)
    try:
        assert not native.decode_region(data, 1, *box, out)
    except ValueError:
        assert right <= left or bottom <= top


@pytest.mark.parametrize("scale", [0, 3, 5, 16, -1, -8, 1 << 30])
def test_a_scale_that_libjpeg_lacks_is_refused(picture, encode, scale):
    tiled = native.optimize(encode(picture, "JPEG"), 3, True, b"")
    assert region(tiled, (40, 40, 45, 45), scale) is None
    crop = native_job(tiled, scale=scale, left=40, top=40, right=45, bottom=45, box_right=5.0, box_bottom=5.0)
    assert native.crop_resize([crop], np.zeros((1, 4, 4, 3), np.uint8), True) == b"\1"


@pytest.mark.parametrize("corner", [(1 << 31) - 6, -(1 << 31), 65_530, 120])
def test_a_region_far_outside_of_a_tiled_picture_is_refused(picture, encode, corner):
    tiled = native.optimize(encode(picture, "JPEG"), 3, True, b"")
    assert region(tiled, (corner, 40, corner + 5, 45)) is None
    assert region(tiled, (40, corner, 45, corner + 5)) is None


def test_wrong_buffers_are_refused(picture, encode):
    job = native_job(encode(picture, "JPEG"))
    good = np.zeros((1, 32, 32, 3), np.uint8)
    assert native.crop_resize([job], good, True) == b"\0"
    for out in (good[:, :, ::2], good[0], good[:, :0], good.astype(np.uint16)):
        with pytest.raises(ValueError, match="contiguous"):
            native.crop_resize([job], out, True)
    with pytest.raises(TypeError):
        native.crop_resize([native_job("text")], good, True)
    with pytest.raises(ValueError, match="4096"):
        native.crop_resize([job] * 5000, good, True)


FIELDS = ["scale", "left", "top", "right", "bottom", "row"]
BOX = ["box_left", "box_top", "box_right", "box_bottom"]


@pytest.mark.parametrize("field", [*FIELDS, *BOX, "mirror", "image"])
def test_a_job_without_a_field_is_refused(picture, encode, field):
    job = native_job(encode(picture, "JPEG"))
    delattr(job, field)
    with pytest.raises(AttributeError, match=field):
        native.crop_resize([job], np.zeros((1, 16, 16, 3), np.uint8), True)


@pytest.mark.parametrize("value", [-1, (1 << 31) - 1, -(1 << 31)])
@pytest.mark.parametrize("field", FIELDS)
def test_absurd_regions_are_unsupported(picture, encode, field, value):
    job = native_job(encode(picture, "JPEG"), **{field: value})
    assert native.crop_resize([job], np.zeros((1, 16, 16, 3), np.uint8), True) == b"\1"


@pytest.mark.parametrize("field", FIELDS)
def test_numbers_that_are_no_c_integers_are_refused(picture, encode, field):
    out = np.zeros((1, 16, 16, 3), np.uint8)
    for value, error in ((1 << 80, OverflowError), (np.nan, TypeError), (1.5, TypeError), (None, TypeError)):
        with pytest.raises(error):
            native.crop_resize([native_job(encode(picture, "JPEG"), **{field: value})], out, True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1, 1e300])
@pytest.mark.parametrize("field", BOX)
def test_absurd_boxes_are_unsupported(picture, encode, field, value):
    job = native_job(encode(picture, "JPEG"), **{field: value})
    assert native.crop_resize([job], np.zeros((1, 16, 16, 3), np.uint8), True) == b"\1"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_bytes_never_crash(corner_cases, data):
    original = (
        corner_cases["testimgari"] if "testimgari" in corner_cases else next(iter(corner_cases.values()))
    )
    spoiled = bytearray(original[:20_000])
    for _ in range(data.draw(st.integers(1, 8))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    out = np.empty((40, 40, 3), np.uint8)
    native.decode_region(bytes(spoiled), data.draw(st.sampled_from([1, 2, 4, 8])), 3, 3, 43, 43, out)


def test_optimizing_keeps_every_pixel_and_shrinks_the_set(photos):
    before = after = 0
    for data in photos[::5]:
        small = native.optimize(data, 3, True, b"")
        before, after = before + len(data), after + len(small)
        assert np.array_equal(decode_image(small), decode_image(data))
        assert Image.open(io.BytesIO(small)).info.get("icc_profile") == Image.open(io.BytesIO(data)).info.get(
            "icc_profile"
        )
    assert after < before


def test_threads_decode_side_by_side_and_leave_no_memory_behind(photos):
    crop = RandomResizedCrop()
    expected = [
        crop(DecodedSample(Sample("k", {"jpg": data}), Rng(0, 0, i))) for i, data in enumerate(photos[:24])
    ]
    wrong = []

    def work():
        for i, data in enumerate(photos[:24]):
            sample = DecodedSample(Sample("k", {"jpg": data}), Rng(0, 0, i))
            if not np.array_equal(RandomResizedCrop()(sample), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not wrong


@given(
    sides=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    scale=st.sampled_from([1, 2, 4, 8]),
    bounded=st.booleans(),
    fractions=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_a_region_holds_its_box_and_lies_in_the_picture(sides, scale, bounded, fractions):
    width, height = sides
    a, b, c, d = fractions
    box = (
        a * (width - 1),
        b * (height - 1),
        width - c * (1 - a) * (width - 1),
        height - d * (1 - b) * (height - 1),
    )
    header = ImageHeader("jpg", width, height, "rgb")
    (left, top, right, bottom), inner = region_of(CropRegion(box, scale, bounded), header, (224, 224))
    assert 0 <= left < right <= -(-width // scale)
    assert 0 <= top < bottom <= -(-height // scale)
    assert 0 <= inner[0] < inner[2] <= right - left + 1e-9
    assert 0 <= inner[1] < inner[3] <= bottom - top + 1e-9


def test_a_header_read_in_c_is_the_one_read_in_python(photos, corner_cases, monkeypatch):
    data = [*photos, *corner_cases.values()]
    ours = [probe(item) for item in data]
    assert sum(native.read_header(item) is not None for item in data) > 0.95 * len(data)
    monkeypatch.setattr(native_engine, "_native", None)
    assert ours == [probe(item) for item in data]


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 900)
)
def test_c_and_python_agree_on_damaged_headers(changes, cut):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, "JPEG", exif=b"Exif\0\0MM\0*" + bytes(20))
    data = bytearray(buffer.getvalue())
    for at, value in changes:
        data[at % len(data)] = value
    del data[len(data) - cut // 50 :]
    assert_same_header(bytes(data))


def assert_same_header(data):
    found = jpeg._read_ordinary(data)
    if found is not None:
        assert found == jpeg._read_any(data)
