"""Arguments of public functions, compared with the types in their signatures. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from wds_imagenet.errors import UsageError

_NAMES: Final = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    Mapping: "a mapping",
}


def check_arguments(function: Callable[..., object], arguments: Mapping[str, object]) -> None:
    """Raise `UsageError` for the first argument of a type that the signature does not have.

    Whole numbers may be NumPy's. A `Literal` stands for the types of its values: the function checks them.

    Args:
        function: the function, with annotations that can be evaluated.
        arguments: its arguments by name, as `locals()` has them at its beginning; others are ignored.
    """
    for name, hint in _hints(function).items():
        if name not in arguments:
            continue
        value = arguments[name]
        values = value if name in _several(function) and isinstance(value, tuple) else (value,)
        for item in values:
            if not _fits(item, hint):
                raise UsageError(f"{name} is {_describe(hint)}, and not {item!r:.60}")


@lru_cache(maxsize=64)
def _hints(function: Callable[..., object]) -> Mapping[str, Any]:
    return MappingProxyType({n: h for n, h in get_type_hints(function).items() if n != "return"})


def _several(function: Callable[..., object]) -> Iterable[str]:
    """Return the name of the parameter that takes any number of positional arguments, if there is one."""
    code = getattr(function, "__code__", None)
    if code is None or not code.co_flags & 0x04:  # CO_VARARGS
        return ()
    return (code.co_varnames[code.co_argcount + code.co_kwonlyargcount],)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401 - any annotation
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return isinstance(value, tuple(type(part) for part in parts))
    if hint in {int, float}:
        kinds = ("__index__",) if hint is int else ("__index__", "__float__")
        return not isinstance(value, bool | str | bytes) and any(hasattr(value, kind) for kind in kinds)
    try:
        known = isinstance(value, origin or hint)
    except TypeError:  # Any, a protocol, or a type that only a type checker knows
        return True
    return known and _items_fit(value, parts)


def _items_fit(value: object, parts: Sequence[Any]) -> bool:
    if isinstance(value, Mapping) and len(parts) == 2:
        return all(_fits(k, parts[0]) and _fits(v, parts[1]) for k, v in value.items())
    if isinstance(value, list | tuple) and len(parts) == 1:
        return all(_fits(item, parts[0]) for item in value)
    return True


def _describe(hint: Any) -> str:  # noqa: ANN401 - any annotation
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return " or ".join(dict.fromkeys(_describe(part) for part in parts if part is not NoneType))
    if origin is Literal:
        return " or ".join(repr(part) for part in parts)
    if origin is Callable:
        return "a function"
    inner = [_describe(part) for part in parts]
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(parts) == 2:
        return f"a mapping of {inner[0]} to {inner[1]}"
    if origin is not None and len(parts) == 1:
        return f"a list of {inner[0].removeprefix('a ')}s"
    kind = origin or hint
    return _NAMES.get(kind, getattr(kind, "__name__", str(kind)))
