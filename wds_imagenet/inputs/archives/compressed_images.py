"""Images in a compressed tar, for sources that return a `Stream`."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.archives.compressed_tar import stream_readers
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.image_files import is_image
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file, no_file_error
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.storage.signatures import identifying_queries
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util import strict_json

STREAM_NOTE: Final = (
    "a compressed archive: hidden and system files, and files beside the images, are ignored and not counted"
)
"""A note for the report, since a stream's notes are written before its files are read."""


def read_streamed_images(
    url: str, options: StorageOptions, make_reference: Callable[[ListedFile], Reference | None]
) -> Iterator[StreamedImage]:
    """Yield the images in a compressed tar. Guarantees, costs and errors are those of `stream_readers`.

    Args:
        url: the archive.
        options: storage options.
        make_reference: returns the reference of a file that is not hidden and not of the system, or None to
            ignore it. A fault in the reference makes it an image that cannot be used.

    Raises:
        SourceError: no image was left at the end.
    """
    empty = True
    with closing(stream_readers(url, options)) as files:
        for file, read in files:
            reference = None if is_ignored(file.path) else make_reference(file)
            if reference is not None:
                empty = empty and reference.fault is not None
                yield StreamedImage(reference, read=partial(_alone, read))
    if empty:
        raise SourceError(f"there are no such images in {url}")


def _alone(read: Callable[[], bytes]) -> tuple[bytes]:
    return (read(),)


def first_image(url: str, options: StorageOptions) -> ListedFile:
    """Return the first image file in a gzipped tar. Costs reading up to the image."""
    with closing(stream_readers(url, options)) as files:
        for file, _ in files:
            if is_image(file.path) and not is_ignored(file.path):
                return file
    raise SourceError(f"there are no images in {url}")


def stream_identity(url: str, options: StorageOptions, labels: object, **more: object) -> Metadata:
    """Return the identity of a gzipped archive, for `Stream.identity`: its name, size and a hash of labels.

    The query of an HTTP URL, without its signature, is a part of the identity.

    Args:
        url: the archive.
        options: storage options.
        labels: a JSON value that determines all labels.
        more: further JSON values of the identity, by name.

    Raises:
        UsageError: there is no such file.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file_error(url)
    _, info = found
    sha256 = hashlib.sha256(strict_json.dumps(labels)).hexdigest()
    queries = identifying_queries([url])
    return {**more, **queries, "file": info.path, "bytes": info.size, "labels_sha256": sha256}
