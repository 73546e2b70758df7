"""Numbers that are too far apart for the labels of a usual network. Pure."""

from collections.abc import Collection
from typing import Final

from wds_imagenet.util.messages import quantity

_USUAL_LABELS: Final = 1_000


def are_far(numbers: Collection[int]) -> bool:
    """Return True for numbers that are no labels of a usual network, such as dates and years.

    Labels are below 1,000, or at least half of the numbers from 0 to the largest are there.
    """
    return max(numbers, default=0) >= max(_USUAL_LABELS, 2 * len(numbers))


def far_labels_note(labels: Collection[int]) -> tuple[str, ...]:
    """Return a note if labels are far apart, as `are_far` finds them."""
    if not are_far(labels):
        return ()
    note = (
        f"the labels reach {max(labels)}, but only {quantity(len(labels), 'labels occur')}: a model needs an "
        "output for each label from 0; with option 'classes', 'pack' numbers them by a class list"
    )
    return (note,)
