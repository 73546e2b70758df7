"""Checks of trees whose labels and captions lie elsewhere, or are none. Pure."""

import re
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.companions import Companions
from wds_imagenet.inputs.spilled.references import SpilledReferences

_YOLO: Final = re.compile(r"(?:[0-9]+(?: +[0-9.eE+-]+){4,}\s*)+")


def check_sidecars(url: str, images: SpilledReferences, companions: Companions, *, captions: bool) -> None:
    """Check images and the contents of their sidecar files.

    Args:
        url: the tree, for errors.
        images: the images, with the contents of their sidecar files as metadata.
        companions: the other files.
        captions: True if the `.txt` files are captions.

    Raises:
        SourceError: no image has a sidecar file, but there is a table; or each `.txt` has YOLO's boxes.
    """
    annotated = False
    captions = captions and any("txt" in image.metadata for image in images)
    first = ""
    for image in images:
        annotated = annotated or bool(image.metadata)
        text = image.metadata.get("txt")
        first = first or (image.name if text else "")
        captions = captions and (not text or _YOLO.fullmatch(text) is not None)
    if captions and first:
        raise SourceError(
            f"{url}: the .txt files hold boxes as YOLO writes them, such as that of {first}, and no "
            "captions: leave them out by option caption_field=''"
        )
    if not annotated and companions.table is not None:
        raise SourceError(
            f"{url}: no image has a label or caption in a file of its name, but {companions.table} may have "
            "them: give a JSON as option 'annotations', give a table to 'pack table', or move it away"
        )
