"""Which of the listed files are images, and the keys that they get."""

from array import array
from bisect import insort
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.sample import IMAGE_SUFFIXES, make_key
from wds_imagenet.sources.archives import File
from wds_imagenet.sources.recurring import recurring
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


def describe(paths: Sequence[str], counted: "Counter[str] | None" = None) -> str:
    """Say what there is where no images are; `counted` are the kinds of all files, paths the first."""
    if not paths:
        return "there are no files at all"
    kinds = Counter(map(_kind, paths)) if counted is None else counted
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


def _kind(path: str) -> str:
    return f".{suffix_of(path)}" if suffix_of(path) else "without suffix"


@dataclass(slots=True)
class PassedOver:
    """Files that are passed over: how many, and the first few, whichever way they are listed."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    """How many have which suffix."""

    def add(self, path: str) -> None:
        """Take one down."""
        self.count += 1
        self.kinds[_kind(path)] += 1
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
    if first_repeated(keys) is not None:
        keys = _keys(paths, where)
    check_unique(keys, where)
    return keys


def check_unique(keys: Sequence[str], where: Callable[[int], str]) -> None:
    """Raise `SourceError` that names two files with one key. Costs 8 bytes a key for a moment."""
    if (pair := first_repeated(keys)) is not None:
        one, other = pair
        raise same_key(where(one), where(other), keys[one])


def same_key(one: str, other: str, key: str) -> SourceError:
    """Return the error for two files with one key."""
    return SourceError(
        f"{one} and {other} have the same key {key!r}: rename or remove one "
        "(a key is the name without suffix, other characters than A-Z a-z 0-9 _ - being '_')"
    )


def first_repeated(keys: Collection[str]) -> tuple[int, int] | None:
    """Return the places of the first key that came before, and of where; None if all differ.

    Goes through the keys a second time if any recur. Costs 8 bytes a key for a moment.
    """
    places = recurring(array("q", map(hash, keys)))
    if not places:
        return None
    wanted = set(places)
    seen: dict[str, int] = {}
    for place, key in enumerate(keys):
        if place in wanted and seen.setdefault(key, place) != place:
            return seen[key], place
    return None


def _keys(names: Sequence[str], where: Callable[[int], str]) -> list[str]:
    keys = []
    for i, name in enumerate(names):
        try:
            keys.append(make_key(name))
        except DataError as error:
            error.add_note(f"made from {where(i)}")
            raise
    return keys


class Mapped(Collection[str]):
    """What a function makes of each reference, made anew each time that it is gone through."""

    def __init__(self, references: Collection[Reference], make: Callable[[Reference], str]) -> None:
        self._references, self._make = references, make

    def __len__(self) -> int:
        return len(self._references)

    def __iter__(self) -> Iterator[str]:
        return map(self._make, self._references)

    def __contains__(self, key: object) -> bool:
        return any(key == one for one in self)
