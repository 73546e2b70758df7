"""What an address asks for, read strictly. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from wds_imagenet.errors import NotFoundError, UsageError

LONGEST: Final = 2048
"""Characters of an address."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Target:
    """A page, which one of them, and what its query says: `/samples?start=48`, `/sample/17`."""

    page: str
    which: str
    """What follows the page, such as 17; empty if nothing does."""
    fields: Mapping[str, str]

    def only(self, *names: str) -> None:
        """Raise `UsageError` if the query says something else."""
        for name in self.fields:
            if name not in names:
                raise UsageError(f"this page takes no {name!r:.40}")

    def index(self, below: int) -> int:
        """Return which one as a number from 0 on. Raises `NotFoundError`."""
        if not _NUMBER.fullmatch(self.which) or not 0 <= int(self.which) < below:
            raise NotFoundError(f"there is no {self.page} {self.which!r:.40}; there are {below:,}, from 0 on")
        return int(self.which)

    def number(self, name: str, otherwise: int, within: range | None = None) -> int:
        """Return a whole number of the query, `otherwise` if it is left out. Raises `UsageError`."""
        text = self.fields.get(name) or str(otherwise)
        if not _NUMBER.fullmatch(text) or (within is not None and int(text) not in within):
            allowed = "" if within is None else f" from {within.start} to {within.stop - 1:,}"
            raise UsageError(f"{name} is a whole number{allowed}, and not {text!r:.40}")
        return int(text)


def read_target(text: str) -> Target:
    """Take the path and query of an address apart. Raises `UsageError` for what cannot be meant."""
    if len(text) > LONGEST:
        raise UsageError(f"an address has at most {LONGEST:,} characters")
    path, _, query = text.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=8, errors="strict")
    except ValueError as error:
        raise UsageError(f"the query cannot be read: {error}") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise UsageError("the query says something twice")
    page, _, which = path.removeprefix("/").partition("/")
    return Target(page if path.startswith("/") else path, which, fields)
