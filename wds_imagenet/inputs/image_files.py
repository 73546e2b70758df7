"""Which of the listed files are images, and the keys that they get."""

from array import array
from bisect import insort
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Final

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.inputs.duplicates import repeated
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sample import IMAGE_SUFFIXES, make_key

_SHOWN: Final = 3
_NOTHING: Final[Metadata] = {}


def suffix_of(path: str) -> str:
    """Return what follows the last dot of a file's name, lower-cased; "" if there is none."""
    stem, _, suffix = path.rpartition(".")
    return suffix.lower() if stem and stem[-1] != "/" and "/" not in suffix else ""


def is_image(path: str) -> bool:
    """Whether a name is that of an image: jpg, jpeg, png, webp, gif, bmp, tif or tiff, in any case."""
    return suffix_of(path) in IMAGE_SUFFIXES


def is_hidden(path: str) -> bool:
    """Whether a file or a folder that it lies in is hidden, or is what macOS puts beside archives."""
    if not path.startswith((".", "__MACOSX/")) and "/." not in path and "/__MACOSX/" not in path:
        return False  # nearly all
    parts = path.split("/")
    return "__MACOSX" in parts[:-1] or any(part.startswith(".") and part.strip(".") for part in parts)


def only_images(
    files: Iterable[ListedFile], others: "PassedOver", hidden: "PassedOver"
) -> Iterator[Reference]:
    """Yield the images, as references that have their path for a name and no key; count all other files."""
    for file in files:
        if is_hidden(file.path) or not is_image(file.path):
            (hidden if is_hidden(file.path) else others).add(file.path)
        else:
            yield Reference("", file.url, file.offset, file.size, file.path, None, None, _NOTHING)


def no_images(url: str, *passed: "PassedOver") -> SourceError:
    """Return the error for an input without images, which says what was found instead."""
    return SourceError(f"there are no images in {url}: {describe_all(*passed)}")


def describe_all(*passed: "PassedOver") -> str:
    """Say what there is where no images are: files that were passed over for one reason or another."""
    kinds = sum((one.kinds for one in passed), Counter[str]())
    return describe([path for one in passed for path in one.first], kinds)


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


def make_key_of(file: ListedFile, name: str) -> str:
    """Return the key that a name gives; the `DataError` where it gives none says of which file."""
    return key_from(name, lambda: f"{file.url}: {file.path!r} at offset {file.offset:,}")


def key_from(name: str, where: Callable[[], str]) -> str:
    """Return the key that a name gives; the `DataError` where it gives none says where that stands."""
    try:
        return make_key(name)
    except DataError as error:
        error.add_note(f"made from {where()}")
        raise


def choose_keys(references: SpilledReferences, where: Callable[[int], str]) -> SpilledReferences:
    """Return references that came with the keys of their stems, with those of whole names if these repeat.

    So ImageNet's files keep their stems, and classes that number their files each from 1 get the class
    before it. Costs a pass and 8 bytes each for a moment, and raises what `whole_keys` does.
    """
    return references if repeated_key(references) is None else whole_keys(references, where)


def whole_keys(references: Sequence[Reference], where: Callable[[int], str]) -> SpilledReferences:
    """Return references with the keys of their whole names, without suffix.

    `where(i)` names the i-th in errors: `SourceError` where two have one key, `DataError` where a name gives
    none. Costs two passes.
    """
    whole = SpilledReferences(
        replace(reference, key=key_from(reference.name, partial(where, place)))
        for place, reference in enumerate(references)
    )
    if (pair := repeated_key(whole)) is not None:
        one, other = pair
        raise same_key(where(one), where(other), whole[one].key)
    return whole


def repeated_key(references: Collection[Reference]) -> tuple[int, int] | None:
    """Return what `first_repeated` does of the references' keys."""
    return first_repeated(Mapped(references, lambda reference: reference.key))


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
    places = repeated(array("q", map(hash, keys)))
    if not places:
        return None
    wanted = set(places)
    seen: dict[str, int] = {}
    for place, key in enumerate(keys):
        if place in wanted and seen.setdefault(key, place) != place:
            return seen[key], place
    return None


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
