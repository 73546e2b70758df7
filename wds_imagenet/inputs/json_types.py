"""The JSON types of metadata fields, found from all values of a data set. Pure."""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Kind, Metadata

EMPTY_VALUES: Final[Mapping[Kind, Any]] = {"text": "", "list": [], "object": {}}
"""The value of a field in a sample that lacks it, for the types that have an empty value."""
_KINDS: Final[tuple[tuple[type | tuple[type, ...], Kind], ...]] = (
    (str, "text"),
    (bool, "boolean"),  # before int: bool is a subclass of int
    (int, "integer"),
    (float, "number"),
    ((list, tuple), "list"),
    (dict, "object"),
)
KindCounts: TypeAlias = dict[str, dict[Kind | None, int]]
"""The number of samples by field and type; the type None counts null values."""


def count_kinds(counts: KindCounts, metadata: Metadata) -> None:
    """Count the types of one sample's values. Raises `SourceError` for a value that is not JSON."""
    for name, value in metadata.items():
        of_field = counts.setdefault(name, {})
        kind = kind_of(value)
        of_field[kind] = of_field.get(kind, 0) + 1


def kind_of(value: object) -> Kind | None:
    """Return the JSON type of a value, None for null. Raises `SourceError` for a value that is not JSON."""
    if value is None:
        return None
    for types, kind in _KINDS:
        if isinstance(value, types):
            if kind == "integer" and not _is_exact_as_float(value):
                return "large integer"
            # JSON has no NaN and no infinity: `as_kind` writes them as text.
            return "text" if isinstance(value, float) and not math.isfinite(value) else kind
    raise SourceError(f"the metadata holds a {type(value).__name__}, which JSON cannot hold: {value!r:.80}")


def _is_exact_as_float(value: Any) -> bool:  # noqa: ANN401 - an integer
    try:
        return bool(float(value) == value)
    except OverflowError:
        return False


def merged(kinds: Collection[Kind | None]) -> set[Kind]:
    """Return the types that are left when numbers that have one type are merged, without null.

    Integers and fractions are fractions, unless a fraction cannot hold one of the integers.
    """
    left = {kind for kind in kinds if kind is not None}
    if left <= {"integer", "large integer"}:
        return {"integer"} if left else set()
    return {"number"} if left == {"integer", "number"} else left


def common_kind(counts: Mapping[Kind | None, int], samples: int) -> Kind:
    """Return the one type that can hold every value of a field; text if no other type can.

    Args:
        counts: the number of samples by type of their value.
        samples: the number of all samples, also of those that lack the field.
    """
    kinds = merged(counts)
    gaps = samples - sum(counts.values()) + counts.get(None, 0)
    if len(kinds) != 1:
        return "text"
    (kind,) = kinds
    return "text" if gaps and kind not in EMPTY_VALUES else kind


def gap_note(name: str, lacking: str) -> str:
    """Return the note that the numbers of a field become text.

    Args:
        name: the field.
        lacking: the reason, such as `3 cells are empty`.
    """
    fill = "option 'null_as' of table and huggingface fills them"
    return f"the numbers of {name!r} become text, because {lacking}; {fill}"


def as_kind(value: object, kind: Kind) -> object:
    """Return a value in its field's type: null becomes empty, and text holds other values as JSON."""
    if value is None:
        return EMPTY_VALUES[kind]
    if kind == "text" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if kind == "number" and isinstance(value, int):
        return float(value)
    return value
