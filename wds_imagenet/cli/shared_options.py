"""Options that several verbs take, and the texts that they print alike."""

import re
import shlex
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

LABEL_NAMES: Final = "captions, real, imagenetv2, relabel, boxes, kaggle, blacklist or names"
_OPTION: Final = re.compile(r"(?<!storage )\boption (?:'([a-z][a-z0-9_.]*)'|([a-z][a-z0-9_]*)='([^']*)')")
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
            self.fail(f"{value!r} is not a size: write 2097152, 2MiB or 500MB", param, ctx)
        return int(float(match[1]) * _UNITS[match[2] or ""])


def parse_pairs(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Return repeated NAME=VALUE options as a mapping."""
    pairs: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name:
            # The value may be a secret whose name was forgotten.
            raise click.BadParameter("a value is not NAME=VALUE", context, parameter)
        if name in pairs:
            given = "a name" if parameter.make_metavar(context) == "NAME=VALUE" else repr(name)
            raise click.BadParameter(f"{given} is given twice: give it once", context, parameter)
        pairs[name] = rest
    return pairs


def storage_option(function: Function) -> Function:
    """Add `--storage-option NAME=VALUE`, which the verb gets as the mapping `storage_options`."""
    return click.option(
        "--storage-option",
        "storage_options",
        multiple=True,
        metavar="NAME=VALUE",
        callback=parse_pairs,
        help="Option of the store, such as endpoint_url=http://…; may be repeated. Keep credentials in the "
        "environment instead.",
    )(function)


def layer_option(function: Function) -> Function:
    """Add `--layer NAME`, which the verb gets as the names `layers`."""
    return click.option(
        "--layer",
        "layers",
        multiple=True,
        metavar="NAME",
        help="Show the labels of this layer too; may be repeated.",
    )(function)


def as_json(function: Function) -> Function:
    """Add `--json`, which the verb gets as `json`."""
    return click.option("--json", is_flag=True, help="Print JSON instead of text.")(function)


def label_parameters() -> list[click.Parameter]:
    """Return the options that name label files, for `pack` and `add-layer`."""

    def pairs(name: str, metavar: str, text: str) -> click.Option:
        return click.Option([name], multiple=True, metavar=metavar, callback=parse_pairs, help=text)

    return [
        pairs("--labels", "NAME=FILE", f"Label file to join to the images. NAME: {LABEL_NAMES}."),
        pairs("--label-option", "NAME.OPTION=VALUE", "Option of a label file, such as kaggle.synsets=FILE."),
        click.Option(
            ["--captions"],
            metavar="FILE",
            help="JSON file of ImageNet-Captions; short for --labels captions=FILE.",
        ),
        click.Option(
            ["--caption-template"],
            metavar="TEXT",
            help="Pattern of each caption; by default '{title} {tags} {description}'.",
        ),
        pairs(
            "--class-names", "LANGUAGE=FILE", "Names of the thousand classes in a language, such as zh=FILE."
        ),
    ]


def run_parameters(*, unit: str, dry_run: str, source: str) -> list[click.Parameter]:
    """Return the options of a packing run, for `pack` and `add-layer`.

    Args:
        unit: one finished file of the run, `shard` or `tar`.
        dry_run: help of `--dry-run`.
        source: help of `--source-storage-option`.
    """
    return [
        click.Option(["--workers"], type=click.IntRange(1), help="Processes; by default, one for each CPU."),
        click.Option(
            ["--check"],
            is_flag=True,
            help=f"Read every finished {unit}, and rebuild missing and damaged ones.",
        ),
        click.Option(["--dry-run"], is_flag=True, help=dry_run),
        click.Option(
            ["--source-storage-option", "source_storage_options"],
            multiple=True,
            metavar="NAME=VALUE",
            callback=parse_pairs,
            help=source,
        ),
    ]


def with_template(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with `--caption-template` as a label option, as the library takes it."""
    template = options.pop("caption_template", None)
    if template is not None:
        options["label_option"] = {**options["label_option"], "captions.template": template}
    options["label_options"] = options.pop("label_option")
    return options


def as_flags(message: str) -> str:
    """Return a message of the library with each option as a flag: `--on-bad skip`.

    The library writes `option 'on_bad'` or `option on_bad='skip'`.
    """

    def flag(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if "." in name:
            return f"--label-option {name}=…"
        value = "" if match[3] is None else f" {shlex.quote(match[3])}"
        return f"--{name.replace('_', '-')}{value}"

    return _OPTION.sub(flag, message)


def human(size: float) -> str:
    """Return a number of bytes in a readable unit, such as 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("GiB returns")
