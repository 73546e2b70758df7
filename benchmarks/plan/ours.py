"""wds-imagenet: references spooled to disk."""

from archive import CLASSES, references  # type: ignore[import-not-found]  # beside this script

from wds_imagenet.sources import Listing
from wds_imagenet.sources.spool import spool_in_order


def listing(entries: int) -> Listing:
    """List a synthetic train archive."""
    found = spool_in_order(references(entries), key=lambda reference: reference.key)
    return Listing(found, tuple({"name": f"class {label}"} for label in range(CLASSES)))
