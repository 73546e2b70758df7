"""Writes drawn classes in the formats in which ImageNet's and Open Images' lists were released."""

import gzip
import io
import json
import random
import tarfile
from pathlib import Path

import numpy as np
from drawn_classes import CLASSES, IMAGES, DrawnClasses
from scipy import io as scipy_io

DEVKIT = "ILSVRC2012_devkit_t12"
TREE = 860  # the classes above the thousand, in meta.mat
REAL_FIRST = ((), (970, 795), (230, 231), (809,), (516, 850), (57,), (334,), (700,), (674,), (332,))
REAL_EMPTY, REAL_AGREES = 3_163, 42_164  # of the released ReaL labels
V1_CLASSES = 7_881
NAMES_BY_LANGUAGE = {
    "ar": {0: "سمك التنش"},
    "cn": {0: "丁鲷"},
    "en": {0: "tench", 134: "crane bird", 517: "construction crane"},
    "it": {0: "una tinca"},
    "jp": {0: "テンチ", 134: "クレーン", 517: "クレーン"},
}
NAMES_BY_ID = {"/m/01yrx": "cat", "/m/0bt9lr": "dog"}
CHINESE_BY_LABEL = {0: "丁桂鱼", 278: "狐狸"}
BOX = """<annotation>
	<folder>VOC2012</folder>
	<filename>{name}.jpg</filename>
	<source><database>The VOC2008 Database</database></source>
	<size><width>500</width><height>375</height><depth>3</depth></size>
	<segmented>0</segmented>
{objects}</annotation>
"""
OBJECT = """	<object>
		<name>{name}</name>
		<pose>Frontal</pose>
		<truncated>0</truncated>
		<occluded>1</occluded>
		<bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox>
		<difficult>0</difficult>
	</object>
"""


def draw_ilsvrc2012(folder: Path, classes: DrawnClasses) -> None:
    """Write the devkit's archive, the sorted WNIDs, and map_clsloc.txt, which goes by ILSVRC2012_ID."""
    (folder / "imagenet_synsets.txt").write_text("".join(f"{wnid}\n" for wnid in classes.wnids))
    rows = [(classes.wnids[i], classes.ids[i], classes.lemmas[i][0].replace(" ", "_")) for i in classes.by_id]
    (folder / "map_clsloc.txt").write_text(
        "".join(f"{wnid} {number} {name}\n" for wnid, number, name in rows)
    )
    rng = np.random.default_rng(13)
    guesses = rng.integers(1, CLASSES + 1, (IMAGES, 5))
    corners = np.sort(rng.integers(1, 1000, (IMAGES, 5, 2, 2)), axis=2).reshape(IMAGES, 5, 4)
    boxed = np.concatenate([guesses[:, :, None], corners], axis=2).reshape(IMAGES, 25)
    files = {
        "readme.txt": b"Drawn by wds-imagenet's tests.\n",
        "COPYING": b"Drawn by wds-imagenet's tests.\n",
        "data/meta.mat": _meta(classes),
        "data/ILSVRC2012_validation_ground_truth.txt": _lines([classes.ids[i]] for i in classes.validation),
        "evaluation/demo.val.pred.txt": _lines(guesses.tolist(), " \n"),
        "evaluation/demo.val.pred.det.txt": _lines(boxed.tolist(), " \n"),
    }
    with (
        gzip.GzipFile(folder / f"{DEVKIT}.tar.gz", "wb", 1, mtime=0) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in ("", "/data", "/evaluation"):
            entry = tarfile.TarInfo(DEVKIT + name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{DEVKIT}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def draw_real(folder: Path, classes: DrawnClasses) -> None:
    """Write real.json: a list of labels for each validation image, as many of them empty as in ReaL."""
    rng = random.Random(14)
    rows = [list(row) for row in REAL_FIRST]
    agreeing = sum(label in row for label, row in zip(classes.validation, rows, strict=False))
    kinds = ["empty"] * (REAL_EMPTY - rows.count([])) + ["agrees"] * (REAL_AGREES - agreeing)
    kinds += ["differs"] * (IMAGES - len(rows) - len(kinds))
    rng.shuffle(kinds)
    for label, kind in zip(classes.validation[len(rows) :], kinds, strict=True):
        others = {(label + rng.randrange(1, CLASSES)) % CLASSES for _ in range(rng.choice((1, 1, 2, 3)))}
        rows.append({"empty": [], "agrees": [label, *others][: len(others)], "differs": [*others]}[kind])
    (folder / "real.json").write_text(json.dumps(rows))


def draw_class_info(folder: Path, classes: DrawnClasses) -> None:
    """Write ImageNet-V2's class_info.json."""
    entries = [
        {"cid": label, "wnid": wnid, "synset": list(names), "gloss": f"drawn, as number {label}"}
        for label, (wnid, names) in enumerate(zip(classes.wnids, classes.lemmas, strict=True))
    ]
    (folder / "class_info.json").write_text(json.dumps(entries, indent=2))


def draw_class_names(folder: Path, classes: DrawnClasses) -> None:
    """Write class names in five languages by label, and in Chinese by ILSVRC2012_ID."""
    for language, known in NAMES_BY_LANGUAGE.items():
        names = [known.get(label, f"{language} {label}") for label in range(CLASSES)]
        if language == "ar":
            names[17] += " "  # the released list has names with spaces at their ends
        (folder / f"{language}.json").write_text(json.dumps({"imagenet1k": names}, indent=1))
    by_label = [CHINESE_BY_LABEL.get(label, f"中文 {label}") for label in range(CLASSES)]
    for label in range(900, 907):  # seven names are shared by two classes
        by_label[label + 10] = by_label[label]
    rows = "".join(f"{number}\t{by_label[label]}\n" for number, label in enumerate(classes.by_id, 1))
    (folder / "imagenet_2012_challenge_label_chinese_map.pbtxt").write_text(rows)


def draw_open_images(folder: Path) -> None:
    """Write Open Images' label names, and its later class lists."""
    names = {f"/{'mg'[i % 9 == 0]}/0{i:05x}": f"drawn {i}" for i in range(V1_CLASSES - len(NAMES_BY_ID))}
    names = dict(sorted((names | NAMES_BY_ID).items()))
    rows = "".join(f'"{label}","{name}"\n' for label, name in names.items())
    (folder / "dict.csv").write_text(rows)
    for name, step in (("all", 1), ("boxable", 13), ("trainable", 2)):
        text = "".join(f"{label}\n" for label in sorted({*list(names)[::step], *NAMES_BY_ID}))
        (folder / f"open_images_classes_{name}.txt").write_text(text)


def draw_boxes(folder: Path) -> None:
    """Write two PASCAL VOC annotation files, laid out as VOC2012's."""
    for name, objects in {
        "2008_004649": {"horse": (185, 110, 264, 299), "person": (168, 58, 276, 217)},
        "2008_004653": {"bottle": (118, 3, 343, 500)},
    }.items():
        inner = "".join(OBJECT.format(*corners, name=kind) for kind, corners in objects.items())
        (folder / f"{name}.xml").write_text(BOX.format(name=name, objects=inner))


def _lines(rows: object, end: str = "\n") -> bytes:
    return "".join(" ".join(map(str, row)) + end for row in rows).encode()


def _meta(classes: DrawnClasses) -> bytes:
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height",
              "num_train_images")  # fmt: skip
    synsets = np.zeros((CLASSES + TREE, 1), [(field, object) for field in fields])
    nothing = np.zeros((1, 0), np.uint8)
    for at, label in enumerate(classes.by_id):
        words = ", ".join(classes.lemmas[label])
        count = np.uint16(classes.train_images[label])
        leaf = (np.uint8(0), nothing, np.uint8(0), count)
        synsets[at, 0] = (np.uint16(at + 1), classes.wnids[label], words, f"drawn: {words}", *leaf)
    for at in range(CLASSES, CLASSES + TREE):
        child = np.array([[at % CLASSES + 1]], np.uint16)
        inner = (np.uint8(1), child, np.uint8(1), np.uint16(0))
        synsets[at, 0] = (np.uint16(at + 1), f"n2{at:07d}", f"kind {at}", "a kind of things", *inner)
    file = io.BytesIO()
    scipy_io.savemat(file, {"synsets": synsets}, do_compression=True)
    return file.getvalue()
