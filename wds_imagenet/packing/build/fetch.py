"""The bytes that a reference means."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from wds_imagenet.errors import ImageError, SourceError, WdsImagenetError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.build.downloads import download_all, is_download
from wds_imagenet.packing.plan.source_urls import describe, locate
from wds_imagenet.storage import Store, open_store
from wds_imagenet.util.threads import map_ahead

_THREADS: Final = 16  # reads under way at a time on a store that answers over a network
_MAX_STORES: Final = 4096


@dataclass(frozen=True, slots=True)
class Fetch:
    """Reads references from wherever they lie; one client a bucket, host or folder. Picklable."""

    options: Mapping[str, Any]
    """Those of the source's stores."""
    _stores: dict[str, Store] = field(default_factory=dict, repr=False)

    def __call__(self, reference: Reference) -> bytes:
        """Return exactly the bytes that were listed, or raise.

        Costs one request. Raises `SourceError` if the file is not as long as the listing says, and
        what the store raises, with a note of what was read.
        """
        url, path = locate(reference.url)
        # A file of its own is read to its end, so that one that has grown is noticed.
        alone = reference.offset == 0 or reference.size is None
        stop = None if alone else reference.offset + (reference.size or 0)
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
        """Yield the bytes of each, in order; over a network, several are under way at a time."""
        remote = any(self._is_remote(url) for url in _places(references))
        if remote:
            yield from map_ahead(self, references, threads=_THREADS, name="fetch")
        else:
            yield from map(self, references)

    def images(self, references: Sequence[Reference]) -> Generator[bytes | ImageError, None, None]:
        """Yield the bytes of each as `all` does, or why an image of the web cannot be downloaded."""
        if any(is_download(reference.url) for reference in references):
            yield from download_all(references, self, self.options)
        else:
            yield from self.all(references)

    def attached(self, references: Sequence[Reference]) -> Generator[tuple[bytes, ...], None, None]:
        """Yield the bytes of each reference's attachments, in order; as `all` does."""
        files = [file for reference in references for file in _files(reference)]
        with closing(self.all(files)) as contents:
            for reference in references:
                yield tuple(islice(contents, len(reference.attachments)))

    def shared(self, references: Iterable[Reference]) -> bool:
        """Whether other processes can read them too."""
        return all(self._store(url).shared for url in _places(references))

    def _is_remote(self, url: str) -> bool:
        store = self._store(url)
        return store.shared and store.staging is None

    def _store(self, url: str) -> Store:
        store = self._stores.get(url)
        if store is None:
            if len(self._stores) >= _MAX_STORES:  # signed URLs are a store each
                self._stores.clear()
            store = self._stores.setdefault(url, open_store(url, self.options))
        return store


def _places(references: Iterable[Reference]) -> set[str]:
    return {
        locate(url)[0]
        for reference in references
        for url in (reference.url, *(item.url for item in reference.attachments))
        if url and not is_download(url)  # a layer's samples have no image
    }


def _files(reference: Reference) -> list[Reference]:
    """Return where the attachments lie, as references of their own."""
    key, attachments = reference.key, reference.attachments
    return [Reference(key, a.url, a.offset, a.size, f"{key}.{a.suffix}") for a in attachments]
