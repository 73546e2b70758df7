import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from wds_imagenet.errors import ImageError
from wds_imagenet.view.thumbnail import thumbnail


def opened(data):
    return Image.open(io.BytesIO(data))


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_photos_look_as_pillow_shows_them(photos):
    paths = [*sorted((photos / "imagenet-sample").glob("*.JPEG"))[::100]]
    paths += sorted((photos / "jpeg-corner-cases").glob("*rientation*.jpg"))[:8]
    for path in paths:
        with Image.open(path) as image:
            theirs = ImageOps.exif_transpose(image).convert("RGB")
        ours = opened(thumbnail(path.read_bytes(), 160))
        assert ours.format == "JPEG"
        assert max(ours.size) == min(160, max(theirs.size))
        assert ours.width / ours.height == pytest.approx(theirs.width / theirs.height, rel=0.02)
        difference = np.asarray(ours, float) - np.asarray(
            theirs.resize(ours.size, Image.Resampling.BICUBIC), float
        )
        assert np.abs(difference).mean() < 10, path.name


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_every_format_becomes_a_jpeg(kind):
    ours = opened(thumbnail(encoded(Image.new("RGB", (400, 100), (200, 30, 30)), kind), 200))
    assert (ours.format, ours.size) == ("JPEG", (200, 50))
    assert np.abs(np.asarray(ours, int) - (200, 30, 30)).max() < 8


def test_a_small_image_stays_small_and_a_line_keeps_a_pixel():
    assert opened(thumbnail(encoded(Image.new("RGB", (20, 10)), "PNG"), 320)).size == (20, 10)
    assert opened(thumbnail(encoded(Image.new("RGB", (3000, 2)), "PNG"), 320)).size == (320, 1)


def test_an_image_that_cannot_be_decoded_is_an_error():
    data = encoded(Image.effect_noise((80, 80), 50), "JPEG")
    for bad in (b"", b"<svg onload='alert(1)'/>", data[: len(data) // 2]):
        with pytest.raises(ImageError):
            thumbnail(bad, 320)
