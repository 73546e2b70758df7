"""The names of ILSVRC2012's images: split, number and class. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.devkit import WNID
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.image_files import key_path, suffix_of
from wds_imagenet.sample import make_key

PUBLISHED: Final[Mapping[str, int]] = {"train": 1_281_167, "val": 50_000, "test": 100_000}
"""The number of images in the release, by split."""
CLASS_TAR: Final = re.compile(r"n[0-9]{8}\.tar")
"""The name of an inner archive of the train set, as in an extracted outer archive."""

# Hugging Face's copies append the WNID to the stem.
_TRAIN: Final = re.compile(r"((n[0-9]{8})_.+?)(?:_(n[0-9]{8}))?")
_VAL_OR_TEST: Final = re.compile(r"(ILSVRC2012_(val|test)_([0-9]{7,8}))(?:_(n[0-9]{8}))?")


@dataclass(frozen=True, slots=True)
class ParsedName:
    """The parts of an image's stem."""

    split: str
    """`train`, `val` or `test`."""
    key: str
    """The stem, without the WNID that Hugging Face appends."""
    number: int
    """The number of a validation or test image, from 1; 0 for an image of train."""
    wnids: frozenset[str]
    """The WNIDs in the stem: none, one, or two that contradict each other."""


@dataclass(frozen=True, slots=True)
class ImagenetImage:
    """An image file of ILSVRC2012, with the facts in its name and folders."""

    split: str
    key: str
    number: int
    wnid: str | None
    """The class; None if neither the name nor a folder contains it."""
    name: str
    url: str
    offset: int
    size: int

    @property
    def where(self) -> str:
        """Return the image's place, for errors."""
        return f"{self.url}: {self.name} at offset {self.offset:,}"


def parse_stem(stem: str) -> ParsedName | None:
    """Return the parts of a stem; None if no image of ILSVRC2012 has such a stem.

    Raises `ValueError` for a number beyond those of the split.
    """
    if match := _TRAIN.fullmatch(stem):
        split, number = "train", 0
        stem, *wnids = match.groups()
    elif match := _VAL_OR_TEST.fullmatch(stem):
        stem, split, digits, *wnids = match.groups()
        number = int(digits)
        if not 1 <= number <= PUBLISHED[split]:
            raise ValueError(f"has a number that no {split} image has")
    else:
        return None
    return ParsedName(split, make_key(f"{stem}.JPEG"), number, frozenset(wnid for wnid in wnids if wnid))


def parse_file(file: ListedFile) -> ImagenetImage | None:
    """Return the image in a listed file, in any folders; None if its name is not one of ILSVRC2012.

    Raises `SourceError` if name and folders contradict each other, or for a number beyond those of the split.
    """
    *folders, filename = file.path.split("/")
    try:
        name = parse_stem(filename[: -len(suffix_of(filename)) - 1] if suffix_of(filename) else filename)
    except ValueError as error:
        raise SourceError(f"{file.url}: {file.path} {error}") from error
    if name is None:
        return None
    wnids = {*name.wnids, *(folder for folder in folders if WNID.fullmatch(folder))}
    if len(wnids) > 1:
        raise SourceError(f"{file.url}: {file.path} is of the class {' and '.join(sorted(wnids))} at once")
    wnid = next(iter(wnids), None)
    key = name.key if key_path(filename) == filename else make_key(key_path(filename))
    return ImagenetImage(name.split, key, name.number, wnid, filename, file.url, file.offset, file.size)
