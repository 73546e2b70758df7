"""Top-k errors. Pure."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from wds_imagenet.evaluation.predictions import Integers

Booleans = npt.NDArray[np.bool_]
Rule: TypeAlias = Literal["each", "any"]
"""`each`: an image's error is the share of its labels that are missed, as in the devkit's eval_flat.m, where
ILSVRC has one label an image. `any`: it is 0 if any of its labels is met, as in ReaL."""


def met(guesses: Integers, labels: Integers) -> Booleans:
    """Return which guess [N, K] is which label [N, M] of its image, as [N, M, K]; -1 is no label."""
    matched: Booleans = (labels[:, :, None] == guesses[:, None, :]) & (labels >= 0)[:, :, None]
    return matched


def top_errors(matched: Booleans, labels: Integers, rule: Rule) -> tuple[float, ...]:
    """Return the top-1, top-2, … top-K error: the mean over the N images, each of which has a label."""
    found = np.logical_or.accumulate(matched, axis=2)
    if rule == "any":
        missed = 1.0 - found.any(axis=1)
    else:
        count = (labels >= 0).sum(axis=1)
        missed = 1.0 - found.sum(axis=1) / count[:, None]
    return tuple(float(error) for error in missed.mean(axis=0))
