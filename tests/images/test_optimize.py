import io

import numpy as np
import pytest
from PIL import Image

from wds_imagenet.errors import UsageError
from wds_imagenet.images import native_engine
from wds_imagenet.images.decode import decode_image
from wds_imagenet.images.optimize import optimize
from wds_imagenet.images.probe import probe

built = pytest.mark.skipif(native_engine.engine() != "native", reason="the native engine was not built")


def info(data):
    return Image.open(io.BytesIO(data)).info


@built
def test_every_photo_keeps_its_pixels_and_the_set_shrinks(photos):
    results = [optimize(data) for data in photos]
    assert [r.reason for r in results if r.reason] == []
    assert all(
        np.array_equal(decode_image(r.data), decode_image(d)) for r, d in zip(results, photos, strict=True)
    )
    assert sum(len(r.data) for r in results) < 0.995 * sum(map(len, photos))


@built
def test_pillow_sees_the_same_pixels(photos):
    for data in photos[::50]:
        ours, theirs = (Image.open(io.BytesIO(d)).convert("RGB") for d in (optimize(data).data, data))
        assert ours.tobytes() == theirs.tobytes()


@built
def test_the_corner_cases_keep_their_pixels_or_are_left_with_a_reason(corner_cases):
    for name, data in corner_cases.items():
        result = optimize(data)
        if name == "monkey12":
            assert result.data is data
            assert "precision 12" in result.reason
        else:
            assert result.reason is None
            assert np.array_equal(decode_image(result.data), decode_image(data))
            assert probe(result.data).orientation == probe(data).orientation
            assert not probe(result.data).arithmetic


@built
@pytest.mark.parametrize("strip", [False, True])
def test_profile_and_orientation_stay_unless_stripped_and_all_else_goes(picture, encode, oriented, strip):
    profile = b"a profile of some bytes" * 4000  # in two segments
    data = encode(
        picture, "JPEG", exif=oriented(6), icc_profile=profile, comment=b"a comment", progressive=True
    )
    small = optimize(data, strip=strip).data
    assert "comment" not in info(small)
    assert not probe(small).progressive
    assert info(small).get("icc_profile") == (None if strip else profile)
    assert probe(small).orientation == (1 if strip else 6)


@built
@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_colours_that_depend_on_the_adobe_marker_stay_what_they_are(picture, encode, mode):
    data = encode(picture.convert(mode), "JPEG", quality=92)
    result = optimize(data)
    assert result.reason is None
    assert np.array_equal(decode_image(result.data), decode_image(data))


@built
def test_ambiguous_files_are_left_with_the_reason(photos):
    damaged = photos[0][: len(photos[0]) // 2] + b"\xff\xd9"
    result = optimize(damaged)
    assert result.data is damaged
    assert "not optimized: Corrupt JPEG data" in result.reason


@built
def test_a_progressive_picture_without_its_last_scans_is_left_with_the_reason(picture, encode):
    data = encode(picture, "JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    cut = data[:second] + b"\xff\xd9"
    result = optimize(cut)
    assert result.data is cut
    assert "do not give the whole picture" in result.reason


def test_without_the_engine_the_error_says_how_to_get_it(photos, monkeypatch):
    monkeypatch.setattr(native_engine, "_native", None)
    with pytest.raises(UsageError, match="libjpeg-dev"):
        optimize(photos[0])
