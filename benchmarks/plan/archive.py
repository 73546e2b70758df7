"""A synthetic train archive with the layout of ILSVRC's. Its headers are made when they are read."""

from collections.abc import Iterator
from typing import Final

from wds_imagenet.format.tar import RECORD, archive_end, member_header, padded_size
from wds_imagenet.imagenet.filenames import parse_file
from wds_imagenet.inputs.archives.tar_listing import list_archive
from wds_imagenet.sources import Metadata, Reference

CLASSES: Final = 1000
_IMAGE: Final = 109_576  # bytes, the mean of ImageNet's train set
_STEP: Final = RECORD + padded_size(_IMAGE)
_NOTHING: Final[Metadata] = {}


def references(entries: int) -> Iterator[Reference]:
    """Yield a reference for each image of a tar of a thousand tars, from its headers."""
    archive = _Archive(-(-entries // CLASSES))
    for file in list_archive(archive.read, archive.size, "s3://bucket/ILSVRC2012_img_train.tar"):
        image = parse_file(file)
        if image is not None:
            label = int((image.wnid or "n0")[1:])
            yield Reference(image.key, image.url, image.offset, image.size, image.name, label, None, _NOTHING)


class _Archive:
    """The bytes of the archive: its headers, with zeros between them."""

    def __init__(self, images: int) -> None:
        """Lay out so many images for each class."""
        self._images = images
        self._inner = images * _STEP + len(archive_end(images * _STEP))
        self._outer = RECORD + padded_size(self._inner)
        self.size = CLASSES * self._outer + len(archive_end(CLASSES * self._outer))

    def read(self, at: int, size: int) -> bytes:
        """Return the bytes at an offset."""
        label, rest = divmod(at, self._outer)
        if label == CLASSES or size != RECORD:
            return bytes(min(size, self.size - at))
        if not rest:
            return member_header(f"n{label:08d}.tar", self._inner)
        image, rest = divmod(rest - RECORD, _STEP)
        if rest or image >= self._images:
            return bytes(size)
        return member_header(f"n{label:08d}_{image * 7919 % 100_003}.JPEG", _IMAGE)
