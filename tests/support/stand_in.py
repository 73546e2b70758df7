"""Draws a folder with the layout of `../shared/data`, for machines without the real data.

Every file is made here, from the sample photographs in scikit-image's wheel and from drawn class lists. A drawn
list has a real list's form, length and order; only the classes that tests name have their real WNIDs and numbers.
21K lists and arithmetic-coded JPEGs cannot be drawn: tests that need those ask for the `genuine` fixture.
"""

import shutil
from pathlib import Path

import drawn_jpegs
import drawn_lists
from drawn_classes import draw_classes

MODULES = ("stand_in.py", "drawn_jpegs.py", "drawn_classes.py", "drawn_lists.py")


def draw_data(folder: Path) -> None:
    """Write the whole folder; it appears at its path only once it is complete.

    Args:
        folder: where the data shall lie; its parent exists.

    Raises:
        LookupError: scikit-image's photographs are not installed.
    """
    pictures = drawn_jpegs.read_pictures()
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    classes = draw_classes()
    for name, draw in {
        "imagenet-sample": lambda path: drawn_jpegs.draw_sample(path, classes, pictures),
        "jpeg-corner-cases": lambda path: drawn_jpegs.draw_corner_cases(path, pictures),
        "ilsvrc2012": lambda path: drawn_lists.draw_ilsvrc2012(path, classes),
        "real": lambda path: drawn_lists.draw_real(path, classes),
        "imagenet-v2": lambda path: drawn_lists.draw_class_info(path, classes),
        "class-names": lambda path: drawn_lists.draw_class_names(path, classes),
        "open-images": drawn_lists.draw_open_images,
        "boxes": drawn_lists.draw_boxes,
    }.items():
        (unfinished / name).mkdir()
        draw(unfinished / name)
    unfinished.rename(folder)
