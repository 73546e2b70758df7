"""Samples: one key and its members; and the rules for keys and member names."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import CorruptError, DataError
from wds_imagenet.util import strict_json

IMAGE_SUFFIXES: Final = frozenset({"jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"})
MAX_KEY_BYTES: Final = 94  # a ustar name has 100 bytes: the key, ".jpeg", and one to spare
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9][A-Za-z0-9_-]*)*")
_DIGEST: Final = 12  # hexadecimal digits: a million names are all different with a probability of 99.8 %
_LABEL: Final = re.compile(r"(-?[0-9]{1,18})(?:\.0*)?")
_MAX_LABEL: Final = 10**18
MAX_JSON_BYTES: Final = 64 << 20
_PACKED: Final = frozenset({"filename", "width", "height", "format", "sha256"})
"""Size of the largest JSON of a sample that a reader parses."""


def check_key(key: str) -> str:
    """Return the key if every WebDataset reader reads it unchanged, else raise `DataError`.

    A key has letters, digits, `_`, `-` and `/`; each part begins with a letter or digit. It has no dot,
    since readers end the key at the first dot, and at most 94 bytes.
    """
    if len(key) > MAX_KEY_BYTES:
        raise DataError(f"key {key[:40]!r}… has {len(key)} characters; shorten it to {MAX_KEY_BYTES}")
    if not _KEY.fullmatch(key):
        raise DataError(
            f"key {key!r} may hold letters, digits, '_', '-' and '/' only, and each of its parts begins "
            "with a letter or digit"
        )
    return key


def make_key(name: str) -> str:
    """Return the key of a file name: its stem, with each character that no key may have replaced by `_`.

    `n01440764_10026.JPEG` gives `n01440764_10026`, `my cat.jpg` gives `my_cat`. A part of the path that
    is not ASCII ends with a hash of its text, so that names stay different: `猫.jpg` gives
    `x_-a810bf845a30`. So does a key that would be too long. A valid key is returned unchanged.

    Raises:
        DataError: if no character is left.
    """
    stem = name.rsplit(".", 1)[0] if "." in name.rsplit("/", 1)[-1].lstrip(".") else name
    key = "/".join(_make_part(part) for part in stem.split("/") if part)
    if len(key) > MAX_KEY_BYTES:
        key = key[: MAX_KEY_BYTES - _DIGEST - 1].rstrip("_-/") + _digest(stem)
    return check_key(key)


def _make_part(part: str) -> str:
    made = re.sub(r"[^A-Za-z0-9_-]", "_", part)
    made = made if made[0].isalnum() else f"x{made}"
    return made if part.isascii() else made + _digest(part)


def _digest(text: str) -> str:
    return "-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def split_name(name: str) -> tuple[str, str]:
    """Split a member's name into key and lower-case suffix, at the first dot of its last part.

    webdataset, Hugging Face `datasets` and Energon have the same rule. A name without a dot has the
    suffix `""`.
    """
    folder, slash, base = name.rpartition("/")
    stem, _, suffix = base.partition(".")
    return folder + slash + stem, suffix.lower()


def label_of(value: object) -> int | str | None:
    r"""Return the label that a text or a JSON value stands for.

    A number without a fraction is a label, as a JSON number or as text: 3, 3.0, "3", " 3\n", "3.0". -1, null
    and an empty text stand for no label. Another text is the name of a class, without the spaces around it.
    Any other value, such as a boolean, a list or 3.5, is no label.

    Returns:
        the label, the name of a class, or None. The label is below 0 for a number below -1.
    """
    if isinstance(value, str):
        text = value.strip("\ufeff \t\r\n\v\f")
        match = _LABEL.fullmatch(text)
        if match is None:
            return text or None
        value = int(match[1])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) >= _MAX_LABEL or value == -1:
        return None
    return value


def packed_sha256(fields: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 of the image in the JSON that `pack` writes; None for JSON of another program.

    Another program may write the hash of another file as `sha256`, such as that of the image before it was
    resized.

    Args:
        fields: a sample's JSON.
    """
    return fields["sha256"] if fields.keys() >= _PACKED else None


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its key and its members by suffix, in the order of the shard."""

    key: str
    members: Mapping[str, bytes | memoryview]
    """A mapping from suffix to content. The content is bytes, or a view of the block that is being read."""

    def __repr__(self) -> str:
        members = ", ".join(f"{suffix} {len(data):,} bytes" for suffix, data in self.members.items())
        return f"Sample({self.key!r}: {members})"

    @property
    def suffix(self) -> str:
        """The suffix of the image member, such as `jpg`. Raises `CorruptError` if there is no image."""
        for suffix in self.members:
            if suffix in IMAGE_SUFFIXES:
                return suffix
        raise CorruptError(f"sample {self.key!r} has no image, only {sorted(self.members)}")

    @property
    def image(self) -> bytes:
        """The encoded image, byte for byte as it was packed."""
        return bytes(self.members[self.suffix])

    @property
    def label(self) -> int | None:
        """The class index: the member `cls`, or else `label` in the JSON, as `label_of` reads it.

        None if the sample has neither. Raises `CorruptError` for a `cls` that is not a number.
        """
        if "cls" not in self.members:
            label = label_of(self.json.get("label"))
            return label if isinstance(label, int) else None
        text = bytes(self.members["cls"])
        try:
            label = label_of(text.decode()) if text.strip() else ""
        except UnicodeDecodeError:
            label = ""
        if isinstance(label, str):
            raise CorruptError(f"sample {self.key!r}: label {text[:20]!r} is not an integer")
        return label

    @property
    def caption(self) -> str | None:
        """The caption, or None if the sample has no `txt`."""
        text = self.members.get("txt")
        if text is None:
            return None
        try:
            return str(text, "utf-8")
        except UnicodeDecodeError as error:
            raise CorruptError(f"sample {self.key!r}: its caption is not UTF-8: {error}") from error

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object; `{}` if the sample has none. Each access parses it."""
        text = self.members.get("json")
        if text is None:
            return {}
        try:
            value = strict_json.loads(bytes(text), max_bytes=MAX_JSON_BYTES)
        except ValueError as error:
            raise CorruptError(f"sample {self.key!r}: its JSON cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise CorruptError(f"sample {self.key!r}: its JSON is no object")
        return value
