"""The images of Open Images where they are kept: single files, tars or gzipped tars, in any folder."""

import hashlib
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.gzip_images import read_streamed_images
from wds_imagenet.inputs.image_files import ignored_notes, is_hidden, is_image
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.small_files import GZIP, find_file, join_url, no_input_error
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.inputs.tar_listing import ListedFile, list_archive
from wds_imagenet.inputs.windowed_reader import open_reader
from wds_imagenet.sources.open_images.photo_ids import is_id, number_of, split_of
from wds_imagenet.sources.open_images.photos import Gathering
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity

_ARCHIVE: Final = re.compile(r".*\.(?:tar|tar\.gz|tgz)", re.IGNORECASE)
_MAX_NAMED: Final = 1000


class Packed(NamedTuple):
    """A gzipped archive: what is in it is seen when it is read through."""

    url: str
    path: str
    size: int


def find_images(url: str, options: StorageOptions, split: str | None) -> Iterator[ListedFile | Packed]:
    """Yield what there is at a URL: a folder with images or archives of them, or one archive.

    Archives are told from each other by their first bytes; of a tar, the files are yielded. What belongs to
    another split by its path, such as `validation/`, is passed over. Costs what `list_files` does, and
    one more request an archive.
    """
    found = find_file(url, options)
    store = found[0] if found else open_store(url, options)
    empty = True
    for info in (found[1],) if found else store.list_objects():
        empty = False
        where = join_url(store.url, info.path)
        if not found and (
            is_hidden(info.path) or split_of(info.path) not in {None, split or split_of(info.path)}
        ):
            continue
        if not found and not _ARCHIVE.fullmatch(info.path):
            yield ListedFile(info.path, where, 0, info.size)
        elif info.size and store.read(info.path, 0, min(2, info.size), etag=info.etag).data == GZIP:
            yield Packed(where, info.path, info.size)
        else:
            with open_reader(store, info) as read:
                folder = "" if found else info.path.rpartition(".tar")[0] + "/"
                yield from list_archive(read, info.size, where, folder)
    if empty:
        raise no_input_error(url)


def number_in(path: str) -> int | None:
    """Return the number of the image in a file, None where it is none of Open Images."""
    stem = path.rpartition("/")[2].partition(".")[0]
    return number_of(stem) if is_image(path) and not is_hidden(path) and is_id(stem) else None


@dataclass(slots=True)
class Others:
    """The files that are no images of Open Images: how many, and some of their names."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Count a file."""
        self.count += 1
        if len(self.names) < _MAX_NAMED:
            self.names.append(path)

    def notes(self) -> tuple[str, ...]:
        """Say that they were passed over, if there are any."""
        if self.count > len(self.names):
            return (f"passed over {quantity(self.count, 'files that are')} no images of Open Images",)
        return tuple(ignored_notes(self.names, "files that are no images of Open Images"))


class Known:
    """What is known of images by number, on disk: for archives that bring them in their own order."""

    def __init__(self, references: Iterable[tuple[int, Reference]]) -> None:
        """Take references without a place, by rising number."""
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

    def place(self, number: int) -> int | None:
        """Return the place of an image, None for an unknown one."""
        place = bisect_left(self._numbers, number)
        return place if place < len(self) and self._numbers[place] == number else None

    def __getitem__(self, place: int) -> Reference:
        return self._references[place]


def read_images(
    archives: Sequence[Packed], options: StorageOptions, known: Known, gathering: Gathering, blank: Reference
) -> Iterator[StreamedImage]:
    """Yield the images in gzipped archives, each with what is known of it; else it is as `blank` says.

    Raises `SourceError` for one that comes twice, one that a CSV of the images lacks, and in the end for
    those that never came, unless such are to be left out.
    """
    seen = bytearray(len(known))
    strangers: set[int] = set()

    def refer(file: ListedFile) -> Reference | None:
        number = number_in(file.path)
        if number is None:
            return None
        place = known.place(number)
        name = file.path.rpartition("/")[2]
        if number in strangers or (place is not None and seen[place]):
            raise SourceError(f"{file.url}, {file.path}: the image {name} is there a second time")
        if place is None:
            strangers.add(number)
            if gathering.listed:
                gathering.differ(f"{file.url}, {file.path} is not in the CSV of the images", "is unlisted")
                return None
            return replace(blank, key=name[:16], url=file.url, offset=file.offset, size=file.size, name=name)
        seen[place] = 1
        return replace(known[place], url=file.url, offset=file.offset, size=file.size, name=name)

    for archive in archives:
        yield from read_streamed_images(archive.url, options, refer)
    absent = seen.find(0)
    if absent >= 0:
        where = ", ".join(archive.url for archive in archives)
        gathering.differ(
            f"{known[absent].name}: the image is listed there, and not in {where} (and so for "
            f"{seen.count(0):,} of {len(seen):,} images)",
            "has no file among the images",
        )
