"""Soft labels: the label of each crop that is drawn, from the label map beside its image."""

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import CorruptError, UsageError
from wds_imagenet.images.label_pooling import pooled_label
from wds_imagenet.images.native_crop import NativeCrop
from wds_imagenet.images.probe import probe
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.sample import Sample
from wds_imagenet.util.rng import Rng

SUFFIX: Final = "relabel.npy"
CLASSES: Final = 1000  # ReLabel's maps are of ImageNet-1k


def soft_label(sample: Sample, crop: NativeCrop, rng: Rng) -> npt.NDArray[np.float32]:
    """Return the soft label, float32 [1000], of the region that the crop takes with these draws.

    The region lies in the stored picture, as the label map does, whatever its EXIF orientation is. A mirror
    changes nothing. Costs about 100 µs. Raises `CorruptError` for a label map that cannot be read.
    """
    header = probe(sample.members[sample.suffix])
    left, top, right, bottom = crop.region(header, rng).box
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
    """Return the array of floats in a `.npy` of format 1.0, as a view. Raises `ValueError` for any other.

    Unlike `numpy.load`, this allocates no memory that the header merely claims.
    """
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("it is a .npy of another version than 1.0")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if is_fortran or dtype.kind != "f":
        raise ValueError(f"it is an array of {dtype}, or in Fortran's order")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape)
