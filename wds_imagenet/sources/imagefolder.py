"""`imagefolder`: one folder a class, as torchvision's ImageFolder and most small data sets have it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.classes import read_classes
from wds_imagenet.labels.naming import name_classes
from wds_imagenet.sources.archives import File
from wds_imagenet.sources.files import list_files
from wds_imagenet.sources.images import (
    Mapped,
    PassedOver,
    describe,
    first_repeated,
    is_hidden,
    is_image,
    make_key_of,
    same_key,
)
from wds_imagenet.sources.options import Classes
from wds_imagenet.sources.reference import Listing, Metadata, Reference
from wds_imagenet.sources.spool import spool_in_order

_SPLITS: Final = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_NOTHING: Final[Metadata] = {}


def imagefolder(url: str, *, classes: Classes = None, **storage_options: object) -> Listing:
    """List a folder, or a tar archive, that has one folder of images a class.

    A folder whose name is a number has that label: 2 is 2, wherever 10 sorts, and 5 and 10 alone stay
    5 and 10. Other names are numbered from 0 in code-point order, as torchvision does it. A class
    list (see `labels.classes`) fixes another mapping. Images may lie deeper in their class's folder,
    and a folder around all classes is looked through. A folder without images is no class.

    Keys are the files' stems; where these repeat, each with its folders before it. References come by
    label, then by path, on disk. Costs a listing, and 50 µs an image. Raises `SourceError` for images
    outside of class folders, for folders that are splits, two files with one key, and where there are no
    images.
    """
    others, hidden = PassedOver(), PassedOver()
    images = spool_in_order(_images(list_files(url, storage_options), others, hidden), lambda r: r.name)
    if not images:
        raise SourceError(f"there are no images in {url}: {describe(others.first, others.kinds)}")
    wrapper = _wrapper(images)
    tops = dict.fromkeys(_top(image.name, wrapper) for image in images)
    _check_folders(url, wrapper, images, sorted(tops))
    listed = None if classes is None else read_classes(classes, **storage_options)
    naming = name_classes(tops, listed, lambda name: f"{url}: folder {wrapper}{name}")
    _check_labels(url, naming.labels)
    whole = first_repeated(Mapped(images, lambda r: _key(r, r.name.rpartition("/")[2]))) is not None

    def found() -> Iterator[Reference]:
        for r in images:
            path = r.name[len(wrapper) :]
            key = _key(r, path if whole else r.name.rpartition("/")[2])
            yield replace(r, key=key, name=path, label=naming.labels[_top(r.name, wrapper)])

    references = spool_in_order(found(), lambda r: (r.label or 0, r.name))
    if (pair := first_repeated(Mapped(references, lambda r: r.key))) is not None:
        one, other = (references[place] for place in pair)
        raise same_key(f"{url}: {one.name!r}", f"{url}: {other.name!r}", one.key)
    notes = hidden.notes("hidden files")
    if wrapper:
        notes.append(f"the classes are the folders in {wrapper}")
    notes += others.notes("files that are no images")
    return Listing(references, naming.classes, (*notes, *naming.notes))


def _images(files: Iterable[File], others: PassedOver, hidden: PassedOver) -> Iterator[Reference]:
    for file in files:
        if is_hidden(file.path) or not is_image(file.path):
            (hidden if is_hidden(file.path) else others).add(file.path)
        else:
            yield Reference("", file.url, file.offset, file.size, file.path, None, None, _NOTHING)


def _key(reference: Reference, name: str) -> str:
    return make_key_of(File(reference.name, reference.url, reference.offset, reference.size or 0), name)


def _top(path: str, wrapper: str) -> str:
    """Return the class's folder."""
    return path[len(wrapper) :].partition("/")[0]


def _wrapper(images: Sequence[Reference]) -> str:
    """Return the folders that lie around all classes, with a slash at the end; images are in order."""
    ends = (image.name.split("/")[:-1] for image in (images[0], images[-1]))
    shared = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(*ends, strict=False))]
    depth = min(image.name.count("/") for image in images) - 1  # the deepest that a class can lie
    return "".join(f"{folder}/" for folder in shared[: max(depth, 0)])


def _check_folders(url: str, wrapper: str, images: Iterable[Reference], tops: Sequence[str]) -> None:
    loose = [image.name for image in images if "/" not in image.name]
    if loose:
        raise SourceError(
            f"{url}: {len(loose):,} images lie in no class folder, the first is {loose[0]}; "
            "images with labels in other files are read by the sources 'sidecars' and 'table'"
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
