"""Where the objects truly are, and which images a benchmark does not localise in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wds_imagenet.errors import SourceError
from wds_imagenet.evaluation.accuracy import Booleans
from wds_imagenet.evaluation.conventions import ClassTable
from wds_imagenet.evaluation.predictions import Integers, Reals
from wds_imagenet.labels.annotation import Annotation

_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class TrueBoxes:
    """T boxes in N images."""

    url: str
    rows: Integers
    """[T]: which image each is in."""
    labels: Integers
    """[T]: what it shows, -1 if that is none of the classes."""
    boxes: Reals
    """[T, 4]: xmin, ymin, xmax, ymax, in pixels, all inclusive."""
    known: Booleans
    """[N]: the images that the file says anything of."""
    skipped: Booleans
    """[N]: the images of the blacklist, which count for the class only."""


def true_boxes(
    url: str, found: Sequence[Annotation | None], skipped: Sequence[bool] | Booleans, table: ClassTable
) -> TrueBoxes:
    """Return the boxes that a label file gives for each of N images. Raises `SourceError` if none."""
    labels = {wnid: label for label, wnid in enumerate(table.wnids or ())}
    flat = [
        (row, labels.get(box.get("wnid", ""), -1), [float(box[side]) for side in _SIDES])
        for row, said in enumerate(found)
        for box in (said.metadata["boxes"] if said else ())
    ]
    if not flat:
        raise SourceError(f"{url} has no box in any image of the validation set")
    rows, shown, sides = zip(*flat, strict=True)
    return TrueBoxes(
        url,
        np.array(rows, np.int64),
        np.array(shown, np.int64),
        np.array(sides, np.float64),
        np.array([said is not None for said in found], np.bool_),
        np.array(skipped, np.bool_),
    )
