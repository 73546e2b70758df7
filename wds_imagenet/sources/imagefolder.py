"""`imagefolder`: one folder a class, as torchvision's ImageFolder and most small data sets have it."""

from collections.abc import Mapping, Sequence
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.classes import read_classes
from wds_imagenet.labels.naming import name_classes
from wds_imagenet.sources.files import list_files
from wds_imagenet.sources.images import choose_keys, passed_over, pick_images
from wds_imagenet.sources.options import Classes
from wds_imagenet.sources.reference import Listing, Metadata, Reference

_SPLITS: Final = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_NOTHING: Final[Metadata] = {}


def imagefolder(url: str, *, classes: Classes = None, **storage_options: object) -> Listing:
    """List a folder, or a tar archive, that has one folder of images a class.

    A folder whose name is a number has that label: 2 is 2, wherever 10 sorts, and 5 and 10 alone stay
    5 and 10. Other names are numbered from 0 in code-point order, as torchvision does it. A class
    list (see `labels.classes`) fixes another mapping. Images may lie deeper in their class's folder,
    and a folder around all classes is looked through. A folder without images is no class.

    Keys are the files' stems; where these repeat, each with its folders before it. References come by
    label, then by path. Costs a listing. Raises `SourceError` for images outside of class folders,
    for folders that are splits, two files with one key, and where there are no images.
    """
    images, others, notes = pick_images(list_files(url, storage_options), url)
    wrapper = _wrapper([image.path for image in images])
    paths = [image.path[len(wrapper) :] for image in images]
    folders = [path.partition("/")[0] for path in paths]
    _check_folders(url, wrapper, paths)
    listed = None if classes is None else read_classes(classes, **storage_options)
    naming = name_classes(folders, listed, lambda name: f"{url}: folder {wrapper}{name}")
    _check_labels(url, naming.labels)
    keys = choose_keys(paths, lambda i: f"{url}: {paths[i]!r}")
    references = [
        Reference(key, image.url, image.offset, image.size, path, naming.labels[folder], None, _NOTHING)
        for key, image, path, folder in zip(keys, images, paths, folders, strict=True)
    ]
    references.sort(key=lambda reference: (reference.label or 0, reference.name))
    if wrapper:
        notes.append(f"the classes are the folders in {wrapper}")
    notes += passed_over([file.path for file in others], "files that are no images")
    return Listing(references, naming.classes, (*notes, *naming.notes))


def _wrapper(paths: Sequence[str]) -> str:
    """Return the folders that lie around all classes, with a slash at the end."""
    wrapper = ""
    while True:
        top = paths[0][len(wrapper) :].partition("/")[0]
        deeper = f"{wrapper}{top}/"
        if not all(path.startswith(deeper) and "/" in path[len(deeper) :] for path in paths):
            return wrapper
        wrapper = deeper


def _check_folders(url: str, wrapper: str, paths: Sequence[str]) -> None:
    loose = [path for path in paths if "/" not in path]
    if loose:
        raise SourceError(
            f"{url}: {len(loose):,} images lie in no class folder, the first is {wrapper}{loose[0]}; "
            "images with labels in other files are read by the sources 'sidecars' and 'table'"
        )
    tops = sorted({path.partition("/")[0] for path in paths})
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
