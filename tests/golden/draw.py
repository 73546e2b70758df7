"""Draws the files of `pictures/` and `written/`. They are committed, since encoders change.

`tests/test_golden.py` only reads the files. `python tests/golden/draw.py` replaces them, which changes every
recorded hash; then run `python tests/test_golden.py --write`.
"""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
END = b"\xff\xd9"
SCAN = b"\xff\xda"


def draw(width, height, number):
    """Return an RGB picture: a gradient, three shapes and a little texture, another for each number."""
    down, across = np.mgrid[0:height, 0:width]
    turn = 0.7 * number
    slope = (across * np.cos(turn) / width + down * np.sin(turn) / height) * 90
    waves = 24 * np.sin(across / (3 + number % 4)) * np.cos(down / (4 + number % 3))
    channels = [128 + slope, 110 - slope + waves, 100 + waves * (number % 2) + slope / 2]
    picture = Image.fromarray(np.stack(channels, axis=2).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((width // 8, height // 8, width // 2, height // 2), fill=(200, 30 + 9 * number, 40))
    pen.rectangle((width // 2, height // 3, width - 9, height - 7), fill=(20, 90, 250 - 12 * number))
    pen.line((0, height - 1, width - 1, 0), fill=(250, 250, 240), width=3)
    return picture


def encode(picture, form, **options):
    """Return a picture's file."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def jpeg(picture, **options):
    """Return a picture's JPEG, of a quality that keeps it small."""
    return encode(picture, "JPEG", quality=70, **options)


def pictures():
    """Return the pictures by file name."""
    turned = Image.Exif()
    turned[0x0112] = 6  # turn it clockwise by 90 degrees to see it upright
    half = jpeg(draw(130, 100, 10), subsampling="4:2:0")
    whole = jpeg(draw(110, 88, 11), subsampling="4:2:0")
    hollow = jpeg(draw(100, 76, 12), subsampling="4:2:0")
    return {
        "colours-444.jpg": jpeg(draw(160, 128, 0), subsampling="4:4:4"),
        "colours-420.jpg": jpeg(draw(180, 140, 1), subsampling="4:2:0"),
        "colours-422.jpg": jpeg(draw(133, 101, 2), subsampling="4:2:2"),
        "wide-420.jpg": jpeg(draw(176, 66, 3), subsampling="4:2:0"),
        "tall-420.jpg": jpeg(draw(65, 170, 4), subsampling="4:2:0"),
        "grey.jpg": jpeg(draw(96, 64, 5).convert("L")),
        "progressive.jpg": jpeg(draw(150, 100, 6), progressive=True, subsampling="4:2:0"),
        "turned.jpg": jpeg(draw(120, 90, 7), subsampling="4:2:0", exif=turned),
        "palette.png": encode(draw(64, 48, 8).quantize(16), "PNG", optimize=True),
        "png-by-another-name.JPEG": encode(draw(72, 54, 9).quantize(16).convert("RGB"), "PNG", optimize=True),
        "bad-cmyk.jpg": jpeg(draw(84, 80, 13).convert("CMYK")),
        "bad-cut-in-half.jpg": half[: len(half) // 2],
        "bad-without-end.jpg": whole.removesuffix(END),
        "bad-hollow.jpg": hollow[: hollow.index(SCAN) + 14] + END,
    }


def label_map(number):
    """Return a label map as ReLabel's authors saved theirs."""
    import torch

    draws = np.random.default_rng(number)
    labels = np.argsort(draws.random((1000, 15, 15)), axis=0)[:5]
    scores = draws.normal(8, 4, (5, 15, 15))
    file = io.BytesIO()
    torch.save(torch.from_numpy(np.stack([scores, labels]).astype(np.float16)), file)
    return file.getvalue()


def rows(images, first):
    """Return a Parquet file as Hugging Face writes one, of images by name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"class {i}, of a kind" for i in range(8)]
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {
        "image": pa.array([{"bytes": data, "path": name} for name, data in images.items()], kind),
        "label": pa.array([(first + i) * 3 % 8 for i in range(len(images))]),
        "caption": pa.array([f"a drawing, {first + i}" for i in range(len(images))]),
        "weight": pa.array([(first + i) / 4 for i in range(len(images))]),
    }
    metadata = json.dumps({"info": {"features": features}})
    file = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"huggingface": metadata}), file)
    return file.getvalue()


def main():
    """Write all of it."""
    drawn = pictures()
    small = [name for name in drawn if not name.startswith("bad-") and "colours" not in name]
    parts = [{name: drawn[name] for name in names} for names in (small[:3], small[3:6])]
    written = {f"train-{i:05d}-of-00002.parquet": rows(part, 3 * i) for i, part in enumerate(parts)}
    written |= {f"label-map-{i}.pt": label_map(i) for i in range(2)}
    for folder, files in (("pictures", drawn), ("written", written)):
        (HERE / folder).mkdir(exist_ok=True)
        for name, data in files.items():
            (HERE / folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
