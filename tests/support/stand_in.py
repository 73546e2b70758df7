"""Draws a folder with the layout of `../shared/data`, for machines without the real data.

Photographs are crops of those in scikit-image's wheel; WNIDs and names are those of the class lists in
timm's. All else is drawn: numbers, labels, ReaL's labels, translated names, Open Images' lists, boxes. A
drawn file has the form, length and order of the real one. Tests of facts that only the real files have are
marked `genuine`.
"""

import importlib.util
import shutil
from pathlib import Path

import drawn_jpegs
import drawn_lists
from drawn_classes import draw_classes

MODULES = ("stand_in.py", "drawn_jpegs.py", "drawn_classes.py", "drawn_lists.py")


def find_package(name: str) -> Path:
    """Return the folder of an installed package, without importing it; raise LookupError if there is none."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"{name}, which bin/setup dev installs, is not installed")
    return Path(spec.submodule_search_locations[0])


def draw_data(folder: Path) -> None:
    """Write the whole folder; it appears at its path only once it is complete.

    Args:
        folder: where the data shall lie; its parent exists.

    Raises:
        LookupError: scikit-image or timm is not installed.
    """
    pictures = drawn_jpegs.read_pictures(find_package("skimage") / "data")
    released = find_package("timm") / "data" / "_info"
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    classes = draw_classes(released)
    for name, draw in {
        "imagenet-sample": lambda path: drawn_jpegs.draw_sample(path, classes, pictures),
        "jpeg-corner-cases": lambda path: drawn_jpegs.draw_corner_cases(path, pictures),
        "ilsvrc2012": lambda path: drawn_lists.draw_ilsvrc2012(path, classes),
        "imagenet-21k": lambda path: _copy_lists(released, path),
        "real": lambda path: drawn_lists.draw_real(path, classes),
        "imagenet-v2": lambda path: drawn_lists.draw_class_info(path, classes),
        "class-names": lambda path: drawn_lists.draw_class_names(path, classes),
        "open-images": drawn_lists.draw_open_images,
        "boxes": drawn_lists.draw_boxes,
    }.items():
        (unfinished / name).mkdir()
        draw(unfinished / name)
    unfinished.rename(folder)


def _copy_lists(released: Path, folder: Path) -> None:
    for pattern in ("imagenet2*_synsets.txt", "imagenet_synset_to_lemma.txt"):
        for path in released.glob(pattern):
            shutil.copyfile(path, folder / path.name)
