"""Images from the web: bytes, or the reason why they cannot be had, which is no reason to stop."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final

from wds_imagenet.errors import CorruptError, ImageError, StoreError, UnavailableError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.storage.http_download import CONNECTIONS, PREFIX, Download, Downloader
from wds_imagenet.util.threads import map_ahead

_OUTAGE: Final = 64  # failures in a row that a retry might mend: not the images' fault


def is_download(url: str) -> bool:
    """Whether a reference's URL is one that is downloaded, and not one of a store."""
    return url.startswith(PREFIX)


def download_all(
    references: Sequence[Reference], read: Callable[[Reference], bytes], options: Mapping[str, Any]
) -> Generator[bytes | ImageError, None, None]:
    """Yield each image's bytes in order, or an `ImageError` that says why it cannot be downloaded.

    `read` reads those that are not on the web. At most 16 are under way. Raises `UnavailableError` when so
    many fail in a row, after all retries, that it must be the network; finished shards are kept.
    """
    failed = 0
    with (
        Downloader(options) as downloader,
        closing(
            map_ahead(partial(_image, downloader, read), references, threads=CONNECTIONS, name="download")
        ) as images,
    ):
        for image in images:
            failed = failed + 1 if _may_pass(image) else 0
            if failed == _OUTAGE:
                raise UnavailableError(
                    f"{failed} downloads in a row failed, the last one because: {image!s}. Is the network "
                    "up? Finished shards are kept: run again to go on"
                )
            yield image


def _image(
    downloader: Downloader, read: Callable[[Reference], bytes], reference: Reference
) -> bytes | ImageError:
    if not is_download(reference.url):
        return read(reference)
    try:
        return downloader(Download.parse(reference.url), reference.size)
    except (StoreError, CorruptError) as error:
        failure = ImageError(str(error))
        failure.__cause__ = error
        return failure


def _may_pass(image: bytes | ImageError) -> bool:
    return isinstance(image, ImageError) and isinstance(image.__cause__, UnavailableError)
