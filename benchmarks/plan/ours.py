"""wds-imagenet: references spilled to disk."""

from archive import CLASSES, references  # type: ignore[import-not-found]  # beside this script

from wds_imagenet.inputs.spilled.references import spill_in_order
from wds_imagenet.sources import Listing


def listing(entries: int) -> Listing:
    """List a synthetic train archive."""
    found = spill_in_order(references(entries), key=lambda reference: reference.key)
    return Listing(found, tuple({"name": f"class {label}"} for label in range(CLASSES)))
