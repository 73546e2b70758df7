"""The meaning of the members of a sample: rules that a user may change by options. Pure."""

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from wds_imagenet.errors import UsageError
from wds_imagenet.sample import IMAGE_SUFFIXES, MAX_JSON_BYTES, split_name
from wds_imagenet.util import strict_json

KeyEnd = Literal["first-dot", "last-dot"]
DEFAULT_JSON_BYTES: Final = 1 << 20
_REFUSED: Final = object()


@dataclass(frozen=True, slots=True)
class MemberRules:
    """The rules by which members become samples. The defaults are WebDataset's own rules."""

    label_suffix: str = "cls"
    """Suffix of the member that holds the label."""
    label_field: str = "label"
    """JSON field that holds the label of a sample without such a member."""
    image: str | None = None
    """Suffix of the member that is the image; None for the only one with the suffix of an image."""
    images: frozenset[str] = IMAGE_SUFFIXES
    """The suffixes of images."""
    left_out: frozenset[str] = frozenset()
    """Suffixes of members that are neither read nor packed."""
    key_ends: KeyEnd = "first-dot"
    """The dot in the last part of a name at which the key ends."""
    gather: bool = False
    """True to join members of one key that are not side by side."""
    max_json_bytes: int = DEFAULT_JSON_BYTES
    """Size of the largest JSON, label or caption that is read."""
    nan_as: Any = _REFUSED
    """Value in place of NaN and infinities in JSON; without it they are faults."""

    def __post_init__(self) -> None:
        if self.key_ends not in get_args(KeyEnd):
            raise UsageError(
                f"option 'key_ends' is {' or '.join(get_args(KeyEnd))}, and not {self.key_ends!r:.40}"
            )
        if not 1 <= self.max_json_bytes <= MAX_JSON_BYTES:
            raise UsageError(
                f"option 'max_json_bytes' is 1 to {MAX_JSON_BYTES:,}, and not {self.max_json_bytes:,}"
            )
        for name in ("label_suffix", "image"):
            value = getattr(self, name)
            if value is not None and (not value or value != value.lower() or value[0] == "."):
                raise UsageError(
                    f"option {name!r} is a suffix such as 'cls' or 'left.jpg', not {value!r:.40}"
                )

    @property
    def small(self) -> frozenset[str]:
        """Suffixes of the members that are always read: label, metadata and caption."""
        return frozenset({self.label_suffix, "json", "txt"}) - self.left_out - {self.image}

    def split(self, name: str) -> tuple[str, str]:
        """Split a member's name into key and lower-case suffix."""
        if self.key_ends == "first-dot":
            return split_name(name)
        folder, slash, base = name.rpartition("/")
        stem, dot, suffix = base.rpartition(".")
        return folder + slash + (stem if dot else base), suffix.lower() if dot else ""

    def parse(self, data: bytes) -> object:
        """Return the value of a JSON text. Raises `ValueError` as `strict_json.loads` does."""
        if self.nan_as is _REFUSED:
            return strict_json.loads(data, max_bytes=self.max_json_bytes)
        return strict_json.loads(data, max_bytes=self.max_json_bytes, nan=lambda _: self.nan_as)


DEFAULT_RULES: Final = MemberRules()


def parse_nan_as(text: str) -> int | float | None:
    """Return the value of option `nan_as`: `null` or a number. Raises `UsageError`."""
    try:
        value = strict_json.loads(text.encode())
    except ValueError:
        value = ""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise UsageError(f"option 'nan_as' is null or a number, and not {text!r:.40}")


def as_suffix(text: str) -> str:
    """Return a suffix as the rules need it: lower case, without the dot in front."""
    return text.strip().lower().removeprefix(".")
