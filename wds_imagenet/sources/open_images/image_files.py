"""The image files of Open Images: single files, tars or gzipped tars, in any folder."""

import hashlib
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.archives.compressed_images import read_streamed_images
from wds_imagenet.inputs.archives.tar_listing import ListedFile, list_archive
from wds_imagenet.inputs.compression import DECOMPRESSORS, HEAD, compression_of
from wds_imagenet.inputs.image_files import is_image, suffix_of
from wds_imagenet.inputs.keys import faulty
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.small_files import find_file, join_url, no_input_error
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.sources.open_images.photo_ids import is_id, number_of, split_of
from wds_imagenet.sources.open_images.photos import PhotoMerger
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.util import strict_json

_ARCHIVE: Final = re.compile(r".*\.(?:tar|tar\.(?:gz|xz|bz2)|tgz|txz|tbz2?)", re.IGNORECASE)


class GzippedArchive(NamedTuple):
    """A gzipped archive, whose files are listed only as it is streamed."""

    url: str
    path: str
    size: int


def find_images(
    url: str, options: StorageOptions, split: str | None
) -> Iterator[ListedFile | GzippedArchive]:
    """Yield the files at a URL: in a folder, in a folder of archives, or in one archive.

    The first bytes distinguish gzipped archives from tars, whose files are yielded. Paths of another split,
    such as `validation/`, and hidden files are ignored. Costs as `list_files`, and one request an archive.

    Args:
        url: the folder, or the archive.
        options: options of the store.
        split: the split to take; None takes all.
    """
    found = find_file(url, options)
    store = found[0] if found else open_store(url, options)
    empty = True
    for info in (found[1],) if found else store.list_objects():
        empty = False
        where = join_url(store.private_url, info.path)
        if not found and (
            is_ignored(info.path) or split_of(info.path) not in {None, split or split_of(info.path)}
        ):
            continue
        if not found and (info.fault is not None or not _ARCHIVE.fullmatch(info.path)):
            yield ListedFile(info.path, where, 0, info.size, info.fault)
        elif info.size and _is_streamed(store, info):
            yield GzippedArchive(where, info.path, info.size)
        else:
            with open_reader(store, info) as read:
                folder = "" if found else info.path.rpartition(".tar")[0] + "/"
                yield from list_archive(read, info.size, where, folder)
    if empty:
        raise no_input_error(url)


def _is_streamed(store: Store, info: ObjectInfo) -> bool:
    head = store.read(info.path, 0, min(HEAD, info.size), etag=info.etag).data
    return compression_of(head) in DECOMPRESSORS


def number_in(path: str) -> int | None:
    """Return the number of the photo in a file, None if the file is no photo of Open Images."""
    stem = path.rpartition("/")[2].partition(".")[0]
    named = is_image(path) or not suffix_of(path)
    return number_of(stem) if named and not is_ignored(path) and is_id(stem) else None


def unusable(file: ListedFile) -> Reference | None:
    """Return the reference of an image or archive that is no photo, None for any other file."""
    if is_ignored(file.path):
        return None
    if file.fault is None and is_image(file.path):
        return faulty(file, "its name is not that of an image of Open Images")
    return None if file.fault is None else faulty(file, file.fault)


class PhotoIndex:
    """The references of photos by number, on disk: for archives whose order is not that of the ids."""

    def __init__(self, references: Iterable[tuple[int, Reference]]) -> None:
        """Take references without URL and offset, by rising number."""
        self._numbers = array("q")
        self._references = SpilledReferences()
        digest = hashlib.sha256()
        for number, reference in references:
            self._numbers.append(number)
            self._references.append(reference)
            digest.update(strict_json.dumps([reference.key, reference.metadata]))
        self.sha256 = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._numbers)

    def find(self, number: int) -> int | None:
        """Return the index of a photo, None if it is not among them."""
        index = bisect_left(self._numbers, number)
        return index if index < len(self) and self._numbers[index] == number else None

    def __getitem__(self, index: int) -> Reference:
        return self._references[index]


def stream_photos(
    archives: Sequence[GzippedArchive],
    options: StorageOptions,
    photos: PhotoIndex,
    merger: PhotoMerger,
    blank: Reference,
) -> Iterator[StreamedImage]:
    """Yield the photos in gzipped archives, each with its fields.

    Args:
        archives: the archives, read in this order.
        options: options of their stores.
        photos: the photos that the CSVs list.
        merger: the counts, and the choice to skip photos that some file lacks.
        blank: the reference of a photo that no CSV lists, if there is no image CSV.

    Raises:
        SourceError: a photo comes twice, the image CSV lacks it, or at the end a listed photo has not come.
            Photos that some file lacks may be skipped instead.
    """
    seen = bytearray(len(photos))
    unlisted: set[int] = set()

    def refer(file: ListedFile) -> Reference | None:
        number = number_in(file.path)
        if number is None or file.fault is not None:
            return unusable(file)
        index = photos.find(number)
        name = file.path.rpartition("/")[2]
        if number in unlisted or (index is not None and seen[index]):
            raise SourceError(f"{file.url}, {file.path}: the image {name} comes a second time")
        if index is None:
            unlisted.add(number)
            if merger.with_csv:
                merger.skip_or_raise(
                    f"{file.url}, {file.path} is not in the CSV of the images", "is unlisted"
                )
                return None
            return replace(blank, key=name[:16], url=file.url, offset=file.offset, size=file.size, name=name)
        seen[index] = 1
        return replace(photos[index], url=file.url, offset=file.offset, size=file.size, name=name)

    for archive in archives:
        yield from read_streamed_images(archive.url, options, refer)
    absent = seen.find(0)
    if absent >= 0:
        where = ", ".join(archive.url for archive in archives)
        merger.skip_or_raise(
            f"{photos[absent].name}: the image is listed, but not in {where} (in all, "
            f"{seen.count(0):,} of {len(seen):,} images are missing)",
            "has no file among the images",
        )
