"""Packing writes the recorded bytes, and loaders yield the recorded batches.

A case of packing hashes every file at its destination. A case of reading hashes the keys, labels and pixels
of an epoch. Each hash must equal that in `golden/hashes.json`. `python tests/test_golden.py --write` records
new hashes: use it only for an intended change, and note the change in the CHANGELOG.

`golden/draw.py` drew the pictures once. Archives and lists are made here from the pictures and from drawn
classes, with the same bytes on every machine. WDS_IMAGENET_GOLDEN_WORKERS sets the number of processes.
"""

import csv
import hashlib
import importlib.metadata
import io
import json
import os
import struct
import sys
import tarfile
import tempfile
import zlib
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import features

from wds_imagenet import Loader, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.cli import main

GOLDEN = Path(__file__).parent / "golden"
HASHES = GOLDEN / "hashes.json"
WORKERS = os.environ.get("WDS_IMAGENET_GOLDEN_WORKERS", "1")
MANIFEST = ".wds-imagenet/manifest.json"
ENCODER = {
    "pillow": importlib.metadata.version("pillow"),
    "jpeg": features.version("jpg"),
    "libjpeg_turbo": features.version("libjpeg_turbo"),
}
ENCODED, OPTIMIZED = "Pillow's encoder", "the native engine"


# All calls of the package are here, so that a change of its API changes one line.


def run(*arguments):
    """Run a command of ours in this process, and return its output."""
    out, err = io.StringIO(), io.StringIO()
    line = ["wds-imagenet", *map(str, arguments)]
    # A plan with rewritten images has the versions of this machine's libraries.
    versions = mock.patch(
        "wds_imagenet.images.rewrite.rewriting_versions", return_value={"pillow": "recorded"}
    )
    with versions, mock.patch.object(sys, "argv", line), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    assert not code, f"{' '.join(line)} ended with {code}: {err.getvalue()}{out.getvalue()}"
    return out.getvalue()


def pack(source, inputs, *options):
    """Pack one or several inputs of a source into a folder beside them, and return the folder."""
    inputs = inputs if isinstance(inputs, list) else [inputs]
    dest = inputs[0].parent / "packed" / "drawn"
    shape = ["--block-bytes", "16KiB", "--samples-per-shard", 5, "--workers", WORKERS]
    run("pack", source, *inputs, dest, *shape, *options)
    return dest


def add_layer(dest, *options):
    """Write a label layer beside the shards of a data set, and return the data set."""
    run("add-layer", dest, "--workers", WORKERS, *options)
    return dest


def random_crop(size, *, flip, **options):
    """Return the transform for training."""
    return RandomResizedCrop(size, flip=flip, **options)


def center_crop(resize, crop, **options):
    """Return the transform for evaluation."""
    return ResizeCenterCrop(resize, crop, **options)


def open_loader(dest, transform, **options):
    """Return a loader."""
    return Loader(
        str(dest), transform, **{"batch_size": 8, "seed": 3, "threads": 2, "last": "pad", **options}
    )


@cache
def engines():
    """Return the names of the engines in use, by what they do."""
    return json.loads(run("doctor", "--json"))


# Materials of the inputs.


def picture(name):
    return (GOLDEN / "pictures" / name).read_bytes()


def written(name):
    return (GOLDEN / "written" / name).read_bytes()


NAMES = sorted(path.name for path in (GOLDEN / "pictures").iterdir())
GOOD = [picture(name) for name in NAMES if not name.startswith("bad-")]
WNIDS = [f"n{10_000_000 + 7 * label:08d}" for label in range(1000)]
IDS = [(label * 7 + 448) % 1000 + 1 for label in range(1000)]  # tench is label 0, and 449
TRUTH = [number * 13 % 1000 + 1 for number in range(1, 50_001)]
WORDS = ["tench, Tinca tinca", *(f"thing {label}, such as {label + 1}" for label in range(1, 1000))]
VAL_WNIDS = [WNIDS[IDS.index(TRUTH[i])] for i in range(10)]
DEVKIT = "ILSVRC2012_devkit_t12"
CAT, DOG = "/m/01yrx", "/m/0bt9lr"
PHOTO_IDS = [
    "0000000000012345",
    "000060e3121c7305",
    "0f00000000000001",
    "43e0000000000011",
    "ffffffffffffffff",
]


def train_name(i):
    """Return the name of a training image, of a class out of four."""
    return f"{WNIDS[i % 4 * 250]}_{900 - 7 * i}.JPEG"


def val_name(i):
    return f"ILSVRC2012_val_{i + 1:08d}.JPEG"


TRAIN = {train_name(i): data for i, data in enumerate(GOOD)}
VAL = {val_name(i): data for i, data in enumerate(GOOD)}


def lay(folder, files):
    """Write files by path below a folder, and return the folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def tar(files):
    """Return a tar whose bytes are the same everywhere."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode() if isinstance(content, str) else content))
    return out.getvalue()


def gz(data):
    """Gzip bytes in stored blocks, since zlib's compressed bytes differ between machines."""
    out = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(data), 65_535):
        block = data[start : start + 65_535]
        last = start + 65_535 >= len(data)
        out += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    return b"".join([*out, struct.pack("<II", zlib.crc32(data), len(data))])


def table(*rows, delimiter=","):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


def lines(items):
    return "".join(f"{item}\n" for item in items)


def by_class(images):
    """Return training images in the tars of their classes."""
    wnids = dict.fromkeys(name[:9] for name in images)
    return {f"{w}.tar": tar({n: data for n, data in images.items() if n[:9] == w}) for w in wnids}


MAPPING = lines(f"{wnid} {words}" for wnid, words in zip(WNIDS, WORDS, strict=True))
CLASS_INFO = json.dumps(
    [
        {"cid": i, "wnid": wnid, "synset": words.split(", "), "gloss": f"gloss {i}"}
        for i, (wnid, words) in enumerate(zip(WNIDS, WORDS, strict=True))
    ]
)
SOLUTION = table(
    ["ImageId", "PredictionString"],
    *([val_name(i)[:-5], f"{VAL_WNIDS[i]} {i} 2 40 {41 + i} "] for i in reversed(range(10))),
)
CLASS_NAMES = json.dumps(["丁鲷", *(f"类 {label}" for label in range(1, 1000))], ensure_ascii=False)
REAL = json.dumps([[] if n % 4 == 3 else [n % 1000, (n + 500) % 1000][: 1 + n % 2] for n in range(50_000)])
BLACKLIST = lines(range(2, 1764))
CAPTIONS = json.dumps(
    [
        {
            "filename": name,
            "wnid": name[:9],
            "title": f"t{i} é",
            "tags": ["x", f"y{i}"],
            "description": "<b>d",
        }
        for i, name in enumerate(TRAIN)
        if i % 3
    ]
)


def voc(wnid, i):
    """Return an annotation of PASCAL VOC with two boxes, of which the second reaches out of the picture."""
    boxes = [(3, 4, 40 + i, 50), (10, 10, 999, 60)]
    objects = "".join(
        f"<object><name>{wnid}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{right}</xmax>"
        f"<ymax>{low}</ymax></bndbox></object>"
        for x, y, right, low in boxes
    )
    size = "<size><width>100</width><height>80</height><depth>3</depth></size>"
    return f"<annotation><filename>%s</filename>{size}{objects}</annotation>"


def devkit(folder):
    """Write the devkit as released, with a meta.mat, and return its path."""
    from scipy.io import savemat

    names = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "num_train_images"]
    synsets = np.zeros((1000, 1), [(name, object) for name in names])
    for label, number in enumerate(IDS):
        synsets[number - 1, 0] = (float(number), WNIDS[label], WORDS[label], "", 0.0, 3.0)
    meta = io.BytesIO()
    savemat(meta, {"synsets": synsets})
    truth = f"{DEVKIT}/data/ILSVRC2012_validation_ground_truth.txt"
    kit = gz(tar({f"{DEVKIT}/data/meta.mat": meta.getvalue(), truth: lines(TRUTH)}))
    return lay(folder, {f"{DEVKIT}.tar.gz": kit}) / f"{DEVKIT}.tar.gz"


def later_devkit(folder):
    """Write a devkit of a later year, extracted, with its map_clsloc.txt alone, and return its path."""
    order = sorted(range(1000), key=IDS.__getitem__)
    known = lines(f"{WNIDS[i]} {IDS[i]} thing_{i}" for i in order)
    truth = "ILSVRC2015_clsloc_validation_ground_truth.txt"
    lay(folder, {"devkit/data/map_clsloc.txt": known, f"devkit/data/{truth}": lines(TRUTH)})
    return folder / "devkit"


# The cases of packing: each lays out its inputs in a folder, and returns where the data set lies.

CASES = {}


def case(*needs):
    """Register a case of packing, with the other packages that its bytes depend on."""

    def register(build):
        CASES[build.__name__.replace("_", "-")] = build, needs
        return build

    return register


@case()
def imagenet_train_of_nested_tars(folder):
    lay(folder, {"train.tar": tar(by_class(TRAIN))})
    return pack("imagenet", folder / "train.tar", "--devkit", devkit(folder))


@case()
def imagenet_train_gzipped(folder):
    lay(folder, {"train.tar.gz": gz(tar(by_class(TRAIN))), "classes.txt": MAPPING})
    return pack("imagenet", folder / "train.tar.gz", "--classes", folder / "classes.txt")


@case()
def imagenet_train_gzipped_in_small_windows(folder):
    lay(folder, {"train.tar.gz": gz(tar(by_class(TRAIN)))})
    return pack(
        "imagenet", folder / "train.tar.gz", "--devkit", devkit(folder), "--window-bytes", 9000, "--seed", 5
    )


@case()
def imagenet_train_in_two_archives_and_not_shuffled(folder):
    names = list(TRAIN)
    parts = [{name: TRAIN[name] for name in part} for part in (names[:4], names[4:])]
    lay(folder, {f"{i}.tar.gz": gz(tar(part)) for i, part in enumerate(parts)})
    return pack(
        "imagenet", [folder / "0.tar.gz", folder / "1.tar.gz"], "--devkit", devkit(folder), "--no-shuffle"
    )


@case()
def imagenet_val_by_the_devkit(folder):
    lay(folder, {"val.tar": tar({f"val/{name}": VAL[name] for name in reversed(VAL)})})
    return pack("imagenet", folder / "val.tar", "--devkit", devkit(folder))


@case()
def imagenet_val_by_a_later_devkit_gzipped(folder):
    lay(folder, {"val.tar.gz": gz(tar({name: VAL[name] for name in reversed(VAL)}))})
    return pack("imagenet", folder / "val.tar.gz", "--split", "validation", "--devkit", later_devkit(folder))


@case()
def imagenet_val_by_folders_and_a_class_list(folder):
    files = {f"in/{VAL_WNIDS[i]}/{name}": data for i, (name, data) in enumerate(VAL.items())}
    lay(folder, {**files, "classes.txt": lines(WNIDS)})
    return pack("imagenet", folder / "in", "--classes", folder / "classes.txt", "--shuffle")


@case()
def imagenet_val_of_kaggle(folder):
    files = {f"in/ILSVRC/Data/CLS-LOC/val/{name}": data for name, data in VAL.items()}
    files |= {"in/LOC_val_solution.csv": SOLUTION, "in/LOC_synset_mapping.txt": MAPPING}
    return pack("imagenet", lay(folder, files) / "in", "--split", "val")


@case()
def imagenet_test(folder):
    files = {f"ILSVRC2012_test_{i + 1:08d}.JPEG": data for i, data in enumerate(GOOD)}
    return pack("imagenet", lay(folder, {"test.tar": tar(files)}) / "test.tar")


@case()
def imagenet_val_with_labels_and_class_names(folder):
    lay(folder, {"val.tar": tar(VAL), "real.json": REAL, "cn.json": CLASS_NAMES})
    labels = ["--labels", f"real={folder / 'real.json'}", "--class-names", f"zh={folder / 'cn.json'}"]
    return pack("imagenet", folder / "val.tar", "--devkit", devkit(folder), *labels)


@case()
def imagenet_train_gzipped_with_captions(folder):
    lay(folder, {"train.tar.gz": gz(tar(by_class(TRAIN))), "captions.json": CAPTIONS})
    captions = ["--captions", folder / "captions.json", "--caption-template", "a photo of {title}"]
    captions += ["--devkit", devkit(folder), "--without-caption", "drop"]
    return pack("imagenet", folder / "train.tar.gz", *captions)


@case()
def imagenet21k_of_nested_tars(folder):
    files = {
        "whole.tar": tar(by_class(TRAIN)),
        "list.txt": lines(WNIDS),
        "names.txt": lines(f"{wnid}\t{words}" for wnid, words in zip(WNIDS, WORDS, strict=True)),
    }
    lay(folder, files)
    return pack(
        "imagenet21k", folder / "whole.tar", "--classes", folder / "list.txt", "--names", folder / "names.txt"
    )


@case()
def imagenet21k_gzipped_without_some_classes(folder):
    lay(folder, {"whole.tar.gz": gz(tar(by_class(TRAIN))), "list.txt": lines(WNIDS[:700])})
    return pack("imagenet21k", folder / "whole.tar.gz", "--classes", folder / "list.txt", "--others", "skip")


WINTER21 = "f49dde3d69946b8635586432f34f35985f807d168286ce5fde746aac3a7d94c8"
"""The SHA-256 of the class list of ImageNet-21K-P of 2021, as published: nothing drawn has it."""


def as_winter21(wnids):
    """Let these WNIDs be taken for the genuine list, while the context lasts."""
    listed, sha256 = lines(wnids).encode(), hashlib.sha256

    def named(data=b"", **options):
        made = mock.Mock()
        made.hexdigest.return_value = WINTER21
        return made if data == listed else sha256(data, **options)

    return mock.patch("hashlib.sha256", named)


def pack_21k_p(folder, name, *options):
    images = {f"imagenet21k_small_classes/{WNIDS[9]}/{WNIDS[9]}_1.JPEG": GOOD[0]}
    for i, (image, data) in enumerate(TRAIN.items()):
        images[f"imagenet21k_{'val' if i % 3 == 1 else 'train'}/{image[:9]}/{image}"] = data
    archive = tar({f"imagenet21k_resized/{path}": data for path, data in images.items()})
    lay(folder, {name: gz(archive) if name.endswith(".gz") else archive, "list.txt": lines(WNIDS)})
    with as_winter21(WNIDS):
        release = ["--release", "winter21", "--classes", folder / "list.txt"]
        return pack("imagenet21k-p", folder / name, *release, *options)


@case()
def imagenet21k_p_train_gzipped(folder):
    return pack_21k_p(folder, "resized.tar.gz", "--split", "train")


@case()
def imagenet21k_p_val_with_its_tree(folder):
    import torch

    paths = [[label, *([label // 2] if label else [])] for label in range(1000)]
    tree = {"class_description": dict(zip(WNIDS, WORDS, strict=True)), "class_tree_list": paths}
    torch.save(tree, folder / "tree.pth")
    return pack_21k_p(folder, "resized.tar", "--split", "val", "--tree", folder / "tree.pth")


def v2_images():
    """Return images of ImageNet-V2, whose class 10 comes before 2 as text and not as a label."""
    names = [hashlib.sha1(b"%d" % i, usedforsecurity=False).hexdigest() for i in range(len(GOOD))]
    labels = [0, 1, 2, 10, 11, 100, 999, 9, 8, 8]
    return {
        f"imagenetv2-top-images-format-val/{label}/{name}.jpeg": data
        for label, name, data in zip(labels, names, GOOD, strict=True)
    }


@case()
def imagenet_v2_with_class_info(folder):
    lay(folder, {"v2.tar.gz": tar(v2_images()), "class_info.json": CLASS_INFO})
    return pack("imagenet-v2", folder / "v2.tar.gz", "--classes", folder / "class_info.json")


@case()
def imagenet_v2_gzipped_with_keys_of_the_variant(folder):
    lay(folder, {"v2.tar.gz": gz(tar(v2_images()))})
    return pack("imagenet-v2", folder / "v2.tar.gz", "--keys", "variant")


def open_images(folder, name, *options):
    """Pack five photographs of Open Images with all that is known of them."""
    more, turned = ["Zoë, the 1st", 'a "t"\nb'], ["0.0", "90.0", "180.0", "270.0", ""]
    images = table(
        ["ImageID", "Subset", "OriginalURL", "License", "Author", "Title", "OriginalSize", "Rotation"],
        *(
            [photo, "validation", f"https://example.org/{photo}_o.jpg", "CC BY", *more, 99 + i, turned[i]]
            for i, photo in enumerate(PHOTO_IDS)
        ),
    )
    labels = table(
        ["ImageID", "Source", "LabelName", "Confidence"],
        *([photo, "verification", CAT, "1"] for photo in PHOTO_IDS[1:]),
        *([photo, "verification", DOG, "0"] for photo in reversed(PHOTO_IDS)),
        *([photo, "machine", DOG, f"0.{i + 1}"] for i, photo in enumerate(PHOTO_IDS)),
    )
    flags = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
    boxes = table(
        ["ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", *flags],
        *([photo, "xclick", CAT, "1", "0.1", "0.5", "0.25", "1", *"01000"] for photo in PHOTO_IDS[::2]),
    )
    photos = {f"validation/{photo}.jpg": data for photo, data in zip(PHOTO_IDS, GOOD, strict=False)}
    files = {"images.csv": images, "labels.csv": labels, "boxes.csv": boxes}
    files |= {"names.csv": table([CAT, "cat"], [DOG, "dog"]), "classes.txt": lines([DOG, CAT])}
    files |= {name: gz(tar(photos))} if name.endswith(".gz") else photos
    lay(folder, files)
    known = {"images": "images", "image-labels": "labels", "boxes": "boxes", "names": "names"}
    told = [word for option, file in known.items() for word in (f"--{option}", folder / f"{file}.csv")]
    return pack("open-images", folder / name, *told, "--classes", folder / "classes.txt", *options)


@case()
def open_images_of_a_folder(folder):
    return open_images(folder, "validation", "--split", "validation")


@case()
def open_images_gzipped(folder):
    return open_images(folder, "validation.tar.gz", "--split", "validation")


@case(ENCODED)
def open_images_turned(folder):
    return open_images(folder, "validation", "--split", "validation", "--rotation", "apply")


def shards(*, with_masks=True):
    """Return two shards that others packed."""
    out = {}
    for shard in range(2):
        members = {}
        for i, data in enumerate(GOOD[shard * 4 : shard * 4 + 4]):
            key, told = f"{shard}_{i}", {"likes": i or None, "tags": ["ü"]}
            members |= {f"{key}.cls": b"%d\n" % (i + 5), f"{key}.jpg": data, f"{key}.txt": f"a photo {i}"}
            members[f"{key}.json"] = json.dumps(told)
            members |= {f"{key}.mask.bin": bytes([i] * 9)} if with_masks else {}
        out[f"theirs/in-train-{shard:06d}.tar"] = tar(members)
    return out


@case()
def webdataset_with_attachments(folder):
    return pack("webdataset", lay(folder, shards()) / "theirs")


@case()
def webdataset_gzipped_without_some_members(folder):
    lay(folder, {f"{name}.gz": gz(data) for name, data in shards().items()})
    return pack("webdataset", folder / "theirs", "--leave-out", "txt", "--select-labels", "5-7")


@case()
def webdataset_of_ours_selected_and_labelled_anew(folder):
    lay(folder / "a", {"train.tar": tar(by_class(TRAIN)), "new.txt": "0\told\n250\tnew\n500\told\n"})
    ours = pack("imagenet", folder / "a" / "train.tar", "--devkit", devkit(folder))
    (folder / "b").mkdir()
    moved = ours.rename(folder / "b" / "ours")
    labels = ["--select-labels", "0-500", "--relabel", folder / "a" / "new.txt"]
    return pack("webdataset", moved, *labels)


@case()
def index_of_shards_that_others_packed(folder):
    lay(folder, shards(with_masks=False))
    run("index", folder / "theirs", "--name", "theirs", "--block-bytes", "8KiB")
    return folder / "theirs"


def class_folders(folder, images=GOOD):
    """Lay pictures out in the folders of three classes, in turn, and return the folder around these."""
    files = {f"in/{'abc'[i % 3]}/{i:02d}.jpg": data for i, data in enumerate(images)}
    return lay(folder, files) / "in"


@case()
def imagefolder_shuffled(folder):
    return pack("imagefolder", class_folders(folder, GOOD * 2), "--seed", 1)


@case()
def imagefolder_not_shuffled(folder):
    return pack("imagefolder", class_folders(folder, GOOD * 2), "--no-shuffle")


@case()
def imagefolder_of_a_tar_in_shards_by_size(folder):
    files = {f"all/{i % 3 + 5}/{i:02d}.jpg": data for i, data in enumerate(GOOD)}
    lay(folder, {"in.tar": tar(files)})
    dest = folder / "packed" / "named"
    run("pack", "imagefolder", folder / "in.tar", dest, "--shard-bytes", "20KiB", "--workers", WORKERS,
        "--name", "in1k", "--split", "test")  # fmt: skip
    return dest


@case(OPTIMIZED)
def imagefolder_optimized(folder):
    return pack("imagefolder", class_folders(folder), "--jpeg", "optimize")


@case(OPTIMIZED)
def imagefolder_optimized_and_stripped(folder):
    return pack("imagefolder", class_folders(folder), "--jpeg", "optimize", "--strip")


@case(ENCODED)
def imagefolder_resized(folder):
    return pack("imagefolder", class_folders(folder), "--jpeg", "resize=80")


@case(ENCODED, OPTIMIZED)
def imagefolder_resized_and_optimized(folder):
    return pack("imagefolder", class_folders(folder), "--jpeg", "resize=72:q80:optimize")


def with_bad(folder, *names):
    trailing = GOOD[0] + b"\0\0trailing"
    return class_folders(folder, [*GOOD[:4], trailing, *(picture(f"bad-{name}.jpg") for name in names)])


@case()
def imagefolder_without_the_bad(folder):
    found = with_bad(folder, "cut-in-half", "cmyk", "without-end", "hollow")
    return pack("imagefolder", found, "--on-bad", "skip")


@case()
def imagefolder_repaired(folder):
    return pack("imagefolder", with_bad(folder, "without-end"), "--on-bad", "repair")


@case(ENCODED)
def imagefolder_repaired_or_without_the_bad(folder):
    found = with_bad(folder, "cut-in-half", "cmyk", "without-end")
    return pack("imagefolder", found, "--on-bad", "repair-else-skip")


def rows(delimiter=","):
    """Return a table of pictures, and the pictures."""
    header = ["path", "label", "caption", "year", "weight"]
    told = [[f"p/{i}.jpg", "xyz"[i % 3], f"drawing {i}, ü", 2000 + i, i / 8] for i in range(len(GOOD))]
    pictures = {f"p/{i}.jpg": data for i, data in enumerate(GOOD)}
    return table(header, *told, delimiter=delimiter), pictures


@case()
def table_of_csv(folder):
    text, pictures = rows()
    return pack("table", lay(folder, {"t.csv": "\ufeff" + text, **pictures}) / "t.csv")


@case()
def table_of_tsv_by_a_class_list(folder):
    text, pictures = rows("\t")
    lay(folder, {"t.tsv": text, "classes.txt": "z\ny\nx\nw\n", **pictures})
    return pack("table", folder / "t.tsv", "--classes", folder / "classes.txt")


@case()
def table_of_json_lines_with_keys(folder):
    told = [{"file": f"{i}.jpg", "id": f"k/{i}", "tags": [i], "deep": {"a": i}} for i in range(len(GOOD))]
    lay(folder, {"t.jsonl": lines(map(json.dumps, told))})
    lay(folder, {f"else/{i}.jpg": data for i, data in enumerate(GOOD)})
    return pack("table", folder / "t.jsonl", "--key-column", "id", "--root", folder / "else")


@case()
def table_of_parquet(folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    _, pictures = rows()
    lay(folder, pictures)
    pq.write_table(
        pa.table(
            {"image": list(pictures), "cls": [i % 4 for i in range(10)], "n": [i / 2 for i in range(10)]}
        ),
        folder / "t.parquet",
    )
    return pack("table", folder / "t.parquet", "--image-column", "image")


@case()
def table_with_rows_of_one_image_grouped(folder):
    _, pictures = rows()
    told = [
        [f"p/{i // 3}.jpg", i // 3 % 2, f"caption {i}", "en" if i % 2 else "fr", "same"] for i in range(24)
    ]
    text = table(["image", "label", "caption", "language", "kind"], *(told[i * 7 % 24] for i in range(24)))
    return pack("table", lay(folder, {"t.csv": text, **pictures}) / "t.csv", "--duplicates", "group")


@case()
def sidecars_beside_the_images(folder):
    files = {}
    for i, data in enumerate(GOOD):
        files |= {f"in/{i % 2}/{i}.jpg": data, f"in/{i % 2}/{i}.cls": "ba"[i % 2]}
        files |= {f"in/{i % 2}/{i}.txt": f"photo {i}"} if i % 3 else {}
        files |= {f"in/{i % 2}/{i}.json": json.dumps({"n": i, "of": ["ü"]})} if i % 4 else {}
    return pack("sidecars", lay(folder, files) / "in")


@case()
def sidecars_in_one_json(folder):
    told = {f"{i}.jpg": {"caption": f"photo {i}", "label": i % 3, "more": {"x": i}} for i in range(len(GOOD))}
    lay(folder, {f"in/{i}.jpg": data for i, data in enumerate(GOOD)})
    lay(folder, {"told.json": json.dumps(told)})
    return pack("sidecars", folder / "in", "--annotations", folder / "told.json")


@case()
def huggingface_of_two_files(folder):
    names = [f"train-{i:05d}-of-00002.parquet" for i in range(2)]
    lay(folder, {f"data/{name}": written(name) for name in names})
    return pack("huggingface", folder / "data", "--split", "train")


@case()
def huggingface_with_keys_of_rows_and_not_shuffled(folder):
    name = "train-00000-of-00002.parquet"
    lay(folder, {"data/train.parquet": written(name)})
    return pack("huggingface", folder / "data" / "train.parquet", "--keys", "row", "--no-shuffle")


# The cases of label layers.


def train_set(folder):
    lay(folder, {"train.tar": tar(by_class(TRAIN))})
    return pack("imagenet", folder / "train.tar", "--devkit", devkit(folder))


def val_set(folder):
    lay(folder, {"val.tar": tar(VAL)})
    return pack("imagenet", folder / "val.tar", "--devkit", devkit(folder))


@case()
def layer_of_real_labels(folder):
    lay(folder, {"real.json": REAL})
    return add_layer(val_set(folder), "--labels", f"real={folder / 'real.json'}")


@case()
def layer_of_labels(folder):
    lay(folder, {"LOC_val_solution.csv": SOLUTION, "mapping.txt": MAPPING})
    files = ["--labels", f"kaggle={folder / 'LOC_val_solution.csv'}"]
    files += ["--label-option", f"kaggle.synsets={folder / 'mapping.txt'}"]
    return add_layer(val_set(folder), *files)


@case()
def layer_of_boxes_and_a_blacklist(folder):
    boxes = {f"val/{name[:-5]}.xml": voc(VAL_WNIDS[i], i) for i, name in enumerate(VAL) if i != 4}
    lay(folder, {"bbox.tgz": gz(tar(boxes)), "blacklist.txt": BLACKLIST})
    files = [f"boxes={folder / 'bbox.tgz'}", f"blacklist={folder / 'blacklist.txt'}"]
    return add_layer(val_set(folder), "--labels", files[0], "--labels", files[1], "--layer", "both")


@case()
def layer_of_captions(folder):
    lay(folder, {"captions.json.gz": gz(CAPTIONS.encode())})
    return add_layer(train_set(folder), "--captions", folder / "captions.json.gz")


@case()
def layer_of_label_maps(folder):
    maps = {f"relabel/{n[:9]}/{n[:-5]}.pt": written(f"label-map-{i % 2}.pt") for i, n in enumerate(TRAIN)}
    lay(folder, {"relabel_imagenet.tar": tar(maps)})
    return add_layer(train_set(folder), "--labels", f"relabel={folder / 'relabel_imagenet.tar'}")


@case()
def layer_of_class_names_alone(folder):
    lay(folder, {"cn.json": CLASS_NAMES})
    return add_layer(val_set(folder), "--class-names", f"zh={folder / 'cn.json'}")


@case()
def layer_of_the_lists_of_imagenet_v2(folder):
    images = v2_images()
    told = {"image_filenames": [[Path(path).stem, WNIDS[i * 7]] for i, path in enumerate(images)]}
    lay(folder, {"v2.tar": tar(images), "b.json": json.dumps(told), "class_info.json": CLASS_INFO})
    files = ["--labels", f"imagenetv2={folder / 'b.json'}"]
    files += ["--label-option", f"imagenetv2.class_info={folder / 'class_info.json'}"]
    return add_layer(pack("imagenet-v2", folder / "v2.tar"), *files)


# The cases of reading: each lays out a data set in a folder, and returns loaders by name.

READINGS = {}


def reading(prepare):
    """Register a case of reading."""
    READINGS[prepare.__name__.replace("_", "-")] = prepare
    return prepare


def four_copies(folder):
    return pack("imagefolder", class_folders(folder, GOOD * 4))


@reading
def shuffled(folder):
    dest = four_copies(folder)
    upright = random_crop(32, flip=False, orientation=True, antialias=False)
    return {
        "random crops, mirrored": open_loader(dest, random_crop(48, flip=True)),
        "random crops, the next epoch": open_loader(dest, random_crop(48, flip=True), epoch=1),
        "random crops, upright": open_loader(dest, upright),
        "random crops, fully decoded": open_loader(dest, random_crop(24, flip=False, scaled_decode=False)),
        "central crops": open_loader(dest, center_crop(40, 32), lanes=6, last="drop"),
    }


@reading
def sequential(folder):
    dest = four_copies(folder)
    return {
        "central crops": open_loader(dest, center_crop(56, 48), shuffle=False),
        "central crops, upright": open_loader(dest, center_crop(36, 32, orientation=True), shuffle=False),
        "random crops": open_loader(dest, random_crop(32, flip=True), shuffle=False),
    }


@reading
def three_ranks(folder):
    dest = four_copies(folder)
    random = {
        f"random crops, rank {rank}": open_loader(
            dest, random_crop(32, flip=True), rank=rank, world_size=3, batch_size=5, lanes=12
        )
        for rank in range(3)
    }
    central = {
        f"central crops in order, rank {rank}": open_loader(
            dest, center_crop(32, 32), rank=rank, world_size=3, batch_size=5, shuffle=False
        )
        for rank in range(3)
    }
    return random | central


@reading
def with_layers(folder):
    dest = layer_of_boxes_and_a_blacklist(folder)
    lay(folder, {"real.json": REAL})
    add_layer(dest, "--labels", f"real={folder / 'real.json'}")
    more = {"layers": ["both", "real"], "with_json": True, "batch_size": 3}
    return {
        "random crops": open_loader(dest, random_crop(32, flip=True), **more),
        "central crops in order": open_loader(dest, center_crop(40, 32), shuffle=False, **more),
    }


@reading
def with_captions_and_label_maps(folder):
    dest = layer_of_label_maps(folder)
    lay(folder, {"captions.json": CAPTIONS})
    add_layer(dest, "--captions", folder / "captions.json")
    more = {"layers": ["relabel", "captions"], "with_json": True, "with_captions": True, "batch_size": 4}
    return {"random crops": open_loader(dest, random_crop(32, flip=True), **more)}


@reading
def without_the_broken(folder):
    dest = pack("imagefolder", class_folders(folder, [*GOOD, picture("bad-hollow.jpg"), *GOOD]))
    return {
        "random crops": open_loader(dest, random_crop(32, flip=True), on_bad="skip"),
        "central crops in order": open_loader(dest, center_crop(32, 32), on_bad="skip", shuffle=False),
    }


# The comparison.


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def hash_files(folder):
    """Return the SHA-256 of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()) for path in files}


def hash_epoch(loader):
    """Return the SHA-256 of an epoch's keys, labels and pixels, and of JSON and captions where there are any.

    `rows` is that of the masks. Pixels are those of real rows: memory of the others is left as it was.
    """
    told = {"rows": [], "keys": [], "labels": [], "pixels": [], "json": [], "captions": []}
    with loader:
        for batch in loader:
            real = batch.mask.numpy()
            told["rows"].append(real.astype(np.uint8).tobytes())
            told["keys"].append(json.dumps(batch.keys).encode())
            told["labels"].append(batch.labels.numpy().astype("<i8").tobytes())
            told["pixels"].append(batch.images.contiguous().numpy()[real].tobytes())
            told["json"].append(json.dumps(batch.json).encode() if batch.json else b"")
            told["captions"].append(json.dumps(batch.captions).encode() if batch.captions else b"")
    return {name: sha256(b"".join(parts)) for name, parts in told.items() if any(parts)}


def packed(name, folder):
    """Run a case of packing, and return the hashes of its files."""
    build, _ = CASES[name]
    return hash_files(build(folder))


def read(name, folder):
    """Run a case of reading, and return the hashes of its batches."""
    loaders = READINGS[name](folder)
    return {f"{of}: {what}": h for of, loader in loaders.items() for what, h in hash_epoch(loader).items()}


def unable(name):
    """Return why the hashes of a case cannot be compared here, "" if they can."""
    needs = CASES[name][1] if name in CASES else ()
    recorded = json.loads(HASHES.read_text())["encoder"]
    if ENCODED in needs and recorded != ENCODER:
        return f"it has JPEGs that {recorded} encoded, and {ENCODER} is here"
    if OPTIMIZED in needs and engines()["decoder"] != "native":
        return "the native engine, which alone can optimize, is not built here"
    if name in READINGS and engines()["resizer"] != "native":
        return "Pillow resizes here, within one level of what was recorded"
    return ""


def differences(expected, found):
    """Return a line for each file, or part of an epoch, that is not as it was recorded."""
    told = []
    for name in sorted({*expected, *found}):
        before, now = expected.get(name), found.get(name)
        if before is None:
            told.append(f"{name} is new: nothing was recorded of it")
        elif now is None:
            told.append(f"{name} was recorded, and is missing")
        elif before != now:
            told.append(f"{name} was {before}, is {now}")
    return told


def compare(kind, name, found):
    expected = json.loads(HASHES.read_text())[kind].get(name)
    assert expected is not None, f"nothing is recorded of the case {name}: python {__file__} --write"
    told = differences(expected, found)
    assert not told, "\n".join([f"of the case {name} {len(told)} are not as recorded:", *told])


@pytest.mark.parametrize("name", CASES)
def test_a_packed_data_set_has_the_bytes_that_it_always_had(name, tmp_path):
    if reason := unable(name):
        pytest.skip(reason)
    compare("packed", name, packed(name, tmp_path))


@pytest.mark.parametrize("name", READINGS)
def test_an_epoch_has_the_keys_labels_and_pixels_that_it_always_had(name, tmp_path):
    if reason := unable(name):
        pytest.skip(reason)
    compare("read", name, read(name, tmp_path))


def test_every_recorded_case_is_still_run():
    recorded = json.loads(HASHES.read_text())
    assert sorted(recorded["packed"]) == sorted(CASES)
    assert sorted(recorded["read"]) == sorted(READINGS)


def write():
    """Record the hashes of every case."""
    recorded = {"encoder": ENCODER, "packed": {}, "read": {}}
    for kind, cases, get in (("packed", CASES, packed), ("read", READINGS, read)):
        for name in cases:
            with tempfile.TemporaryDirectory() as folder:
                recorded[kind][name] = get(name, Path(folder))
    HASHES.write_text(json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: python {sys.argv[0]} --write")
    write()
