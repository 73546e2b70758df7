"""Fetching the bytes of references and of their attachments."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from wds_imagenet.errors import ImageError, SourceError, WdsImagenetError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.build.downloads import download_all, is_download
from wds_imagenet.packing.plan.source_urls import describe, locate
from wds_imagenet.storage import Store, open_store
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 16  # concurrent reads from a store behind a network
_MAX_STORES: Final = 4096


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
        url, path = locate(reference.url)
        # A file that is one image is read to its end, so that one that has grown is noticed.
        whole = reference.offset == 0 or reference.size is None
        stop = None if whole else reference.offset + (reference.size or 0)
        try:
            data = self._store(url).read(path, reference.offset, stop).data
        except WdsImagenetError as error:
            error.add_note(f"while reading {describe(reference)}")
            raise
        if reference.size is not None and len(data) != reference.size:
            raise SourceError(
                f"{describe(reference)} has {len(data):,} bytes, but {reference.size:,} were listed: it "
                "has changed meanwhile; pack again"
            )
        return data

    def all(self, references: Sequence[Reference]) -> Generator[bytes, None, None]:
        """Yield the bytes of each reference, in order; over a network, up to 16 are read concurrently."""
        stores = {locate(url)[0] for reference in references for url in _urls(reference)}
        remote = any(self._is_remote(url) for url in stores)
        if remote:
            yield from map_ahead(self, references, threads=_THREADS, name="fetch")
        else:
            yield from map(self, references)

    def images(self, references: Sequence[Reference]) -> Generator[bytes | ImageError, None, None]:
        """Yield the bytes of each image as `all` does, or the error of an image that cannot be had."""
        usable = [reference for reference in references if reference.fault is None]
        downloads = any(is_download(reference.url) for reference in usable)
        read = download_all(usable, self, self.options) if downloads else self.all(usable)
        with closing(read) as images:
            for reference in references:
                yield next(images) if reference.fault is None else ImageError(reference.fault)

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
