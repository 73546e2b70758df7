"""Rows of a table that name the same image: rejected, or joined into one sample."""

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.keys import first_duplicate
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.sources.label_cells import LABELS

CAPTIONS = "captions"
"""The field that holds all captions of an image."""


def check_one_row_each(references: Sequence[Reference], where: Callable[[int], str]) -> None:
    """Raise `SourceError` if two rows name the same image.

    Args:
        references: one reference a row.
        where: returns the location of a row, for the error.
    """
    if (pair := first_duplicate(references, lambda reference: reference.url)) is not None:
        first, row = pair
        raise SourceError(
            f"{where(row)} names the same image as {where(first)}, {references[row].url}: remove one, or "
            "join the rows of each image into one sample (option duplicates='group'), or pack every row "
            "as a sample with a key of its own (option 'key_column')"
        )


def group(
    references: Sequence[Reference], where: Callable[[int], str], *, captioned: bool, several: bool
) -> Iterator[Reference]:
    """Yield one reference an image, in the order of the images' first rows.

    The caption is the first one among the image's rows; if the table has captions, the field `captions`
    lists all of them. A field that differs between the rows of any image becomes a list, by row, for every
    image. Other fields stay unchanged. Costs two passes, and 24 bytes of memory a row.

    Args:
        references: one reference a row.
        where: returns the location of a row, for errors.
        captioned: True if the table has a column of captions.
        several: True if images have several labels: those of an image's rows are put together.

    Raises:
        SourceError: rows of one image differ in key or label, or a column is called `captions`.
    """
    if captioned and references and CAPTIONS in references[0].metadata:
        raise SourceError(
            f"{where(0)}: the column {CAPTIONS!r} has the name of the field for all captions: rename it"
        )
    images = _RowsByImage(references)
    varying: set[str] = set()
    for (place, first), *others in images:
        for row, other in others:
            for name, one, two in (("key", first.key, other.key), ("label", first.label, other.label)):
                if one != two:
                    cure = "" if name == "key" else "; option label_separator=';' gives images several labels"
                    raise SourceError(
                        f"{where(row)} gives {first.name} the {name} {two!r}, but {where(place)} gave "
                        f"it {one!r}: all rows of one image must have the same {name}{cure}"
                    )
            varying |= {name for name, value in first.metadata.items() if other.metadata[name] != value}
    for rows in images:
        joined = _join([reference for _, reference in rows], varying - {LABELS}, captioned=captioned)
        if several:
            every = (label for _, row in rows for label in row.metadata[LABELS])
            joined = replace(joined, metadata={**joined.metadata, LABELS: list(dict.fromkeys(every))})
        yield joined


class _RowsByImage:
    """Groups the rows of each image, with their indices, in the order of the images' first rows."""

    def __init__(self, references: Sequence[Reference]) -> None:
        import numpy as np  # noqa: PLC0415 - sources are light to import

        # Not `hash()`, which differs between processes: colliding images must come in the same order.
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


def _join(rows: Sequence[Reference], varying: set[str], *, captioned: bool) -> Reference:
    first = rows[0]
    metadata = {
        name: [row.metadata[name] for row in rows] if name in varying else value
        for name, value in first.metadata.items()
    }
    captions = [row.caption for row in rows if row.caption is not None]
    if captioned:
        metadata[CAPTIONS] = captions
    return replace(first, caption=captions[0] if captions else None, metadata=metadata)
