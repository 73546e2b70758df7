"""Open Images' rotation is applied while packing, to pixels and boxes together."""

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from wds_imagenet.errors import PlanError
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.dataset import Dataset

CORNERS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
BOX = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax"


def picture(form="JPEG", **options):
    """Return 97 × 61 pixels, each quarter of another colour: red, green; blue, white."""
    image = Image.new("RGB", (97, 61))
    for place, color in enumerate(CORNERS.values()):
        x, y = 48 * (place % 2), 30 * (place // 2)
        image.paste(color, (x, y, x + 49, y + 31))
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def near(pixel, name):
    return np.abs(np.array(pixel, int) - CORNERS[name]).max() < 30


@pytest.fixture
def released(tmp_path):
    """Return a function that writes four images by id, their CSV and a box around each one's red corner."""

    def write(data, *, gzipped=False):
        ids = [f"{i:016x}" for i in range(4)]
        if gzipped:
            with tarfile.open(tmp_path / "train_0.tar.gz", "w:gz") as archive:
                for name in ids:
                    info = tarfile.TarInfo(f"train_0/{name}.jpg")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
        else:
            (tmp_path / "train").mkdir()
            for name in ids:
                (tmp_path / "train" / f"{name}.jpg").write_bytes(data)
        rows = "".join(f"{name},train,http://a/b,{90 * i}.0\n" for i, name in enumerate(ids))
        (tmp_path / "i.csv").write_text("ImageID,Subset,OriginalURL,Rotation\n" + rows)
        boxes = "".join(f"{name},xclick,/m/01yrx,1,0.0,0.5,0.0,0.5\n" for name in ids)
        (tmp_path / "b.csv").write_text(f"{BOX}\n{boxes}")
        source = tmp_path / ("train_0.tar.gz" if gzipped else "train")

        def run(dest, **options):
            given = {"images": f"{tmp_path}/i.csv", "boxes": f"{tmp_path}/b.csv", **options}
            return pack("open-images", str(source), dest=str(tmp_path / dest), shuffle=False, **given)

        return run

    return write


def shown(folder):
    for sample in Dataset.open(str(folder)).samples():
        yield sample.json, np.asarray(Image.open(io.BytesIO(sample.image)).convert("RGB"))


@pytest.mark.parametrize("gzipped", [False, True])
def test_pixels_and_boxes_are_turned_together(released, tmp_path, gzipped):
    report = released(picture(quality=95), gzipped=gzipped)("out", rotation="apply")
    assert report.rotated == 3
    # Counter-clockwise: what was at the right is at the top.
    corners = [["red", "green", "blue", "white"], ["green", "white", "red", "blue"]]
    corners += [list(reversed(order)) for order in corners]
    for (record, pixels), order in zip(shown(tmp_path / "out"), corners, strict=True):
        height, width, _ = pixels.shape
        assert (record["width"], record["height"]) == (width, height)
        assert (width, height) == ((61, 97) if record["rotation_applied"] in {90, 270} else (97, 61))
        ends = [pixels[y, x] for y in (3, height - 4) for x in (3, width - 4)]
        assert all(near(end, name) for end, name in zip(ends, order, strict=True))
        (box,) = record["boxes"]
        x, y = (box["xmin"] + box["xmax"]) / 2, (box["ymin"] + box["ymax"]) / 2
        assert near(pixels[int(y * height), int(x * width)], "red")
        assert record["rotation"] == 0


def test_recorded_rotations_change_no_byte(released, tmp_path):
    data = picture()
    assert released(data)("out").rotated == 0
    found = [(s.image, s.json["rotation"]) for s in Dataset.open(str(tmp_path / "out")).samples()]
    assert found == [(data, 90 * i) for i in range(4)]


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_lossless_formats_are_rotated_without_loss(released, tmp_path, form):
    data = picture(form, lossless=True)
    released(data)("out", rotation="apply")
    original = Image.open(io.BytesIO(data)).convert("RGB")
    samples = list(shown(tmp_path / "out"))
    assert [record["rotation_applied"] for record, _ in samples] == [0, 90, 180, 270]
    for record, pixels in samples:
        assert record["format"] == form.lower()
        assert np.array_equal(pixels, original.rotate(record["rotation_applied"], expand=True))


def test_a_jpeg_is_nearly_as_pillow_turns_it_and_no_orientation_turns_it_again(photos, released, tmp_path):
    data = (photos / "imagenet-sample" / "n02951585_can_opener.JPEG").read_bytes()  # orientation 6
    released(data)("out", rotation="apply")
    original = Image.open(io.BytesIO(data)).convert("RGB")
    samples = list(Dataset.open(str(tmp_path / "out")).samples())
    assert samples[0].image == data
    for sample in samples[1:]:
        image = Image.open(io.BytesIO(sample.image))
        assert image.getexif().get(0x0112, 1) == 1
        right = np.asarray(original.rotate(sample.json["rotation_applied"], expand=True), float)
        assert np.abs(np.asarray(image, float) - right).mean() < 2


def test_rotations_are_in_the_report(released, tmp_path):
    released(picture())("out", rotation="apply")
    lines = (tmp_path / "out" / ".wds-imagenet" / "report.jsonl").read_text().splitlines()
    assert [(json.loads(line)["action"], json.loads(line)["reason"]) for line in lines] == [
        ("turned", f"turned by {degrees}° counter-clockwise, coded anew as a JPEG of quality 95")
        for degrees in (90, 180, 270)
    ]


@pytest.mark.parametrize("gzipped", [False, True])
def test_recorded_and_applied_rotations_are_different_plans(released, gzipped):
    run = released(picture(), gzipped=gzipped)
    run("out", rotation="apply")
    with pytest.raises(PlanError, match="rotation_applied"):
        run("out")


def test_turned_images_can_be_resized_and_keep_the_size_they_had(released, tmp_path):
    released(picture())("out", rotation="apply", jpeg="resize=30")
    sizes = [
        (r["width"], r["height"], r["original_width"], r["original_height"])
        for r, _ in shown(tmp_path / "out")
    ]
    assert sizes == [(47, 30, 97, 61), (30, 47, 97, 61), (47, 30, 97, 61), (30, 47, 97, 61)]
