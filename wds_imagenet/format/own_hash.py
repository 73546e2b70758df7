"""The hash of itself that a JSON file carries in its field `sha256`. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from wds_imagenet.errors import ManifestError
from wds_imagenet.util import strict_json

OWN_HASH: Final = "sha256"
"""The name of the field."""


def own_sha256(value: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an object's canonical JSON, without its field `sha256`.

    The canonical JSON is compact UTF-8, and the names of every object are sorted. So neither white space
    nor the order of names changes the hash. Costs the memory of the text.
    """
    rest = {name: item for name, item in value.items() if name != OWN_HASH}
    return hashlib.sha256(strict_json.dumps(rest, sort_names=True)).hexdigest()


def check_own_hash(value: Mapping[str, Any], subject: str, remedy: str) -> str:
    """Return the hash that an object carries, after a comparison with its content.

    Args:
        value: the object as it was read.
        subject: the file in words, such as `the manifest`.
        remedy: the way on, for the message.

    Raises:
        ManifestError: the hash is missing or wrong: the file was changed after it was written.
    """
    stated = value.get(OWN_HASH)
    if stated is None:
        raise ManifestError(f"{subject} lacks {OWN_HASH!r}, its own hash: {remedy}")
    actual = own_sha256(value)
    if stated != actual:
        raise ManifestError(
            f"{subject} was changed after it was written: its SHA-256 is {actual:.12}…, and it states "
            f"{stated!r:.14}…; {remedy}"
        )
    return actual
