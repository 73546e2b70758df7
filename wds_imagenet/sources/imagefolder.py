"""`imagefolder`: one folder of images a class, the layout of torchvision's ImageFolder."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.class_naming import label_classes
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.image_files import IgnoredFiles, image_references, no_images_error
from wds_imagenet.inputs.keys import key_of_file, with_unique_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_SPLITS: Final = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_NO_METADATA: Final[Metadata] = {}


def imagefolder(
    url: str, *, classes: Classes = None, storage_options: StorageOptions = NO_OPTIONS
) -> Listing:
    """List a folder, or a tar archive, that has one folder of images per class.

    Folders named by numbers have these as labels: 5 and 10 stay 5 and 10, even where 10 sorts before 5.
    Other names are numbered from 0 in code-point order, as torchvision numbers them. A class list fixes
    other labels.

    Images may lie deeper in the folder of their class. A folder around all classes is ignored, and so
    are folders without images. Keys are the files' stems; stems that repeat get their folders in front.
    References are sorted by label, then by path, and kept on disk. Costs a listing, and 40 µs an image.

    Args:
        url: the folder, or the archive.
        classes: class list that gives the label of each folder.
        storage_options: options of the store.

    Raises:
        SourceError: an image lies in no class folder, the folders are splits, two files have one key, or
            there are no images.
    """
    skipped, hidden = IgnoredFiles(), IgnoredFiles()
    scan = _FolderScan()
    images = SpilledReferences(
        scan.watch(image_references(list_files(url, storage_options), skipped, hidden))
    )
    if not images:
        raise no_images_error(url, skipped, hidden)
    common = scan.common
    folders = dict.fromkeys(_class_folder(image.name, common) for image in images)
    _check_folders(url, common, scan.unfiled, sorted(folders))
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    naming = label_classes(folders, listed, lambda name: f"{url}: folder {common}{name}")
    _check_labels(url, naming.labels)

    def make_references() -> Iterator[Reference]:
        for image in images:
            path = image.name[len(common) :]
            key = key_of_file(ListedFile(path, image.url, image.offset, 0), path.rpartition("/")[2])
            label = naming.labels[_class_folder(path, "")]
            yield Reference(key, image.url, image.offset, image.size, path, label, None, _NO_METADATA)

    references = spill_in_order(make_references(), lambda reference: (reference.label or 0, reference.name))
    references = with_unique_keys(references, lambda place: f"{url}: {references[place].name!r}")
    notes = hidden.notes("hidden and system files")
    if common:
        notes.append(f"the classes are the folders in {common}")
    notes += skipped.notes("files that are no images")
    return Listing(references, naming.classes, (*notes, *naming.notes))


@dataclass(slots=True)
class _FolderScan:
    """Finds the folders that all images have in common, in one pass and without holding the paths."""

    unfiled: IgnoredFiles = field(default_factory=IgnoredFiles)
    """Images that lie in no folder."""
    _first: str = ""
    _last: str = ""
    _depth: int = sys.maxsize
    """The least number of folders above an image."""

    def watch(self, images: Iterable[Reference]) -> Iterator[Reference]:
        """Yield the images unchanged, and take their paths into account."""
        for image in images:
            path = image.name
            depth = path.count("/")
            if not depth:
                self.unfiled.add(path)
            self._depth = min(self._depth, depth)
            self._first = min(self._first or path, path)
            self._last = max(self._last, path)
            yield image

    @property
    def common(self) -> str:
        """The folders around all classes, with a slash at the end."""
        ends = zip(self._first.split("/")[:-1], self._last.split("/")[:-1], strict=False)
        shared = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], ends)]
        # The innermost folder of the highest image is its class.
        return "".join(f"{folder}/" for folder in shared[: max(self._depth - 1, 0)])


def _class_folder(path: str, common: str) -> str:
    return path[len(common) :].partition("/")[0]


def _check_folders(url: str, common: str, unfiled: IgnoredFiles, folders: Sequence[str]) -> None:
    if unfiled.count:
        raise SourceError(
            f"{url}: {quantity(unfiled.count, 'images lie')} in no class folder, the first is "
            f"{unfiled.first[0]}; to read labels from other files, use the source 'sidecars' or 'table'"
        )
    if _SPLITS.issuperset(folder.lower() for folder in folders):
        raise SourceError(
            f"{url}: the folders {', '.join(folders)} are splits and not classes: pack each by itself, "
            f"such as {url.rstrip('/')}/{common}{folders[0]}"
        )


def _check_labels(url: str, labels: Mapping[str, int | None]) -> None:
    folders: dict[int | None, str] = {}
    for folder, label in labels.items():
        if folders.setdefault(label, folder) != folder:
            raise SourceError(f"{url}: the folders {folders[label]!r} and {folder!r} are both class {label}")
