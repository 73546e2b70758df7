"""Arguments of the loader that cannot be meant: refused at once, and by name. Pure."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from inspect import signature
from operator import index
from typing import Any

from wds_imagenet.errors import UsageError


def whole(name: str, value: Any, least: int | None = None) -> int:  # noqa: ANN401 - anything may come
    """Return a whole number, Python's or NumPy's; `UsageError` for `8.0`, `"8"`, `True` and what is less."""
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None:
        raise UsageError(f"{name} is a whole number, and not {value!r}")
    if least is not None and number < least:
        raise UsageError(f"{name} is at least {least}, and not {number}")
    return number


def check_names(names: Iterable[str], function: Callable[..., object]) -> None:
    """Refuse names of storage options that are misspelt ones of the function's own arguments."""
    own = [name for name in signature(function).parameters if name != "self"]
    for name in names:
        for meant in get_close_matches(name, own, n=1, cutoff=0.8):
            raise UsageError(f"there is no option {name!r}: did you mean {meant!r}?")
