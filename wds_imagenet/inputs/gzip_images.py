"""A gzipped archive as a stream: what it is, and its images one after the other."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.gzip_tar import stream_files
from wds_imagenet.inputs.image_files import is_hidden, is_image
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file, no_file_error
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util import strict_json

STREAM_NOTE = "a gzipped archive: files that are no images are passed over and not counted"


def read_streamed_images(
    url: str, options: StorageOptions, refer: Callable[[ListedFile], Reference | None]
) -> Iterator[StreamedImage]:
    """Yield every image in the gzipped archive at a URL that `refer` has a reference for.

    Hidden files and those that are no images by their names are passed over. Guarantees and costs are
    those of `stream_files`. Raises `SourceError` if it was none in the end.
    """
    arrived = False
    with closing(stream_files(url, options)) as files:
        for file, data in files:
            reference = refer(file) if is_image(file.path) and not is_hidden(file.path) else None
            if reference is not None:
                arrived = True
                yield StreamedImage(reference, data)
    if not arrived:
        raise SourceError(f"there are no such images in {url}")


def first_image(url: str, options: StorageOptions) -> ListedFile:
    """Return the first image in the gzipped archive at a URL. Costs reading up to there."""
    with closing(stream_files(url, options)) as files:
        for file, _ in files:
            if is_image(file.path) and not is_hidden(file.path):
                return file
    raise SourceError(f"there are no images in {url}")


def stream_identity(url: str, options: StorageOptions, told: object, **more: object) -> Metadata:
    """Return the identity of a stream: the archive's name and size, and a hash of all told of its labels.

    `told` and `more` are JSON values. Raises `SourceError` if the archive is gone.
    """
    found = find_file(url, options)
    if found is None:
        raise no_file_error(url)
    _, info = found
    sha256 = hashlib.sha256(strict_json.dumps(told)).hexdigest()
    return {**more, "file": info.path, "bytes": info.size, "labels_sha256": sha256}
