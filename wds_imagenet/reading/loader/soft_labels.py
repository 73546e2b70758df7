"""Soft labels: of each crop that is drawn, from the label map that lies beside its image."""

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import CorruptError, UsageError
from wds_imagenet.images.label_pooling import pooled_label
from wds_imagenet.images.probe import probe
from wds_imagenet.images.transforms import RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import Rng

SUFFIX: Final = "relabel.npy"
CLASSES: Final = 1000
"""Of ImageNet-1k, whose label maps these are."""


def soft_label(
    sample: Sample, transform: RandomResizedCrop | ResizeCenterCrop, rng: Rng
) -> npt.NDArray[np.float32]:
    """Return the soft label, float32 [1000], of the crop that the transform takes with these draws.

    The crop is that of the stored picture, as the label map's was, whatever its EXIF says; a mirror
    changes nothing. Costs about 100 µs. Raises `CorruptError` for a label map that is none.
    """
    header = probe(sample.members[sample.suffix])
    left, top, right, bottom = transform.window(header, rng).box
    x, y = (left / header.width, right / header.width), (top / header.height, bottom / header.height)
    box = max(0.0, x[0]), max(0.0, y[0]), min(1.0, x[1]), min(1.0, y[1])  # rounding may carry it outside
    try:
        return pooled_label(read_array(bytes(sample.members[SUFFIX])), box, CLASSES)
    except KeyError:
        raise CorruptError(f"sample {sample.key!r} has no {SUFFIX}") from None
    except (ValueError, UsageError) as error:
        raise CorruptError(f"sample {sample.key!r}: its {SUFFIX} cannot be used: {error}") from error


def check_label_maps(dataset: Dataset) -> None:
    """Raise `UsageError` if the samples have no label maps."""
    if dataset.suffixes and SUFFIX not in dataset.suffixes:
        raise UsageError(
            f"the samples of {dataset.url} have no {SUFFIX}, only {', '.join(dataset.suffixes)}: name the "
            "layer that has the label maps, or write one with 'wds-imagenet add-layer'"
        )


def read_array(data: bytes) -> npt.NDArray[Any]:
    """Return the array of a `.npy` of floats, format 1.0, as a view. Raises `ValueError` for any other.

    Not `numpy.load`, which allocates whatever the header claims.
    """
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("it is a .npy of another version than 1.0")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if is_fortran or dtype.kind != "f":
        raise ValueError(f"it is an array of {dtype}, or in Fortran's order")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape)
