"""`real`: ReaL, new labels of ILSVRC2012's validation images.

Source: Beyer et al., "Are we done with ImageNet?", 2020.

Format: `real.json` is a list of 50,000 lists of labels 0 to 999. The first list is that of
`ILSVRC2012_val_00000001`. (The example in ReaL's README has `i+i` for `i+1`.)
"""

import hashlib
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.devkit import CLASSES, VALIDATION_IMAGES
from wds_imagenet.imagenet.stems import validation_number
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

FIELD: Final = "real_labels"
_MAX_BYTES: Final = 8 << 20


def real(url: str, storage_options: StorageOptions = NO_OPTIONS) -> Labels:
    """Read ReaL, `real.json`: `real_labels`, all correct labels of each validation image.

    The labels of an image are in the file's order, which has no meaning. The metric leaves out images
    without labels; 3,163 have none.

    Args:
        url: the file.
        storage_options: storage options.

    Raises:
        SourceError: the file is not 50,000 lists of different labels; the message gives the image.
    """
    data = read_file(url, storage_options, unzips=True)
    try:
        value = strict_json.loads(data, max_bytes=_MAX_BYTES)
    except ValueError as error:
        raise SourceError(f"{url} is not valid JSON: {error}") from error
    if not isinstance(value, list) or len(value) != VALIDATION_IMAGES:
        found = f"{len(value):,} entries" if isinstance(value, list) else f"a {type(value).__name__}"
        raise SourceError(f"{url} has {found}, not a list of {VALIDATION_IMAGES:,} lists")
    for number, labels in enumerate(value, 1):
        _check(labels, f"{url}, image {number:,} (index {number - 1:,})")

    def find(stem: str) -> Annotation | None:
        number = validation_number(stem)
        return None if number is None else Annotation(metadata={FIELD: value[number - 1]})

    empty = sum(not labels for labels in value)
    note = f"{empty:,} of {len(value):,} images have no ReaL label and must not be scored"
    sha256 = hashlib.sha256(strict_json.dumps(value)).hexdigest()
    notes = (note,) if empty else ()
    return Labels(url, find, len(value), fields={FIELD: "list"}, notes=notes, sha256=sha256)


def _check(labels: Any, where: str) -> None:  # noqa: ANN401 - JSON
    if not isinstance(labels, list):
        raise SourceError(f"{where}: {labels!r:.60} is not a list")
    for label in labels:
        if type(label) is not int or not 0 <= label < CLASSES:
            raise SourceError(f"{where}: {label!r:.60} is not a label from 0 to {CLASSES - 1}")
    if len(set(labels)) < len(labels):
        raise SourceError(f"{where}: {labels!r:.60} has a label twice")
