"""Sources, and what each lets a person choose: read from its signature, so it is said once.

Messages speak of an option as `option 'key_column'`, or with a value as `option others='skip'`; the command
line shows these as `--key-column` and `--others skip`. That of a label file is `option 'names.devkit'`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Annotated, TypeAlias, get_type_hints

from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.stream import Stream

Source = Callable[..., Listing | Stream]
"""`source(url, *, option=None, ..., storage_options={})`: a plain function that lists a data set.

One whose data set may come in several inputs is `source(url, *more, option=None, ...)`.
"""

Classes: TypeAlias = Annotated[str | None, "file that says which class has which label"]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a source; its value is a string, and leaving it out is always allowed."""

    name: str
    """As in Python, with `_`."""
    help: str
    """What it is, as a phrase without a full stop."""


def options_of(source: Callable[..., object]) -> tuple[Option, ...]:
    """Return the options of a source: its keyword-only parameters, each `Annotated` with its help."""
    hints = get_type_hints(source, include_extras=True)
    own = (p for p in signature(source).parameters.values() if p.name != "storage_options")
    names = [p.name for p in own if p.kind is Parameter.KEYWORD_ONLY]
    return tuple(Option(name, hints[name].__metadata__[0]) for name in names)


def takes_several(source: Source) -> bool:
    """Whether a source takes more inputs than one."""
    return any(p.kind is Parameter.VAR_POSITIONAL for p in signature(source).parameters.values())
