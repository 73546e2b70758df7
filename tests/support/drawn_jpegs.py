"""Crops scikit-image's sample photographs, and encodes the crops in the samplings and modes of ImageNet's files."""

import importlib.util
import io
import random
from functools import cache
from pathlib import Path

import numpy as np
import simplejpeg
from drawn_classes import DrawnClasses
from PIL import Image, ImageCms, ImageOps

PHOTOGRAPHS = (
    "astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "retina.jpg",
    "rocket.jpg",
)  # fmt: skip
WITH_EXIF, WITH_ICC = 57, 286
TURNED = 473  # the label of the one file with orientation 6, "can opener"
SAMPLINGS = ("4:4:4",) * 761 + ("4:2:0",) * 203 + ("grey",) * 23 + ("4:2:2",) * 12 + ("4:4:0",)
ORIENTATION = 0x0112


def read_pictures() -> list[Image.Image]:
    """Return the photographs of scikit-image's wheel, in RGB; raise LookupError if it is not installed."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("scikit-image, of the dev extra, is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return [Image.open(folder / name).convert("RGB") for name in PHOTOGRAPHS]


def draw_sample(folder: Path, classes: DrawnClasses, pictures: list[Image.Image]) -> None:
    """Write a JPEG for each class: of any shape, 33 MB in all."""
    rng = random.Random(12)
    samplings = list(SAMPLINGS)
    rng.shuffle(samplings)
    others = [label for label in range(len(samplings)) if label != TURNED and samplings[label] != "4:4:0"]
    with_icc = set(rng.sample(others, WITH_ICC))
    with_exif = set(rng.sample(others, WITH_EXIF - 1))
    if samplings[TURNED] != "4:4:4":
        other = samplings.index("4:4:4")
        samplings[TURNED], samplings[other] = "4:4:4", samplings[TURNED]
    for label, (wnid, lemmas) in enumerate(zip(classes.wnids, classes.lemmas, strict=True)):
        options: dict[str, object] = {"quality": rng.choice((80, 88, 93, 95))}
        if label in with_icc:
            options["icc_profile"] = _profile()
        if label in with_exif or label == TURNED:
            options["exif"] = _orientation(6 if label == TURNED else 1)
        data = _encode(_crop(rng, pictures), samplings[label], options)
        (folder / f"{wnid}_{lemmas[0].replace(' ', '_')}.JPEG").write_bytes(data)


def draw_corner_cases(folder: Path, pictures: list[Image.Image]) -> None:
    """Write photographs of all EXIF orientations in use, of several sizes, and one of 12 bits a sample."""
    astronaut, chelsea, coffee, *_ = pictures
    for name, picture in (("Landscape", coffee), ("Portrait", coffee.crop((90, 0, 390, 400)))):
        for orientation in (1, 3, 5, 6, 8):
            stored = _store(picture, orientation)
            options = {"quality": 90, "exif": _orientation(orientation)}
            (folder / f"exif_{name}_{orientation}.jpg").write_bytes(_encode(stored, "4:2:0", options))
    for number, picture in enumerate(pictures):
        data = _encode(picture, ("4:2:0", "4:4:4")[number % 2], {"quality": 85})
        (folder / f"nature_{number}.jpg").write_bytes(data)
    plain = chelsea.resize((227, 149))
    for name, sampling in (("testorig", "4:2:0"), ("testimgint", "4:4:4")):
        (folder / f"{name}.jpg").write_bytes(_encode(plain, sampling, {"quality": 75}))
    (folder / "monkey12.jpg").write_bytes(_as_12_bits(_encode(astronaut, "grey", {"quality": 75})))


def _crop(rng: random.Random, pictures: list[Image.Image]) -> Image.Image:
    picture = rng.choice(pictures)
    area = rng.choice((20_000, 40_000, 60_000, 90_000, 90_000, 150_000))
    aspect = 2 ** rng.uniform(-0.9, 0.9)
    width, height = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
    shrink = min(1, picture.width / width, picture.height / height)
    width, height = int(width * shrink), int(height * shrink)
    scale = rng.uniform(0.6, 1) * min(picture.width / width, picture.height / height)
    left = rng.uniform(0, picture.width - width * scale)
    top = rng.uniform(0, picture.height - height * scale)
    box = (left, top, left + width * scale, top + height * scale)
    crop = picture.resize((width, height), Image.Resampling.BILINEAR, box, reducing_gap=2)
    return ImageOps.mirror(crop) if rng.random() < 0.5 else crop


def _encode(picture: Image.Image, sampling: str, options: dict[str, object]) -> bytes:
    if sampling == "4:4:0":  # Pillow cannot ask libjpeg for it
        return simplejpeg.encode_jpeg(np.asarray(picture), options["quality"], colorsubsampling="440")
    file = io.BytesIO()
    if sampling == "grey":
        picture.convert("L").save(file, "JPEG", **{k: v for k, v in options.items() if k != "icc_profile"})
    else:
        picture.save(file, "JPEG", subsampling=sampling, **options)
    return file.getvalue()


def _as_12_bits(data: bytes) -> bytes:
    # SOF1 and a precision of 12: libjpeg refuses the frame header before it reads any coefficient.
    header = data.index(b"\xff\xc0")
    return data[:header] + b"\xff\xc1" + data[header + 2 : header + 4] + b"\x0c" + data[header + 5 :]


def _orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    exif[0x0131] = "wds-imagenet's tests"  # Software
    return exif.tobytes()


def _store(picture: Image.Image, orientation: int) -> Image.Image:
    inverse = {
        3: Image.Transpose.ROTATE_180,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    return picture.transpose(inverse[orientation]) if orientation in inverse else picture


@cache
def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
