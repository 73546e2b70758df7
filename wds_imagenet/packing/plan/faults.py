"""References whose images the source already found unusable. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import overload

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.source_urls import describe


class LimitedReferences(Sequence[Reference]):
    """References, of which each image that is listed with more bytes than a limit has a fault."""

    def __init__(self, references: Sequence[Reference], limit: int) -> None:
        self._references, self._limit = references, limit

    def __len__(self) -> int:
        return len(self._references)

    @overload
    def __getitem__(self, index: int) -> Reference: ...
    @overload
    def __getitem__(self, index: slice) -> list[Reference]: ...
    def __getitem__(self, index: int | slice) -> Reference | list[Reference]:
        if isinstance(index, slice):
            return [limited(r, r.size, self._limit) for r in self._references[index]]
        found = self._references[index]
        return limited(found, found.size, self._limit)

    def __iter__(self) -> Iterator[Reference]:
        return (limited(r, r.size, self._limit) for r in self._references)


def limited(reference: Reference, size: int | None, limit: int) -> Reference:
    """Return the reference of an image of `size` bytes: with a fault, if these are more than the limit."""
    if size is None or size <= limit or reference.fault is not None:
        return reference
    return replace(reference, fault=too_many_bytes(size, limit))


def too_many_bytes(size: int | None, limit: int) -> str:
    """Return the reason why an image has too many bytes; `size` is None if it is unknown."""
    found = f"more than {limit:,} bytes" if size is None else f"{size:,} bytes"
    return f"has {found}, and at most {limit:,} are read: option 'max_image_bytes' allows more"


def check_fault(reference: Reference, options: PackOptions) -> None:
    """Raise `SourceError` for a reference with a fault, unless the options leave such images out.

    Args:
        reference: the reference, with or without a fault.
        options: those of packing, of which `on_bad` matters.
    """
    if reference.fault is None or options.skips:
        return
    skip = "repair-else-skip" if options.repairs else "skip"
    raise SourceError(
        f"{describe(reference)}: {reference.fault}; option on_bad={skip!r} leaves out every such image and "
        "lists them all in .wds-imagenet/report.jsonl"
    )
