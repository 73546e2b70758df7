"""The true boxes of a benchmark, and the images that localisation leaves out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wds_imagenet.errors import SourceError
from wds_imagenet.evaluation.accuracy import Booleans
from wds_imagenet.evaluation.conventions import ClassIds
from wds_imagenet.evaluation.predictions import Integers, Reals
from wds_imagenet.labels.annotation import Annotation

_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class TrueBoxes:
    """T boxes in N images."""

    url: str
    """The file that has them."""
    rows: Integers
    """The image of each box, int64 [T]."""
    labels: Integers
    """The label of each box, int64 [T]; -1 if its class is unknown."""
    boxes: Reals
    """xmin, ymin, xmax, ymax of each box, float64 [T, 4], in inclusive pixels."""
    annotated: Booleans
    """The images that the file annotates, bool [N]."""
    blacklisted: Booleans
    """The images that localisation leaves out, bool [N]."""


def true_boxes(
    url: str,
    annotations: Sequence[Annotation | None],
    blacklisted: Sequence[bool] | Booleans,
    classes: ClassIds,
) -> TrueBoxes:
    """Return the boxes of N images. Raises `SourceError` if there is none.

    Args:
        url: The file of the annotations, for messages.
        annotations: The annotation of each image, with `boxes` in its metadata; None for an unknown image.
        blacklisted: True for each image that localisation leaves out.
        classes: The WNIDs by label.
    """
    labels = {wnid: label for label, wnid in enumerate(classes.wnids or ())}
    flat = [
        (row, labels.get(box.get("wnid", ""), -1), [float(box[side]) for side in _SIDES])
        for row, annotation in enumerate(annotations)
        for box in (annotation.metadata["boxes"] if annotation else ())
    ]
    if not flat:
        raise SourceError(f"{url} has no box in any image of the validation set")
    rows, box_labels, sides = zip(*flat, strict=True)
    return TrueBoxes(
        url,
        np.array(rows, np.int64),
        np.array(box_labels, np.int64),
        np.array(sides, np.float64),
        np.array([annotation is not None for annotation in annotations], np.bool_),
        np.array(blacklisted, np.bool_),
    )
