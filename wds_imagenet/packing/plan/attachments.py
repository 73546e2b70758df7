"""Attachments: the further members of each sample, and their bytes. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.sample import IMAGE_SUFFIXES

_SUFFIX: Final = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_TAKEN: Final = frozenset({"cls", "json", "txt", *IMAGE_SUFFIXES})
_MAX_NAME: Final = 100  # bytes of a member's name in a ustar header


class SuffixCheck:
    """Checks that all references of a listing have attachments of the same suffixes."""

    def __init__(self) -> None:
        self.suffixes: tuple[str, ...] = ()
        """The suffixes, sorted: their order in the shards."""
        self._first: Reference | None = None
        self._longest = 0

    def add(self, reference: Reference) -> None:
        """Check one reference.

        Raises:
            SourceError: the reference lacks an attachment that others have, a suffix cannot name a
                member of a shard, or a member's name is too long for a tar.
        """
        if self._first is None:
            self._first, self.suffixes = reference, _suffixes(reference)
            self._longest = max(map(len, self.suffixes), default=0)
        elif reference.attachments or self.suffixes:
            self._compare(self._first, reference)
        if self.suffixes and len(reference.key) + 1 + self._longest > _MAX_NAME:
            raise SourceError(
                f"the key {reference.key!r} is too long: with {max(self.suffixes, key=len)!r} a member's "
                f"name has more than the {_MAX_NAME} bytes that a tar takes"
            )

    def _compare(self, first: Reference, reference: Reference) -> None:
        own = _suffixes(reference)
        if own == self.suffixes:
            return
        lacking, other = (reference, self.suffixes) if set(self.suffixes) - set(own) else (first, own)
        missing = min(set(other) - set(_suffixes(lacking)))
        raise SourceError(f"{lacking.name!r} has no {missing!r}, but other images have: all need it, or none")


def contents(reference: Reference, attached: Iterable[bytes]) -> list[tuple[str, bytes]]:
    """Return the suffix and the stored bytes of each attachment, in the shard's order.

    Args:
        reference: the sample.
        attached: the bytes of its attachments as they were read, in the reference's order.

    Raises:
        SourceError: a file is no tensor of the expected form.
    """
    pairs = zip(reference.attachments, attached, strict=True)
    return sorted((item.suffix, _converted(reference, item, data)) for item, data in pairs)


def check_suffixes(suffixes: Iterable[str], owner: str) -> tuple[str, ...]:
    """Return suffixes sorted. Raises `SourceError`, naming their owner, for one that no member can have."""
    found = tuple(sorted(suffixes))
    for suffix in found:
        if not _SUFFIX.fullmatch(suffix) or suffix in _TAKEN or found.count(suffix) > 1:
            raise SourceError(f"{owner} has the attachment {suffix!r}, which no member can be")
    return found


def _converted(reference: Reference, item: Attachment, data: bytes) -> bytes:
    if item.encoding == "bytes":
        return data
    from wds_imagenet.labels.relabel import label_map  # noqa: PLC0415 - it brings torch

    return label_map(data, f"the {item.suffix!r} of {reference.name!r}, {item.url}")


def _suffixes(reference: Reference) -> tuple[str, ...]:
    return check_suffixes((item.suffix for item in reference.attachments), repr(reference.name))
