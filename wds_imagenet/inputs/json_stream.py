"""A large JSON array or object, entry by entry: what is held is the entry and a few MiB around it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.util import strict_json

MAX_ENTRY: Final = 1 << 20
_BEGIN: Final = frozenset('{["-0123456789tfn')  # of a value
_KINDS: Final = {"[": "array", "{": "object"}
_MARK: Final = "\xef\xbb\xbf"  # a byte order mark
_SPACE: Final = re.compile(r"[ \t\r\n]*")
# What may follow a backslash: a surrogate pair, a surrogate alone, and anything else.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class JsonEntry:
    """One entry of the array."""

    value: dict[str, Any]
    number: int
    """From 1."""
    offset: int
    """Of its first byte."""
    mended: bool
    """Whether it had lone surrogates, which no UTF-8 can hold; each is U+FFFD now."""


@dataclass(frozen=True, slots=True)
class JsonItem:
    """One value of an array or object."""

    name: str | None
    """In an object."""
    raw: bytes
    """Its JSON."""
    number: int
    """From 1."""
    offset: int
    """Of its first byte."""


def read_entries(pieces: Iterable[bytes]) -> Iterator[JsonEntry]:
    """Yield the entries of a JSON array of objects that arrives in pieces.

    Each is held to the rules of `strict_json`, but for lone surrogates, and to 1 MiB. Costs about
    15 µs an entry. Raises `ValueError` that names entry and offset, also where the array does not end or
    something follows it.
    """
    for item in read_items(pieces, "["):
        where = f"entry {item.number:,}, at byte {item.offset:,}"
        if not item.raw.startswith(b"{"):
            raise ValueError(f"{where}: it is no JSON object: {item.raw[:20].decode('latin-1')!r}")
        try:
            clean, mended = _mend(item.raw)
            value = strict_json.loads(clean, max_bytes=MAX_ENTRY)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: {error}") from error
        yield JsonEntry(value, item.number, item.offset, mended)


def read_items(pieces: Iterable[bytes], kinds: str = "[{") -> Iterator[JsonItem]:
    """Yield the values of a JSON array, or of an object with their names, that arrives in pieces.

    `kinds` are the brackets that it may begin with. Values are told apart, and no more: whether each obeys
    the rules, and no name comes twice, is left to be seen. Holds one of them and 1 MiB around it. Raises
    `ValueError` that names entry and offset, also where there is no end or something follows it.
    """
    # One character a byte: places in the text are offsets, and no piece cuts a character.
    text = _Text(iter(pieces))
    at = text.skip(len(_MARK) if text.begins(_MARK) else 0)
    opening = text.at(at)
    if not opening or opening not in kinds:
        what = " or ".join(_KINDS[kind] for kind in kinds)
        raise ValueError(f"it is no JSON {what}: it begins with {text.window(at)!r}")
    closing = {"[": "]", "{": "}"}[opening]
    at = text.skip(at + 1)
    number = 0
    while text.at(at) != closing:
        if number:
            if text.at(at) != ",":
                raise ValueError(f"no comma and no end behind entry {number:,}, at byte {text.base + at:,}")
            at = text.skip(at + 1)
        number += 1
        offset = text.base + at
        try:
            name = None
            if opening == "{":
                name, at = text.name(at)
            raw, at = text.value(at)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"entry {number:,}, at byte {offset:,}: {error}") from error
        yield JsonItem(name, raw, number, offset)
        at = text.skip(text.forget(at))
    at = text.skip(at + 1)
    if text.at(at):
        raise ValueError(
            f"something follows the {_KINDS[opening]}, at byte {text.base + at:,}: {text.window(at)!r}"
        )


class _Text:
    """What has arrived and is not yet forgotten, as Latin-1."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._decoder = json.JSONDecoder()
        self._text = ""
        self.base = 0

    def at(self, at: int) -> str:
        return self._text[at : at + 1] if at < len(self._text) or self._more() else ""

    def begins(self, head: str) -> bool:
        while len(self._text) < len(head) and self._more():
            pass
        return self._text.startswith(head)

    def window(self, at: int) -> str:
        return self._text[at : at + 20]

    def skip(self, at: int) -> int:
        """Return the place of what is no white space."""
        while True:
            match = _SPACE.match(self._text, at)
            at = at if match is None else match.end()
            if at < len(self._text):
                return at
            self.base += at
            self._text, at = "", 0
            if not self._more():
                return at

    def value(self, at: int) -> tuple[bytes, int]:
        """Return a value's bytes and the place behind it."""
        if self.at(at) not in _BEGIN:
            raise ValueError(f"it is no JSON value: {self.window(at)!r}")
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text, at)
            except json.JSONDecodeError as error:
                if len(self._text) - at > MAX_ENTRY or not self._more():
                    raise ValueError(
                        f"{error.msg}, at byte {self.base + error.pos:,}, or it has more than {MAX_ENTRY:,}"
                    ) from error
            else:
                # A number that ends with what has arrived may go on, such as by `e+` and a digit.
                if end + 2 < len(self._text) or not self._more():
                    return self._text[at:end].encode("latin-1"), end

    def name(self, at: int) -> tuple[str, int]:
        """Return a name, and the place of the value that follows it."""
        raw, at = self.value(at)
        name = strict_json.loads(raw, max_bytes=MAX_ENTRY)
        at = self.skip(at)
        if not isinstance(name, str) or self.at(at) != ":":
            raise ValueError(f"no name and colon: {self.window(at)!r}")
        return name, self.skip(at + 1)

    def forget(self, at: int) -> int:
        """Let go of what lies before a place, if it is much. Returns where the place is now."""
        if at < MAX_ENTRY:
            return at
        self._text = self._text[at:]
        self.base += at
        return 0

    def _more(self) -> bool:
        piece = next(self._pieces, b"")
        self._text += piece.decode("latin-1")
        return bool(piece)


def _mend(raw: bytes) -> tuple[bytes, bool]:
    if rb"\ud" not in raw and rb"\uD" not in raw:
        return raw, False
    clean = _ESCAPE.sub(lambda match: rb"\ufffd" if match[1] else match[0], raw)
    return clean, clean != raw
