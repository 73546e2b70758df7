"""`imagefolder`: one folder a class, as torchvision's ImageFolder and most small data sets have it."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.class_naming import label_classes
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.image_files import IgnoredFiles, image_references, no_images_error
from wds_imagenet.inputs.keys import key_of_file, with_unique_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_SPLITS: Final = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_NOTHING: Final[Metadata] = {}


def imagefolder(
    url: str, *, classes: Classes = None, storage_options: StorageOptions = NO_OPTIONS
) -> Listing:
    """List a folder, or a tar archive, that has one folder of images a class.

    A folder whose name is a number has that label: 2 is 2, wherever 10 sorts, and 5 and 10 alone stay
    5 and 10. Other names are numbered from 0 in code-point order, as torchvision does it. A class
    list (see `labels.classes`) fixes another mapping. Images may lie deeper in their class's folder,
    and a folder around all classes is looked through. A folder without images is no class.

    Keys are the files' stems; where these repeat, each with its folders before it. References come by
    label, then by path, on disk. Costs a listing, and 40 µs an image. Raises `SourceError` for images
    outside of class folders, for folders that are splits, two files with one key, and where there are no
    images.
    """
    others, hidden = IgnoredFiles(), IgnoredFiles()
    paths = _Paths()
    images = SpilledReferences(
        paths.watch(image_references(list_files(url, storage_options), others, hidden))
    )
    if not images:
        raise no_images_error(url, others, hidden)
    wrapper = paths.wrapper
    tops = dict.fromkeys(_top(image.name, wrapper) for image in images)
    _check_folders(url, wrapper, paths.loose, sorted(tops))
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    naming = label_classes(tops, listed, lambda name: f"{url}: folder {wrapper}{name}")
    _check_labels(url, naming.labels)

    def found() -> Iterator[Reference]:
        for image in images:
            path = image.name[len(wrapper) :]
            key = key_of_file(ListedFile(path, image.url, image.offset, 0), path.rpartition("/")[2])
            label = naming.labels[_top(path, "")]
            yield Reference(key, image.url, image.offset, image.size, path, label, None, _NOTHING)

    references = spill_in_order(found(), lambda reference: (reference.label or 0, reference.name))
    references = with_unique_keys(references, lambda place: f"{url}: {references[place].name!r}")
    notes = hidden.notes("hidden files")
    if wrapper:
        notes.append(f"the classes are the folders in {wrapper}")
    notes += others.notes("files that are no images")
    return Listing(references, naming.classes, (*notes, *naming.notes))


@dataclass(slots=True)
class _Paths:
    """What the images' paths tell together."""

    loose: IgnoredFiles = field(default_factory=IgnoredFiles)
    """Those in no folder."""
    _first: str = ""
    _last: str = ""
    _depth: int = sys.maxsize
    """Of the folder that an image lies in, the least."""

    def watch(self, images: Iterable[Reference]) -> Iterator[Reference]:
        """Pass images through."""
        for image in images:
            path = image.name
            depth = path.count("/")
            if not depth:
                self.loose.add(path)
            self._depth = min(self._depth, depth)
            self._first = min(self._first or path, path)
            self._last = max(self._last, path)
            yield image

    @property
    def wrapper(self) -> str:
        """The folders that lie around all classes, with a slash at the end."""
        ends = zip(self._first.split("/")[:-1], self._last.split("/")[:-1], strict=False)
        shared = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], ends)]
        return "".join(f"{folder}/" for folder in shared[: max(self._depth - 1, 0)])  # a class is no wrapper


def _top(path: str, wrapper: str) -> str:
    """Return the class's folder."""
    return path[len(wrapper) :].partition("/")[0]


def _check_folders(url: str, wrapper: str, loose: IgnoredFiles, tops: Sequence[str]) -> None:
    if loose.count:
        raise SourceError(
            f"{url}: {quantity(loose.count, 'images lie')} in no class folder, the first is "
            f"{loose.first[0]}; images with labels in other files are read by the sources 'sidecars' and "
            "'table'"
        )
    if _SPLITS.issuperset(top.lower() for top in tops):
        raise SourceError(
            f"{url}: the folders {', '.join(tops)} are splits and not classes: pack each by itself, "
            f"such as {url.rstrip('/')}/{wrapper}{tops[0]}"
        )


def _check_labels(url: str, labels: Mapping[str, int | None]) -> None:
    folders: dict[int | None, str] = {}
    for folder, label in labels.items():
        if folders.setdefault(label, folder) != folder:
            raise SourceError(f"{url}: the folders {folders[label]!r} and {folder!r} are both class {label}")
