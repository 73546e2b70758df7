"""Rows of a table that mean one image: found, or made into one sample."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from wds_imagenet.errors import SourceError
from wds_imagenet.sources.reference import Reference

CAPTIONS = "captions"
"""The field that has all captions of an image."""


def check_single(urls: Sequence[str], where: Callable[[int], str]) -> None:
    """Raise `SourceError` that names two rows which mean one image, and what may be done about it."""
    seen: dict[str, int] = {}
    for row, url in enumerate(urls):
        first = seen.setdefault(url, row)
        if first != row:
            raise SourceError(
                f"{where(row)} means the same image as {where(first)}, {url}: remove one, or pack each image "
                "once with the captions of all its rows (option duplicates='group'), or each row by itself, "
                "its key from a column that has another one for each (option 'key_column')"
            )


def group(
    references: Sequence[Reference], where: Callable[[int], str], *, captioned: bool
) -> list[Reference]:
    """Return one reference an image, in the order in which they come first.

    Its caption is that of its first row that has one, and where there are captions at all, the field
    `captions` lists those of all rows. A field in which the rows of any image differ is a list for every
    image, by row; the others stay as they are. Raises `SourceError` where rows of one image have not the
    same key or label, or the name `captions` is taken.
    """
    rows: dict[str, list[int]] = {}
    for row, reference in enumerate(references):
        rows.setdefault(reference.url, []).append(row)
    varying: set[str] = set()
    for members in rows.values():
        first = references[members[0]]
        for row in members[1:]:
            other = references[row]
            for what, one, two in (("key", first.key, other.key), ("label", first.label, other.label)):
                if one != two:
                    raise SourceError(
                        f"{where(row)} gives {first.name} the {what} {two!r}, but {where(members[0])} gave "
                        f"it {one!r}: the rows of one image are to have the same"
                    )
            varying |= {name for name, value in first.metadata.items() if other.metadata[name] != value}
    if captioned and references and CAPTIONS in references[0].metadata:
        raise SourceError(
            f"{where(0)}: a column {CAPTIONS!r} is there beside that of the captions: rename it"
        )
    return [_join([references[row] for row in members], varying, captioned) for members in rows.values()]


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
