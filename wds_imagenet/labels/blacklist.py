"""`blacklist`: the validation images that ILSVRC's localisation has left out since 2013.

Format: `ILSVRC2014_clsloc_validation_blacklist.txt` of the later devkits has 1,762 lines, each the number
in the name of a validation image, from 1.
"""

import hashlib
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.devkit import VALIDATION_IMAGES
from wds_imagenet.imagenet.stems import validation_number
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

FIELD: Final = "blacklisted"
LENGTH: Final = 1762
_MAX_BYTES: Final = 1 << 20


def blacklist(url: str, storage_options: StorageOptions = NO_OPTIONS) -> Labels:
    """Read the blacklist of the devkits of 2013 and later: `blacklisted`, for every validation image.

    The blacklist concerns only the localisation error; the classification error counts all images.

    Args:
        url: the file.
        storage_options: storage options.

    Raises:
        SourceError: the file is not 1,762 different numbers from 1 to 50,000; the message gives the line.
    """
    numbers: set[int] = set()
    lines = (
        read_file(url, storage_options, max_bytes=_MAX_BYTES, unzips=True)
        .removeprefix(b"\xef\xbb\xbf")
        .splitlines()
    )
    for line_number, line in enumerate(lines, 1):
        text = line.strip()
        number = int(text) if text.isdigit() and len(text) < 9 else 0
        if not 1 <= number <= VALIDATION_IMAGES:
            raise SourceError(f"{url}, line {line_number:,}: {line[:40]!r} is not a number from 1 to 50,000")
        if number in numbers:
            raise SourceError(f"{url}, line {line_number:,}: {number} is listed twice")
        numbers.add(number)
    if len(numbers) != LENGTH:
        raise SourceError(f"{url} has {len(numbers):,} lines; the blacklist has {LENGTH:,}")

    def find(stem: str) -> Annotation | None:
        number = validation_number(stem)
        return None if number is None else Annotation(metadata={FIELD: number in numbers})

    sha256 = hashlib.sha256(strict_json.dumps(sorted(numbers))).hexdigest()
    return Labels(url, find, VALIDATION_IMAGES, fields={FIELD: "boolean"}, sha256=sha256)
