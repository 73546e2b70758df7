"""Parse the path and the query of an address. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from wds_imagenet.errors import NotFoundError, UsageError

MAX_ADDRESS: Final = 2048
"""Most characters of an address."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Request:
    """A page, the item on it, and the query: `/samples?start=48`, `/sample/17`."""

    page: str
    item: str
    """The part of the path after the page, such as 17; may be empty."""
    query: Mapping[str, str]

    def allow(self, *names: str) -> None:
        """Raise `UsageError` if the query has any other name."""
        for name in self.query:
            if name not in names:
                raise UsageError(f"this page takes no {name!r:.40}")

    def index(self, below: int) -> int:
        """Return the item as an index from 0. Raises `NotFoundError` unless it is below `below`."""
        if not _NUMBER.fullmatch(self.item) or not 0 <= int(self.item) < below:
            raise NotFoundError(f"there is no {self.page} {self.item!r:.40}; there are {below:,}, from 0")
        return int(self.item)

    def number(self, name: str, default: int, within: range | None = None) -> int:
        """Return a whole number of the query, or `default` if it is left out. Raises `UsageError`."""
        text = self.query.get(name) or str(default)
        if not _NUMBER.fullmatch(text) or (within is not None and int(text) not in within):
            allowed = "" if within is None else f" from {within.start} to {within.stop - 1:,}"
            raise UsageError(f"{name} is a whole number{allowed}, and not {text!r:.40}")
        return int(text)


def read_request(text: str) -> Request:
    """Return the request in the path and query of an address. Raises `UsageError` if it is malformed."""
    if len(text) > MAX_ADDRESS:
        raise UsageError(f"an address has at most {MAX_ADDRESS:,} characters")
    path, _, query_text = text.partition("?")
    try:
        pairs = parse_qsl(query_text, keep_blank_values=True, max_num_fields=8, errors="strict")
    except ValueError as error:
        raise UsageError(f"the query cannot be read: {error}") from error
    query = dict(pairs)
    if len(query) < len(pairs):
        raise UsageError("the query has a name twice")
    page, _, item = path.removeprefix("/").partition("/")
    return Request(page if path.startswith("/") else path, item, query)
