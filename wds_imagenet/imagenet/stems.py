"""The stems under which label files list images, without the additions of copies."""

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.filenames import ParsedName, parse_stem


def released_stem(stem: str) -> str:
    """Return the stem under which ILSVRC2012 released an image; any other stem unchanged.

    Hugging Face's copies append the WNID: `ILSVRC2012_val_00000293_n01440764`. Raises `SourceError` for a
    number beyond those of the split.
    """
    name = _parse(stem)
    return stem if name is None else name.key


def validation_number(stem: str) -> int | None:
    """Return the number of a validation image of ILSVRC2012, 1 to 50,000; None for any other stem.

    Raises `SourceError` for a number beyond those of the split.
    """
    name = _parse(stem)
    return name.number if name is not None and name.split == "val" else None


def _parse(stem: str) -> ParsedName | None:
    try:
        return parse_stem(stem)
    except ValueError as error:
        raise SourceError(f"the image {stem} {error}") from error
