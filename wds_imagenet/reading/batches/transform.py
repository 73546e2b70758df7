"""The contract of a transform, and the facts about one that decide how a batch is filled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import UsageError
from wds_imagenet.images.crop import RandomCropRule
from wds_imagenet.images.native_crop import NativeCrop
from wds_imagenet.reading.batches.decoded_sample import DecodedSample

Array: TypeAlias = npt.NDArray[Any]
SampleFunction: TypeAlias = Callable[[DecodedSample], npt.NDArray[np.generic]]
"""Returns an array; the arrays of a batch must have one shape, and are stacked."""

_NUMBERS: Final = "biufc"


class Transform(Protocol):
    """The contract of a transform: an object that turns each sample into one row of a batch.

    A transform has the attribute `shape`, the shape of its results. It writes each result into the memory of
    the batch. If `shape` is None, the results may differ in shape. Then the loader calls the transform
    without `out`, the transform returns an array, and `Batch.images` is a list. A transform may have a
    `dtype`, one of NumPy's numbers; the default is uint8. Results [H, W, 3] appear in `Batch.images` as
    [3, H, W], in channels-last memory.

    Several threads use one instance at the same time. Take random numbers only from `sample.rng`. Then the
    results do not depend on the world size, the number of threads, or a resume.

    The loader also accepts two simpler kinds of transform. One is a plain function of a `DecodedSample`; the
    loader stacks the arrays that it returns. The other is a `NativeCrop`; the native engine renders its
    regions.
    """

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of every result, such as (height, width, 3); None if they differ."""

    def __call__(self, sample: DecodedSample, out: Array, /) -> object:
        """Fill `out`, one row of the batch, whose content is undefined. Return `out` or None."""


TransformLike: TypeAlias = Transform | NativeCrop | SampleFunction
"""Any object that a loader takes as its transform."""


@dataclass(frozen=True, slots=True)
class TransformTraits:
    """The facts about a transform that decide how batches are filled, read from its attributes."""

    shape: tuple[int, ...] | None
    """The shape of each result, where the batch's memory can be taken before they are made."""
    dtype: np.dtype[Any]
    is_listed: bool
    """True if `Batch.images` is a list, since the results announce no common shape."""
    crop: NativeCrop | None
    """The transform itself, if it describes a region for the native engine."""
    rule: RandomCropRule | None
    """The distribution from which the native engine draws that region itself."""


def traits_of(transform: Any) -> TransformTraits:  # noqa: ANN401 - users pass anything
    """Return the facts about a transform. Raises `UsageError` for an object that is none."""
    if isinstance(transform, type):
        raise UsageError(f"the transform is the class {transform.__name__}: pass one of its instances")
    is_shaped = hasattr(transform, "shape")
    shape = _checked_shape(transform, transform.shape) if is_shaped else None
    dtype = _checked_dtype(transform, getattr(transform, "dtype", np.uint8)) if is_shaped else np.dtype("u1")
    crop: NativeCrop | None = transform if callable(getattr(transform, "region", None)) else None
    if crop is None and not callable(transform):
        raise UsageError(f"the transform {transform!r} cannot be called")
    if crop is not None and (shape is None or len(shape) != 3 or shape[2] != 3 or dtype != np.uint8):
        raise UsageError(
            f"the transform {transform!r} has a region: its shape must be (height, width, 3), and its dtype "
            "uint8"
        )
    rule: RandomCropRule | None = None if crop is None else getattr(crop, "rule", None)
    if rule is not None and shape != (rule.size, rule.size, 3):
        raise UsageError(
            f"the transform {transform!r} has the shape {shape}, and a rule for {rule.size} × {rule.size}"
        )
    return TransformTraits(shape, dtype, is_shaped and shape is None, crop, rule)


def result_of(made: object) -> Array:
    """Return the array that a transform returned. Raises `UsageError` for anything but numbers."""
    try:
        row = np.asarray(made)
    except ValueError:  # nested lists of several lengths
        row = np.asarray(None)
    if row.dtype.kind not in _NUMBERS:
        raise UsageError(
            f"the transform returned {type(made).__name__}, where an array of numbers belongs: the image, "
            "or whatever of it is to be stacked in Batch.images; labels, captions and JSON come by themselves"
        )
    return row


def check_filled(made: object, out: Array) -> None:
    """Raise `UsageError` unless a transform that was given `out` returned None or `out` itself."""
    if (
        made is not None
        and made is not out
        and not (isinstance(made, np.ndarray) and np.may_share_memory(made, out))
    ):
        raise UsageError(
            f"the transform has a shape, and returned another {type(made).__name__}: write the result into "
            "out, and return out or None"
        )


def _checked_shape(transform: object, shape: object) -> tuple[int, ...] | None:
    if shape is None:
        return None
    if not isinstance(shape, tuple) or not all(type(side) is int and side > 0 for side in shape):
        raise UsageError(
            f"the transform {transform!r} has the shape {shape!r}: give a tuple of sizes, or None"
        )
    return shape


def _checked_dtype(transform: object, dtype: Any) -> np.dtype[Any]:  # noqa: ANN401 - users pass anything
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind not in _NUMBERS:
        raise UsageError(f"the transform {transform!r} has the dtype {dtype!r}: give one of NumPy's numbers")
    return found
