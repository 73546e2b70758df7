"""The JSON types of fields, told from all values that there are. Pure."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Kind, Metadata

EMPTY_VALUES: Final[Mapping[Kind, Any]] = {"text": "", "list": [], "object": {}}
"""What stands for a value that a sample lacks, where anything can."""
_KINDS: Final[tuple[tuple[type | tuple[type, ...], Kind], ...]] = (
    (str, "text"),
    (bool, "boolean"),  # before int, of which it is one
    (int, "integer"),
    (float, "number"),
    ((list, tuple), "list"),
    (dict, "object"),
)
KindCounts: TypeAlias = dict[str, dict[Kind | None, int]]
"""How many samples have a field as which type."""


def count_kinds(kinds: KindCounts, record: Metadata) -> None:
    """Count the types of one record's values. Raises `SourceError` for what JSON has not."""
    for name, value in record.items():
        counts = kinds.setdefault(name, {})
        kind = kind_of(value)
        counts[kind] = counts.get(kind, 0) + 1


def kind_of(value: object) -> Kind | None:
    """Return the JSON type of a value, None for a gap."""
    if value is None:
        return None
    for types, kind in _KINDS:
        if isinstance(value, types):
            # JSON has no NaN and no infinity: they are spelled out.
            return "text" if isinstance(value, float) and not math.isfinite(value) else kind
    raise SourceError(f"the metadata holds a {type(value).__name__}, which JSON has not: {value!r:.80}")


def common_kind(counts: Mapping[Kind | None, int], samples: int) -> Kind:
    """Return the one type that holds every value."""
    present = {kind for kind in counts if kind is not None}
    gaps = samples - sum(counts.values()) + counts.get(None, 0)
    if present == {"integer", "number"}:
        present = {"number"}
    if len(present) != 1:
        return "text"
    (kind,) = present
    return "text" if gaps and kind not in EMPTY_VALUES else kind


def as_kind(value: object, kind: Kind) -> object:
    """Return a value as the type that its field has."""
    if value is None:
        return EMPTY_VALUES[kind]
    if kind == "text" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if kind == "number" and isinstance(value, int):
        return float(value)
    return value
