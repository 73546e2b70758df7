"""Rows of a table that mean one image: found, or made into one sample."""

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.keys import first_duplicate
from wds_imagenet.inputs.reference import Reference

CAPTIONS = "captions"
"""The field that has all captions of an image."""


def check_single(references: Sequence[Reference], where: Callable[[int], str]) -> None:
    """Raise `SourceError` that names two rows which mean one image, and what may be done about it."""
    if (pair := first_duplicate(references, lambda reference: reference.url)) is not None:
        first, row = pair
        raise SourceError(
            f"{where(row)} means the same image as {where(first)}, {references[row].url}: remove one, or "
            "pack each image once with the captions of all its rows (option duplicates='group'), or each row "
            "by itself, its key from a column that has another one for each (option 'key_column')"
        )


def group(
    references: Sequence[Reference], where: Callable[[int], str], *, captioned: bool
) -> Iterator[Reference]:
    """Yield one reference an image, in the order in which they come first.

    Its caption is that of its first row that has one, and where there are captions at all, the field
    `captions` lists those of all rows. A field in which the rows of any image differ is a list for every
    image, by row; the others stay as they are. Costs 24 bytes of memory a row and two passes. Raises
    `SourceError` where rows of one image have not the same key or label, or the name `captions` is taken.
    """
    if captioned and references and CAPTIONS in references[0].metadata:
        raise SourceError(
            f"{where(0)}: a column {CAPTIONS!r} is there beside that of the captions: rename it"
        )
    images = _Images(references)
    varying: set[str] = set()
    for (place, first), *others in images:
        for row, other in others:
            for what, one, two in (("key", first.key, other.key), ("label", first.label, other.label)):
                if one != two:
                    raise SourceError(
                        f"{where(row)} gives {first.name} the {what} {two!r}, but {where(place)} gave "
                        f"it {one!r}: the rows of one image are to have the same"
                    )
            varying |= {name for name, value in first.metadata.items() if other.metadata[name] != value}
    for rows in images:
        yield _join([reference for _, reference in rows], varying, captioned)


class _Images:
    """The rows of each image with their places, images in the order in which they come first."""

    def __init__(self, references: Sequence[Reference]) -> None:
        import numpy as np  # noqa: PLC0415 - sources are light to import

        # Not `hash()`, which is another in each process: should two collide, the order is still the same.
        digests = (hashlib.blake2b(r.url.encode(), digest_size=8).digest() for r in references)
        numbers = array("q", (int.from_bytes(digest, "little", signed=True) for digest in digests))
        hashes = np.frombuffer(numbers, np.int64)
        self._references = references
        self._order = np.argsort(hashes, kind="stable")
        changes = np.flatnonzero(np.diff(hashes[self._order])) + 1
        self._bounds = np.concatenate([[0], changes, [len(hashes)]])
        self._first = np.argsort(self._order[self._bounds[:-1]])

    def __iter__(self) -> Iterator[list[tuple[int, Reference]]]:
        for image in self._first:
            rows = self._order[self._bounds[image] : self._bounds[image + 1]].tolist()
            by_url: dict[str, list[tuple[int, Reference]]] = {}
            for row in rows:
                reference = self._references[row]
                by_url.setdefault(reference.url, []).append((row, reference))
            yield from by_url.values()


def _join(members: Sequence[Reference], varying: set[str], captioned: bool) -> Reference:  # noqa: FBT001 - the caller's
    first = members[0]
    metadata = {
        name: [member.metadata[name] for member in members] if name in varying else value
        for name, value in first.metadata.items()
    }
    told = [member.caption for member in members if member.caption is not None]
    if captioned:
        metadata[CAPTIONS] = told
    return replace(first, caption=told[0] if told else None, metadata=metadata)
