"""Attachments: what further members the samples have, and the bytes that they become. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.sample import IMAGE_SUFFIXES

_SUFFIX: Final = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_TAKEN: Final = frozenset({"cls", "json", "txt", *IMAGE_SUFFIXES})
_MAX_NAME: Final = 100  # of a ustar member


def attached_suffixes(references: Iterable[Reference]) -> tuple[str, ...]:
    """Return the suffixes that every sample's attachments have, sorted: their order in the shards.

    Costs one pass. Raises `SourceError` for the first sample that lacks one that others have, for a
    suffix that cannot be a member's, and for a member's name that is too long for a tar.
    """
    first: Reference | None = None
    suffixes: tuple[str, ...] = ()
    longest = 0
    for reference in references:
        if first is None:
            first, suffixes = reference, _suffixes(reference)
            longest = max(map(len, suffixes), default=0)
        elif (reference.attachments or suffixes) and (own := _suffixes(reference)) != suffixes:
            lacking, other = (reference, suffixes) if set(suffixes) - set(own) else (first, own)
            missing = min(set(other) - set(_suffixes(lacking)))
            raise SourceError(f"{lacking.name!r} has no {missing!r}, which others have: all need it, or none")
        if suffixes and len(reference.key) + 1 + longest > _MAX_NAME:
            raise SourceError(
                f"the key {reference.key!r} is too long: with {max(suffixes, key=len)!r} a member's name "
                f"has more than the {_MAX_NAME} bytes that a tar takes"
            )
    return suffixes


def contents(reference: Reference, attached: Iterable[bytes]) -> list[tuple[str, bytes]]:
    """Return each attachment's suffix and what goes into the shard, in the shard's order.

    `attached` are the bytes that were read, in the reference's order. Raises `SourceError` for a tensor
    that cannot be read.
    """
    pairs = zip(reference.attachments, attached, strict=True)
    return sorted((item.suffix, _converted(reference, item, data)) for item, data in pairs)


def _converted(reference: Reference, item: Attachment, data: bytes) -> bytes:
    if item.encoding == "bytes":
        return data
    from wds_imagenet.labels.relabel import label_map  # noqa: PLC0415 - it brings torch

    return label_map(data, f"the {item.suffix!r} of {reference.name!r}, {item.url}")


def check_suffixes(suffixes: Iterable[str], what: str) -> tuple[str, ...]:
    """Return suffixes sorted. Raises `SourceError`, which says `what` has one that is no member's."""
    found = tuple(sorted(suffixes))
    for suffix in found:
        if not _SUFFIX.fullmatch(suffix) or suffix in _TAKEN or found.count(suffix) > 1:
            raise SourceError(f"{what} has the attachment {suffix!r}, which no member can be")
    return found


def _suffixes(reference: Reference) -> tuple[str, ...]:
    return check_suffixes((item.suffix for item in reference.attachments), repr(reference.name))
