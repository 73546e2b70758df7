"""JSON by RFC 8259, with limits: safe for files that are not trusted."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

MAX_DEPTH = 64
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def loads(data: bytes, *, max_bytes: int = 1 << 20, nan: Callable[[str], Any] = _refuse_constant) -> Any:  # noqa: ANN401 - JSON is any of six types
    """Return the value of a UTF-8 JSON text.

    Args:
        data: the text.
        max_bytes: longest text that is parsed.
        nan: returns the value of `NaN`, `Infinity`, `-Infinity` and of numbers too large for a float; by
            default it raises `ValueError`.

    Raises:
        ValueError: if the text is no JSON. Also for texts that Python's parser would accept or crash on:
            longer than `max_bytes`, nested deeper than 64, with duplicate names, NaN, infinities or lone
            surrogates.
    """
    if len(data) > max_bytes:
        raise ValueError(f"JSON of {len(data):,} bytes; at most {max_bytes:,} are read")
    _check_depth(data)
    text = data.decode("utf-8")  # a UnicodeDecodeError is a ValueError
    value = json.loads(
        text, object_pairs_hook=_unique, parse_constant=nan, parse_float=partial(_finite, nan=nan)
    )
    if "\\u" in text:
        _check_surrogates(value)
    return value


def dumps(value: object, *, sort_names: bool = False) -> bytes:
    """Return the compact UTF-8 JSON of a value. Raises `ValueError` for NaN.

    Args:
        value: the value.
        sort_names: sort the names of each object; else they stay in their order.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_names)
    return text.encode()


def _check_depth(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _BRACKETS.finditer(data):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"JSON nested deeper than {MAX_DEPTH} at byte {token.start()}")
        elif token[0] in (b"]", b"}"):
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"JSON object names {twice!r} twice")
    return names


def _finite(text: str, nan: Callable[[str], Any]) -> object:
    value = float(text)
    return nan(f"number {text:.40}, which is too large") if math.isinf(value) else value


def _check_surrogates(value: object) -> None:
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_surrogates(name)
            _check_surrogates(item)
