"""Top-k errors, by the rules of eval_flat.m and of ReaL. Pure."""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from wds_imagenet.evaluation.predictions import Integers

Booleans = npt.NDArray[np.bool_]
Rule: TypeAlias = Literal["each", "any"]
"""How an image with several labels counts.

`each`: its error is the share of its labels that no guess matches (eval_flat.m; one label in ILSVRC).
`any`: its error is 0 if a guess matches any of its labels (ReaL, https://arxiv.org/abs/2006.07159).
"""


def correct_guesses(guesses: Integers, labels: Integers) -> Booleans:
    """Return the guesses that equal a label, bool [N, M, K].

    Args:
        guesses: Labels guessed for each image, int64 [N, K].
        labels: Labels of each image, int64 [N, M]; -1 is no label.
    """
    correct: Booleans = (labels[:, :, None] == guesses[:, None, :]) & (labels >= 0)[:, :, None]
    return correct


def top_errors(correct: Booleans, labels: Integers, rule: Rule) -> tuple[float, ...]:
    """Return the top-1, top-2, … top-K error, each the mean over N images.

    Args:
        correct: The guesses that equal a label, bool [N, M, K].
        labels: Labels of each image, int64 [N, M]; each image has at least one.
        rule: How an image with several labels counts.
    """
    found = np.logical_or.accumulate(correct, axis=2)
    if rule == "any":
        errors = 1.0 - found.any(axis=1)
    else:
        count = (labels >= 0).sum(axis=1)
        errors = 1.0 - found.sum(axis=1) / count[:, None]
    return tuple(float(error) for error in errors.mean(axis=0))
