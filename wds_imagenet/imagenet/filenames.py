"""The names of ILSVRC2012's images, and what they tell. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.devkit import WNID
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sample import make_key

PUBLISHED: Final[Mapping[str, int]] = {"train": 1_281_167, "val": 50_000, "test": 100_000}
"""How many images each split was released with."""
CLASS_TAR: Final = re.compile(r"n[0-9]{8}\.tar")
"""The inner archives of the train set, once the outer one was extracted."""

# Hugging Face's copies have the WNID once more, at the end.
_TRAIN: Final = re.compile(r"((n[0-9]{8})_.+?)(?:_(n[0-9]{8}))?")
_NUMBERED: Final = re.compile(r"(ILSVRC2012_(val|test)_([0-9]{7,8}))(?:_(n[0-9]{8}))?")


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What the name of an image tells."""

    split: str
    """`train`, `val` or `test`."""
    key: str
    """The stem, without what Hugging Face puts behind it."""
    number: int
    """Of a validation or test image, from 1; 0 for one of train."""
    wnids: frozenset[str]
    """None or one, unless the name contradicts itself."""


@dataclass(frozen=True, slots=True)
class ImagenetImage:
    """An image of ILSVRC2012, and what its name and folders tell."""

    split: str
    key: str
    number: int
    wnid: str | None
    """None where neither the name nor a folder tells."""
    name: str
    url: str
    offset: int
    size: int

    @property
    def where(self) -> str:
        """Where it lies, for errors."""
        return f"{self.url}: {self.name} at offset {self.offset:,}"


def parse_stem(stem: str) -> ParsedName | None:
    """Return what a name without suffix tells; None if it is none of ILSVRC2012.

    Raises `ValueError` for a number that was never given out.
    """
    if match := _TRAIN.fullmatch(stem):
        split, number = "train", 0
        stem, *wnids = match.groups()
    elif match := _NUMBERED.fullmatch(stem):
        stem, split, digits, *wnids = match.groups()
        number = int(digits)
        if not 1 <= number <= PUBLISHED[split]:
            raise ValueError(f"has a number that no {split} image has")
    else:
        return None
    return ParsedName(split, make_key(f"{stem}.JPEG"), number, frozenset(wnid for wnid in wnids if wnid))


def parse_file(file: ListedFile) -> ImagenetImage | None:
    """Return what a file's name and folders tell; None if it is none of ILSVRC2012.

    Any folders may lie around it. Raises `SourceError` where name and folder contradict each other, or
    a number was never given out.
    """
    *folders, filename = file.path.split("/")
    try:
        name = parse_stem(filename.rpartition(".")[0])
    except ValueError as error:
        raise SourceError(f"{file.url}: {file.path} {error}") from error
    if name is None:
        return None
    told = {*name.wnids, *(folder for folder in folders if WNID.fullmatch(folder))}
    if len(told) > 1:
        raise SourceError(f"{file.url}: {file.path} is of the class {' and '.join(sorted(told))} at once")
    wnid = next(iter(told), None)
    return ImagenetImage(name.split, name.key, name.number, wnid, filename, file.url, file.offset, file.size)
