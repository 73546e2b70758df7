"""The SHA-256 of all references of a listing, the same wherever the data set lies. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.packing.plan.source_urls import CommonFolder, common_folder, relative
from wds_imagenet.util import strict_json

_CHUNK: Final = 4096
"""References that are hashed as one JSON array."""


class ReferenceHash:
    """Hashes references while a caller iterates over them; a second iteration is rarely needed.

    The hash covers each URL relative to the folder that all URLs share. That folder is certain only
    after the last reference, so it is guessed from the first and the last one. In a sorted listing the
    guess is right; elsewhere `hexdigest` iterates over the references again.
    """

    def __init__(self, references: Sequence[Reference]) -> None:
        self._references: Final = references
        ends = (*references[:1], *references[-1:])
        self._guess = (
            common_folder(r.url for r in ends),
            common_folder(a.url for r in ends for a in r.attachments),
        )
        self._urls, self._attachment_urls = CommonFolder(), CommonFolder()
        self._chunk: list[Reference] = []
        self._sha256 = hashlib.sha256()
        self._wrong = False

    def add(self, reference: Reference) -> None:
        """Take the next reference, in order. Raises `SourceError` for one that has no JSON form."""
        self._urls.add(reference.url)
        for attachment in reference.attachments:
            self._attachment_urls.add(attachment.url)
        self._chunk.append(reference)
        if len(self._chunk) == _CHUNK:
            self._flush()

    def hexdigest(self) -> str:
        """Return the hash of all references. Raises `SourceError` for one that has no JSON form."""
        self._flush()
        if not self._wrong:
            return self._sha256.hexdigest()
        folders = self._folders()
        digest = hashlib.sha256()
        for start in range(0, len(self._references), _CHUNK):
            digest.update(_encode(self._references[start : start + _CHUNK], *folders))
        return digest.hexdigest()

    def _folders(self) -> tuple[str, str]:
        return self._urls.path, self._attachment_urls.path

    def _flush(self) -> None:
        # The guess is never too short: both ends lie in the folder that all share.
        pairs = zip(self._folders(), self._guess, strict=True)
        self._wrong = self._wrong or not all(folder.startswith(guess) for folder, guess in pairs)
        if self._chunk and not self._wrong:
            self._sha256.update(_encode(self._chunk, *self._guess))
        self._chunk.clear()


def _encode(references: Sequence[Reference], folder: str, attachment_folder: str) -> bytes:
    try:
        return strict_json.dumps([_identity(r, folder, attachment_folder) for r in references])
    except (TypeError, ValueError) as error:
        bad = next(r for r in references if not _has_json(_identity(r, folder, attachment_folder)))
        raise SourceError(f"the metadata of {bad.name!r} has no JSON form: {error}") from error


def _identity(reference: Reference, folder: str, attachment_folder: str) -> list[Any]:
    identity: list[Any] = [
        reference.key,
        relative(reference.url, folder),
        reference.offset,
        reference.size,
        reference.name,
        reference.label,
        reference.caption,
        reference.metadata,
    ]
    if reference.attachments:
        identity.append([_attachment(item, attachment_folder) for item in reference.attachments])
    if reference.rotation:
        identity.append({"turn": reference.rotation})
    if reference.fault is not None:
        identity.append({"fault": reference.fault})
    return identity


def _attachment(item: Attachment, folder: str) -> list[Any]:
    return [item.suffix, relative(item.url, folder), item.offset, item.size, item.encoding]


def _has_json(value: list[Any]) -> bool:
    try:
        strict_json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
