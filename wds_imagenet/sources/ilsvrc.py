"""The names of ILSVRC2012's images, and what they tell. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.devkit import WNID
from wds_imagenet.sample import make_key
from wds_imagenet.sources.archives import File

PUBLISHED: Final[Mapping[str, int]] = {"train": 1_281_167, "val": 50_000, "test": 100_000}
"""How many images each split was released with."""
CLASS_TAR: Final = re.compile(r"n[0-9]{8}\.tar")
"""The inner archives of the train set, once the outer one was extracted."""

# Hugging Face's copies have the WNID once more, at the end.
_TRAIN: Final = re.compile(r"((n[0-9]{8})_.+?)(?:_(n[0-9]{8}))?\.[A-Za-z]+")
_NUMBERED: Final = re.compile(r"(ILSVRC2012_(val|test)_([0-9]{7,8}))(?:_(n[0-9]{8}))?\.[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Image:
    """An image of ILSVRC2012, and what its name and folders tell."""

    split: str
    """`train`, `val` or `test`."""
    key: str
    """The stem, without what Hugging Face puts behind it."""
    number: int
    """Of a validation or test image, from 1; 0 for one of train."""
    wnid: str | None
    """None where neither the name nor a folder tells."""
    name: str
    url: str
    offset: int
    size: int


def parse(file: File) -> Image | None:
    """Return what a file's name tells; None if it is none of ILSVRC2012.

    Any folders may lie around it. Raises `SourceError` where name and folder contradict each other, or
    a number was never given out.
    """
    *folders, name = file.path.split("/")
    if match := _TRAIN.fullmatch(name):
        split, number = "train", 0
        stem, *wnids = match.groups()
    elif match := _NUMBERED.fullmatch(name):
        stem, split, digits, *wnids = match.groups()
        number = int(digits)
        if not 1 <= number <= PUBLISHED[split]:
            raise SourceError(f"{file.url}: {file.path} has a number that no {split} image has")
    else:
        return None
    wnids += [folder for folder in folders if WNID.fullmatch(folder)]
    told = {wnid for wnid in wnids if wnid}
    if len(told) > 1:
        raise SourceError(f"{file.url}: {file.path} is of the class {' and '.join(sorted(told))} at once")
    key = make_key(f"{stem}.JPEG")
    return Image(split, key, number, next(iter(told), None), name, file.url, file.offset, file.size)
