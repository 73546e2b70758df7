"""Listings: a whole data set as references, its classes and notes."""

from collections.abc import Sequence
from dataclasses import dataclass

from wds_imagenet.inputs.reference import Metadata, Reference


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole data set, listed. A source returns it where every image can be read at random."""

    references: Sequence[Reference]
    """In the source's natural order, which depends on names and not on the order of the store's listing."""
    classes: tuple[Metadata, ...] = ()
    """Metadata of class 0, 1, …, merged into the JSON of each sample of the class. All classes have the same
    fields, and `name` is one of them."""
    notes: tuple[str, ...] = ()
    """Facts for the user, such as a count that differs from the published one."""
    split: str | None = None
    """`train`, `validation` or `test`, or None where the source cannot find the split."""
    partly_labelled: bool = False
    """True if images without a label may lie among images with one; their label is then written as -1."""
