"""Options of a source, read from the signature of its function: the command line needs no second list.

Error messages write an option as `option 'key_column'`, or with its value as `option others='skip'`. The
command line shows these as `--key-column` and `--others skip`. Options of label sources have their
source's name in front: `option 'names.devkit'`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Annotated, Literal, TypeAlias, get_args, get_type_hints

from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.stream import Stream

Source = Callable[..., Listing | Stream]
"""A plain function that lists a data set: `source(url, *, option=None, ..., storage_options={})`.

A source whose data set may be split over several inputs is `source(url, *more, option=None, ...)`.
"""

Classes: TypeAlias = Annotated[
    str | None, "class list that gives each class its label, as a file or as a packed data set"
]
"""The option `classes`, the same in every source that has it."""

LabelSeparator: TypeAlias = Annotated[
    str | None, "text between the labels of an image that has several, such as ';'; '' if it has one"
]
"""The option `label_separator`, the same in every source that has it."""

NullAs: TypeAlias = Annotated[str | None, "number that empty cells become in columns of numbers"]
"""The option `null_as`, the same in every source that has it."""

AllowPrivateNetworks: TypeAlias = Annotated[
    bool | None, "download images from private networks and this machine, too"
]
"""The option `allow_private_networks`, the same in every source that follows URLs in its files."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a source. Every option may be left out."""

    name: str
    """The name in Python, with `_`."""
    help: str
    """A phrase without a full stop."""
    kind: Literal["text", "flag", "size"] = "text"
    """`text` is a string, `flag` a bool, and `size` a number of bytes."""


def options_of(source: Callable[..., object]) -> tuple[Option, ...]:
    """Return the options of a source: its keyword-only parameters, each `Annotated` with its help.

    Args:
        source: a source or a label source; its `storage_options` is no option of its own.
    """
    hints = get_type_hints(source, include_extras=True)
    own = (p for p in signature(source).parameters.values() if p.name != "storage_options")
    names = [p.name for p in own if p.kind is Parameter.KEYWORD_ONLY]
    return tuple(Option(name, hints[name].__metadata__[0], _kind(hints[name].__origin__)) for name in names)


def _kind(hint: object) -> Literal["text", "flag", "size"]:
    """Return the kind of an option whose annotation is `str | None`, `bool | None` or `int | None`."""
    types = get_args(hint)
    return "flag" if bool in types else "size" if int in types else "text"


def takes_several(source: Source) -> bool:
    """Return True if a source takes more than one input."""
    return any(p.kind is Parameter.VAR_POSITIONAL for p in signature(source).parameters.values())
