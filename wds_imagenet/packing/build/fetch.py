"""Fetching the bytes of references and of their attachments."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from wds_imagenet.errors import (
    CorruptError,
    DeniedError,
    ImageError,
    NotFoundError,
    SourceError,
    StoreError,
    TooLargeError,
    WdsImagenetError,
)
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.build.downloads import download_all, is_download
from wds_imagenet.packing.plan.faults import too_many_bytes
from wds_imagenet.packing.plan.source_urls import describe, locate
from wds_imagenet.storage import Store, open_store
from wds_imagenet.storage.store import MAX_READ, StorageOptions
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 16  # concurrent reads from a store behind a network
_MAX_STORES: Final = 4096
_OUTAGE: Final = 64  # missing files in a row, after which the disk is to blame and not the images
_Read = TypeVar("_Read")


class _ChangedFileError(SourceError):
    """A file has another size than was listed."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Reads references from any store, with one client a bucket, host or folder. Picklable."""

    options: StorageOptions
    """Storage options of the source."""
    _stores: dict[str, Store] = field(default_factory=dict, repr=False)

    def __call__(self, reference: Reference) -> bytes:
        """Return exactly the bytes that were listed. Costs one request.

        Raises:
            SourceError: the file has another size than the listing.
            StoreError: the store cannot read it; a note names the reference.
        """
        return self._read(reference, MAX_READ)

    def image(self, reference: Reference, limit: int = MAX_READ) -> bytes | ImageError:
        """Return the bytes of an image, or the error of one that is gone, changed or larger than `limit`."""
        try:
            return self._read(reference, limit)
        except TooLargeError:
            return ImageError(too_many_bytes(None, limit))
        except _ChangedFileError as error:
            return ImageError(str(error))
        except (NotFoundError, DeniedError) as error:
            # An archive with many images is gone, or a whole bucket is denied.
            denied = isinstance(error, DeniedError) and self._is_remote(locate(reference.url)[0])
            if reference.offset or denied:
                raise
            failure = ImageError(str(error))
            failure.__cause__ = error
            return failure

    def _read(self, reference: Reference, limit: int) -> bytes:
        size = reference.size
        try:
            data, found = self._fetched(reference, limit)
        except WdsImagenetError as error:
            error.add_note(f"while reading {describe(reference)}")
            raise
        if reference.offset == 0 and size is not None and found != size:  # a file of its own
            raise _ChangedFileError(
                f"{describe(reference)} has {found:,} bytes, but {size:,} were listed: it has changed "
                "meanwhile; pack again"
            )
        return data

    def _fetched(self, reference: Reference, limit: int) -> tuple[bytes, int]:
        """Return no more bytes than were listed, and the size of the file at this moment."""
        url, path = locate(reference.url)
        size, start = reference.size, reference.offset
        store = self._store(url)
        if size is None:
            data = store.read(path, start, limit=limit).data
            return data, len(data)
        try:
            blob = store.read(path, start, start + size, limit=size)
        except CorruptError:
            if start:
                raise
            return b"", store.info(path).size
        return blob.data, len(blob.data) if blob.info is None else blob.info.size

    def all(self, references: Sequence[Reference]) -> Generator[bytes, None, None]:
        """Yield the bytes of each reference, in order; over a network, up to 16 are read concurrently."""
        yield from self._all(self, references)

    def _all(
        self, read: Callable[[Reference], _Read], references: Sequence[Reference]
    ) -> Generator[_Read, None, None]:
        stores = {locate(url)[0] for reference in references for url in _urls(reference)}
        if any(self._is_remote(url) for url in stores):
            yield from map_ahead(read, references, threads=_THREADS, name="fetch")
        else:
            yield from map(read, references)

    def images(
        self, references: Sequence[Reference], limit: int = MAX_READ
    ) -> Generator[bytes | ImageError, None, None]:
        """Yield the bytes of each image as `all` does, or the error of an image that cannot be had.

        Args:
            references: the images.
            limit: bytes of one image, at most.

        Raises:
            SourceError: 64 files in a row are gone.
        """
        usable = [reference for reference in references if reference.fault is None]
        downloads = any(is_download(reference.url) for reference in usable)
        read = partial(self.image, limit=limit)
        found = download_all(usable, read, self.options, limit) if downloads else self._all(read, usable)
        gone = 0
        with closing(found) as images:
            for reference in references:
                if reference.fault is not None:
                    yield ImageError(reference.fault)
                    continue
                image = next(images)
                lost = isinstance(image, ImageError) and isinstance(image.__cause__, StoreError)
                gone = gone + 1 if lost and not is_download(reference.url) else 0
                if gone == _OUTAGE:
                    raise SourceError(
                        f"{gone} files in a row are gone, the last one is {describe(reference)}: is the disk "
                        "mounted? Finished shards are kept: run again to go on"
                    )
                yield image

    def attached(self, references: Sequence[Reference]) -> Generator[tuple[bytes, ...], None, None]:
        """Yield the bytes of each reference's attachments, in order; as `all` does."""
        files = [file for reference in references for file in _attachment_references(reference)]
        with closing(self.all(files)) as contents:
            for reference in references:
                yield tuple(islice(contents, len(reference.attachments)))

    def shared(self, urls: Iterable[str]) -> bool:
        """Return True if other processes can read the files at these URLs too."""
        return all(self._store(locate(url)[0]).shared for url in urls if url and not is_download(url))

    def _is_remote(self, url: str) -> bool:
        store = self._store(url)
        return store.shared and store.staging is None

    def _store(self, url: str) -> Store:
        store = self._stores.get(url)
        if store is None:
            if len(self._stores) >= _MAX_STORES:  # each signed URL is a store of its own
                self._stores.clear()
            store = self._stores.setdefault(url, open_store(url, self.options))
        return store


def _urls(reference: Reference) -> Iterable[str]:
    urls = (reference.url, *(item.url for item in reference.attachments))
    return (url for url in urls if url and not is_download(url))  # a layer's samples have no image


def _attachment_references(reference: Reference) -> list[Reference]:
    """Return the attachments as references of their own."""
    key, attachments = reference.key, reference.attachments
    return [Reference(key, a.url, a.offset, a.size, f"{key}.{a.suffix}") for a in attachments]
