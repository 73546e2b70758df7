"""Downloads of images from the web: each gives bytes, or an error that does not stop packing."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import Final

from wds_imagenet.errors import CorruptError, ImageError, StoreError, UnavailableError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.storage.http_download import CONNECTIONS, PREFIX, Download, Downloader
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.threads import map_ahead

_OUTAGE: Final = 64  # transient failures in a row, after which the network is to blame and not the images


def is_download(url: str) -> bool:
    """Return True if a reference's URL is downloaded from the web, and not read from a store."""
    return url.startswith(PREFIX)


def download_all(
    references: Sequence[Reference],
    read: Callable[[Reference], bytes | ImageError],
    options: StorageOptions,
    limit: int,
) -> Generator[bytes | ImageError, None, None]:
    """Yield each image's bytes in order, or an `ImageError` with the reason of a failed download.

    At most 16 downloads run concurrently.

    Args:
        references: the images.
        read: reads those that are not on the web.
        options: storage options of the source.
        limit: bytes of one image, at most.

    Raises:
        UnavailableError: 64 downloads in a row failed, after all retries. Finished shards are kept.
    """
    failed = 0
    with (
        Downloader(options, limit) as downloader,
        closing(
            map_ahead(partial(_image, downloader, read), references, threads=CONNECTIONS, name="download")
        ) as images,
    ):
        for image in images:
            failed = failed + 1 if _is_transient(image) else 0
            if failed == _OUTAGE:
                raise UnavailableError(
                    f"{failed} downloads in a row failed, the last one because: {image!s}. Is the network "
                    "up? Finished shards are kept: run again to go on"
                )
            yield image


def _image(
    downloader: Downloader, read: Callable[[Reference], bytes | ImageError], reference: Reference
) -> bytes | ImageError:
    if not is_download(reference.url):
        return read(reference)
    try:
        return downloader(Download.parse(reference.url), reference.size)
    except (StoreError, CorruptError) as error:
        failure = ImageError(str(error))
        failure.__cause__ = error
        return failure


def _is_transient(image: bytes | ImageError) -> bool:
    return isinstance(image, ImageError) and isinstance(image.__cause__, UnavailableError)
