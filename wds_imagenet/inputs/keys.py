"""Keys of images: made from file names, unique in a data set."""

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TypeVar

from wds_imagenet.errors import DataError, SourceError
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.sample import make_key

_T = TypeVar("_T")


def key_from_name(name: str, where: Callable[[], str]) -> str:
    """Return the key of a file name.

    Args:
        name: a path, whose suffix the key loses.
        where: returns the place of the name, for the note of an error.

    Raises:
        DataError: no key can be made from the name.
    """
    try:
        return make_key(name)
    except DataError as error:
        error.add_note(f"made from {where()}")
        raise


def key_of_file(file: ListedFile, name: str) -> str:
    """Return the key of a name; the note of a `DataError` gives the file and offset."""
    return key_from_name(name, lambda: f"{file.url}: {file.path!r} at offset {file.offset:,}")


def faulty(file: ListedFile, fault: str) -> Reference:
    """Return the reference of a file that cannot be used. Its key is its path, with the suffix."""
    path = file.path.replace(".", "_").lstrip("_/")
    return Reference(key_of_file(file, path), file.url, file.offset, file.size, file.path, fault=fault)


def with_unique_keys(
    references: SpilledReferences,
    where: Callable[[int], str],
    key_path: Callable[[str], str] = lambda path: path,
) -> SpilledReferences:
    """Return references as they are if their keys, made from stems, are unique; else `with_path_keys`.

    So ImageNet's files keep their stems as keys. Classes that number their files each from 1 get the
    class before the number. Costs one pass, and for a moment 8 bytes of memory a key.

    Args:
        references: the references, each with the key of its stem.
        where: returns the place of the i-th reference, for errors.
        key_path: as for `with_path_keys`.

    Raises:
        SourceError: two references have the same key even by their whole paths.
        DataError: no key can be made from a path.
    """
    if first_duplicate_key(references) is None:
        return references
    return with_path_keys(references, where, key_path)


def with_path_keys(
    references: Sequence[Reference],
    where: Callable[[int], str],
    key_path: Callable[[str], str] = lambda path: path,
    *,
    cure: str = "",
) -> SpilledReferences:
    """Return references with keys made from their whole paths, without suffix. Costs two passes.

    Args:
        references: the references, whose `name` is a path.
        where: returns the place of the i-th reference, for errors.
        key_path: returns the path without what the key should not lose, from the path of a reference.
        cure: an option that gives references other keys, as the end of a sentence.

    Raises:
        SourceError: two references have the same key.
        DataError: no key can be made from a path.
    """
    renamed = SpilledReferences(
        replace(reference, key=key_from_name(key_path(reference.name), partial(where, position)))
        for position, reference in enumerate(references)
    )
    if (pair := first_duplicate_key(renamed)) is not None:
        first, second = pair
        raise duplicate_key_error(where(first), where(second), renamed[first].key, cure)
    return renamed


def first_duplicate_key(references: Collection[Reference]) -> tuple[int, int] | None:
    """Return the positions of the first two references with the same key, as `first_duplicate` does."""
    return first_duplicate(references, lambda reference: reference.key)


def first_duplicate(items: Collection[_T], text_of: Callable[[_T], str]) -> tuple[int, int] | None:
    """Return the position of the first text that recurs and that of its second item, None if all differ.

    Iterates over the items once, a second time only if two hashes are equal. Costs 8 bytes an item for a
    moment.

    Args:
        items: the items, in an order that is the same in every iteration.
        text_of: returns the text of an item that is compared, such as its key.
    """
    positions = set(repeated_positions(array("q", (hash(text_of(item)) for item in items))))
    if not positions:
        return None
    seen: dict[str, int] = {}
    for position, item in enumerate(items):
        if position in positions and seen.setdefault(text := text_of(item), position) != position:
            return seen[text], position
    return None


def repeated_positions(values: "array[int]") -> list[int]:
    """Return the positions of all values that occur more than once, in order, without a set of the values.

    Given hashes of keys, keys at the other positions are unique. Costs 8 bytes a value for a moment, 16 if
    any value recurs.

    Args:
        values: signed integers of 64 bits, `array("q")`.
    """
    import numpy as np  # noqa: PLC0415 - sources are light to import

    numbers = np.frombuffer(values, np.int64)
    ordered = np.sort(numbers)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.flatnonzero(np.isin(numbers, again)).tolist() if len(again) else []


def check_sorted_keys(references: Iterable[Reference]) -> None:
    """Raise `SourceError` for two references with the same key, among references in the order of keys."""
    for one, other in pairwise(references):
        if one.key == other.key:
            raise duplicate_key_error(_place(one), _place(other), one.key)


def _place(reference: Reference) -> str:
    return f"{reference.url}: {reference.name} at offset {reference.offset:,}"


def duplicate_key_error(one: str, other: str, key: str, cure: str = "") -> SourceError:
    """Return the error for two files, each named by its place, with the same key."""
    return SourceError(
        f"{one} and {other} have the same key {key!r}: rename or remove one "
        "(a key is the name without suffix, with '_' for every character but A-Z a-z 0-9 _ -)" + cure
    )
