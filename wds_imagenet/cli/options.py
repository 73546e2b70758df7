"""Options that several verbs share."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


class Size(click.ParamType[int]):
    """A number of bytes, such as 2097152, 2MiB or 500MB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?", str(value).strip().lower())
        if not match:
            self.fail(f"{value!r} is no size; write 2097152, 2MiB or 500MB", param, ctx)
        return int(float(match[1]) * _UNITS[match[2] or ""])


def parse_pairs(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Turn repeated NAME=VALUE options into a mapping."""
    pairs: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", context, parameter)
        pairs[name] = rest
    return pairs


def storage_option(function: Function) -> Function:
    """Add `--storage-option NAME=VALUE`, passed as the mapping `storage_options`."""
    return click.option(
        "--storage-option",
        "storage_options",
        multiple=True,
        metavar="NAME=VALUE",
        callback=parse_pairs,
        help="An option of the store, such as endpoint_url=http://…; may be repeated. Credentials are "
        "best left to the environment.",
    )(function)


def as_json(function: Function) -> Function:
    """Add `--json`, passed as `json`."""
    return click.option("--json", is_flag=True, help="Print JSON instead of text.")(function)


def human(size: float) -> str:
    """Return a number of bytes as a person reads it: 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("GiB returns")
