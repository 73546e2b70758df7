"""Which of the listed files are images, and the keys that they get."""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.sample import IMAGE_SUFFIXES, make_key
from wds_imagenet.sources.archives import File
from wds_imagenet.sources.reference import Reference

_SHOWN: Final = 3


def suffix_of(path: str) -> str:
    """Return what follows the last dot of a file's name, lower-cased; "" if there is none."""
    name = path.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[1].lower() if "." in name[1:] else ""


def is_image(path: str) -> bool:
    """Whether a name is that of an image: jpg, jpeg, png, webp, gif, bmp, tif or tiff, in any case."""
    return suffix_of(path) in IMAGE_SUFFIXES


def is_hidden(path: str) -> bool:
    """Whether a file or a folder that it lies in is hidden, or is what macOS puts beside archives."""
    return path.startswith((".", "__MACOSX/")) or "/." in path or "/__MACOSX/" in path


def pick_images(files: Iterable[File], url: str) -> tuple[list[File], list[File], list[str]]:
    """Return the images in code-point order of their paths, the other files, and notes.

    Hidden files are in neither list, but in the notes. Raises `SourceError` that says what was found
    instead, if there are no images.
    """
    images: list[File] = []
    others: list[File] = []
    hidden: list[str] = []
    for file in files:
        if is_hidden(file.path):
            hidden.append(file.path)
        else:
            (images if is_image(file.path) else others).append(file)
    if not images:
        raise SourceError(f"there are no images in {url}: {describe([file.path for file in others])}")
    images.sort(key=lambda file: file.path)
    others.sort(key=lambda file: file.path)
    return images, others, passed_over(hidden, "hidden files")


def describe(paths: Sequence[str]) -> str:
    """Say what there is where no images are."""
    if not paths:
        return "there are no files at all"
    kinds = Counter(f".{suffix_of(path)}" if suffix_of(path) else "without suffix" for path in paths)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
    if not kinds.keys().isdisjoint((".tar", ".tgz", ".gz")):
        return f"found {counts}; to read a tar archive, give the archive itself, not its folder"
    return f"found {counts}, the first is {paths[0]!r}"


def passed_over(paths: Sequence[str], what: str) -> list[str]:
    """Return the note, if there is need for one, that some files were passed over."""
    return [_passed_over(len(paths), sorted(paths)[:_SHOWN], what)] if paths else []


def _passed_over(count: int, first: Sequence[str], what: str) -> str:
    more = ", …" if count > len(first) else ""
    return f"passed over {what}, {count:,} in all: {', '.join(first)}{more}"


@dataclass(slots=True)
class PassedOver:
    """Files that are passed over: how many, and the first few, whichever way they are listed."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Take one down."""
        self.count += 1
        insort(self.first, path)
        del self.first[_SHOWN:]

    def notes(self, what: str) -> list[str]:
        """Return the note, if there is need for one."""
        return [_passed_over(self.count, self.first, what)] if self.count else []


def check_neighbours(references: Iterable[Reference]) -> None:
    """Raise `SourceError` that names two references with one key, of references in the order of keys."""
    for one, other in pairwise(references):
        if one.key == other.key:
            raise SourceError(
                f"{one.url}: {one.name} at offset {one.offset:,} and {other.url}: {other.name} at offset "
                f"{other.offset:,} have the same key {one.key!r}: rename or remove one"
            )


def make_key_of(file: File, name: str) -> str:
    """Return the key that a name gives; the `DataError` where it gives none says of which file."""
    try:
        return make_key(name)
    except DataError as error:
        error.add_note(f"made from {file.url}: {file.path!r} at offset {file.offset:,}")
        raise


def choose_keys(paths: Sequence[str], where: Callable[[int], str]) -> list[str]:
    """Return a key for every path: its stem where all stems differ, else the whole path without suffix.

    So ImageNet's files keep their stems, and classes that number their files each from 1 get the
    class before it. `where(i)` names the i-th file in errors: `SourceError` where two files have one
    key, `DataError` where a name gives none.
    """
    keys = _keys([path.rsplit("/", 1)[-1] for path in paths], where)
    if len(set(keys)) < len(keys):
        keys = _keys(paths, where)
    check_unique(keys, where)
    return keys


def check_unique(keys: Sequence[str], where: Callable[[int], str]) -> None:
    """Raise `SourceError` that names two files with one key."""
    if len(set(keys)) == len(keys):
        return
    seen: dict[str, int] = {}
    for i, key in enumerate(keys):
        if seen.setdefault(key, i) != i:
            raise SourceError(
                f"{where(seen[key])} and {where(i)} have the same key {key!r}: rename or remove one "
                "(a key is the name without suffix, other characters than A-Z a-z 0-9 _ - being '_')"
            )


def _keys(names: Sequence[str], where: Callable[[int], str]) -> list[str]:
    keys = []
    for i, name in enumerate(names):
        try:
            keys.append(make_key(name))
        except DataError as error:
            error.add_note(f"made from {where(i)}")
            raise
    return keys
