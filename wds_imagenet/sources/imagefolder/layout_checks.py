"""Checks of a tree whose folders should be classes. Pure, but for `empty_folders`."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.image_files import IgnoredFiles
from wds_imagenet.shown import shown_name
from wds_imagenet.storage.url import parse_url
from wds_imagenet.util.messages import quantity

_SPLITS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NO_CLASSES: Final = frozenset({
    "all", "data", "dataset", "file", "files", "image", "images", "img", "imgs", "jpeg",
    "jpegimages", "jpegs", "jpg", "photo", "photos", "pic", "pics", "picture", "pictures", "png",
})  # fmt: skip
"""Names of folders that hold images of whatever class."""


def check_unfiled(url: str, unfiled: IgnoredFiles) -> None:
    """Raise `SourceError` if there are images in no class folder."""
    if unfiled.count:
        raise SourceError(
            f"{url}: {quantity(unfiled.count, 'images lie')} in no class folder, the first is "
            f"{unfiled.first[0]}; to read labels from other files, use the source 'sidecars' or 'table'"
        )


def check_names(url: str, common: str, folders: Sequence[str], *, listed: bool) -> None:
    """Raise `SourceError` for folders that are splits, or one folder of images, and no classes.

    Args:
        url: the tree, for errors.
        common: the folders around all classes.
        folders: the class folders, sorted.
        listed: True if the user gave a class list, which must have each of the folders.
    """
    splits = [folder for folder in folders if folder.lower() in _SPLITS]
    if len(splits) == len(folders) or len({_SPLITS[folder.lower()] for folder in splits}) > 1:
        raise SourceError(
            f"{url}: the folders {', '.join(splits)} are splits and not classes: pack each by itself, "
            f"such as {url.rstrip('/')}/{common}{splits[0]}"
        )
    if len(folders) == 1 and not listed and folders[0].lower() in _NO_CLASSES:
        raise SourceError(
            f"{url}: all images lie in the one folder {common}{folders[0]}, which is no class; to read "
            "labels from other files, use the source 'sidecars' or 'table'"
        )
    composed: dict[str, str] = {}
    for folder in folders:
        other = composed.setdefault(unicodedata.normalize("NFC", folder), folder)
        if other != folder:
            raise SourceError(
                f"{url}: two folders are called {folder!r}: their names {other!a} and {folder!a} differ "
                "only in how accents are encoded; merge or rename them"
            )


def check_inner_splits(url: str, inner: dict[str, str]) -> None:
    """Raise `SourceError` if the class folders have splits in them.

    Args:
        url: the tree, for errors.
        inner: names of folders in class folders, each with the path of an image in it.
    """
    splits = {_SPLITS[name.lower()]: path for name, path in sorted(inner.items()) if name.lower() in _SPLITS}
    if len(splits) > 1:
        raise SourceError(
            f"{url}: the class folders hold splits, such as {' and '.join(splits.values())}: one data set "
            "has one split; arrange the folders as SPLIT/CLASS, and pack each split by itself"
        )


def name_notes(folders: Sequence[str], inner: dict[str, str]) -> Iterator[str]:
    """Yield notes on class folders whose names or depths are unusual."""
    if len(folders) == 1:
        yield f"all images are of one class, {folders[0]!r}"
    folded: dict[str, str] = {}
    for folder in folders:
        other = folded.setdefault(folder.casefold(), folder)
        if other != folder:
            yield f"the classes {other!r} and {folder!r} differ only in case"
        if folder.lower() in _SPLITS:
            yield f"the class {folder!r} has the name of a split"
    named = sorted(path for name, path in inner.items() if name.lower() not in _NO_CLASSES)
    if named:
        path = shown_name(named[0])
        yield f"images lie deeper than in a class folder, such as {path}; the outer folder is the class"


def number_notes(labels: Iterable[int | None]) -> Iterator[str]:
    """Yield a note if the numbers that name the folders leave out labels."""
    known = {label for label in labels if label is not None}
    most = max(known, default=-1)
    missing = most + 1 - len(known)
    if missing:
        first = next(label for label in count() if label not in known)
        yield (
            f"the folders are numbers, which are the labels; {quantity(missing, 'labels')} of 0 to {most} "
            f"have no folder, the first is {first}"
        )


def empty_folders(
    url: str, common: str, folders: Iterable[str], used: Iterable[str], members: Iterable[str]
) -> list[str]:
    """Return a note if there are folders beside the class folders that have no files.

    Costs one listing of a folder on the local disk. Buckets have no empty folders.

    Args:
        url: the tree.
        common: the folders around all classes.
        folders: the class folders.
        used: other folders whose files were seen.
        members: the folders that an archive has as members.
    """
    location = parse_url(url)
    top = Path(location.root) / common
    inside = (path.removeprefix(common) for path in members if path.startswith(common))
    found = {path.partition("/")[0] for path in inside}
    if location.scheme == "file" and top.is_dir():
        with os.scandir(top) as entries:  # links are not followed: one may lead to where nothing may be read
            found = {e.name for e in entries if e.is_dir(follow_symlinks=False)}
    empty = sorted(name for name in found.difference(folders, used) if name and not is_ignored(name))
    if not empty:
        return []
    note = (
        f"{quantity(len(empty), 'folders have')} no files and so no label, such as {empty[0]!r}: the classes "
        "after it are numbered as if it did not exist; option 'classes' takes a class list that fixes them"
    )
    return [note]
