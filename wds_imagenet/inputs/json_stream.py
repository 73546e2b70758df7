"""A large JSON array or object, entry by entry, in the memory of one entry and a few MiB around it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.util import strict_json

MAX_ENTRY: Final = 1 << 20
_FIRST: Final = frozenset('{["-0123456789tfn')  # characters that can begin a value
_KINDS: Final = {"[": "array", "{": "object"}
_BYTE_ORDER_MARK: Final = "\xef\xbb\xbf"
_SPACE: Final = re.compile(r"[ \t\r\n]*")
# An escape: a surrogate pair, a lone surrogate (group 1), or any other.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class JsonEntry:
    """One object of an array."""

    value: dict[str, Any]
    number: int
    """From 1."""
    offset: int
    """The first byte."""
    repaired: bool
    """True if the object had lone surrogates, which UTF-8 cannot hold; U+FFFD replaces each."""


@dataclass(frozen=True, slots=True)
class JsonItem:
    """One value of an array or object, not yet parsed."""

    name: str | None
    """The name in an object; None in an array."""
    raw: bytes
    """The value as JSON."""
    number: int
    """From 1."""
    offset: int
    """The first byte."""


def read_entries(chunks: Iterable[bytes]) -> Iterator[JsonEntry]:
    """Yield the entries of a JSON array of objects.

    Each entry obeys the rules of `strict_json`, except that lone surrogates are replaced, and has at most
    1 MiB. Costs about 15 µs an entry.

    Args:
        chunks: the JSON text, cut at any byte.

    Raises:
        ValueError: an entry is invalid, the array does not end, or text follows it; the message gives the
            entry and the offset.
    """
    for item in read_items(chunks, "["):
        where = f"entry {item.number:,}, at byte {item.offset:,}"
        if not item.raw.startswith(b"{"):
            raise ValueError(f"{where}: it is not a JSON object: {item.raw[:20].decode('latin-1')!r}")
        try:
            clean, repaired = _replace_lone_surrogates(item.raw)
            value = strict_json.loads(clean, max_bytes=MAX_ENTRY)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: {error}") from error
        yield JsonEntry(value, item.number, item.offset, repaired)


def read_items(chunks: Iterable[bytes], brackets: str = "[{") -> Iterator[JsonItem]:
    """Yield the values of a JSON array, or of an object with their names, without parsing them.

    The caller must parse each value, and reject duplicate names. Holds one value and 1 MiB around it.

    Args:
        chunks: the JSON text, cut at any byte.
        brackets: the brackets that may begin the text.

    Raises:
        ValueError: the text is not JSON, does not end, or goes on after the end; the message gives the
            entry and the offset.
    """
    # Latin-1 has one character a byte: positions in the text are offsets, and no chunk cuts a character.
    text = _Text(iter(chunks))
    at = text.skip_space(len(_BYTE_ORDER_MARK) if text.starts_with(_BYTE_ORDER_MARK) else 0)
    opening = text.at(at)
    if not opening or opening not in brackets:
        wanted = " or ".join(_KINDS[bracket] for bracket in brackets)
        raise ValueError(f"it is not a JSON {wanted}: it begins with {text.excerpt(at)!r}")
    closing = {"[": "]", "{": "}"}[opening]
    at = text.skip_space(at + 1)
    number = 0
    while text.at(at) != closing:
        if number:
            if text.at(at) != ",":
                raise ValueError(f"no comma and no end after entry {number:,}, at byte {text.base + at:,}")
            at = text.skip_space(at + 1)
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
        at = text.skip_space(text.drop(at))
    at = text.skip_space(at + 1)
    if text.at(at):
        raise ValueError(
            f"text follows the {_KINDS[opening]}, at byte {text.base + at:,}: {text.excerpt(at)!r}"
        )


class _Text:
    """The text that is read and not yet dropped, as Latin-1. `base` is the offset of its start."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._decoder = json.JSONDecoder()
        self._text = ""
        self.base = 0

    def at(self, at: int) -> str:
        return self._text[at : at + 1] if at < len(self._text) or self._more() else ""

    def starts_with(self, head: str) -> bool:
        while len(self._text) < len(head) and self._more():
            pass
        return self._text.startswith(head)

    def excerpt(self, at: int) -> str:
        return self._text[at : at + 20]

    def skip_space(self, at: int) -> int:
        """Return the position of the first character that is not white space."""
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
        """Return a value's bytes and the position after it."""
        if self.at(at) not in _FIRST:
            raise ValueError(f"it is not a JSON value: {self.excerpt(at)!r}")
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text, at)
            except json.JSONDecodeError as error:
                if len(self._text) - at > MAX_ENTRY or not self._more():
                    raise ValueError(
                        f"{error.msg}, at byte {self.base + error.pos:,}, "
                        f"or it has more than {MAX_ENTRY:,} bytes"
                    ) from error
            else:
                # A number at the end of the text may go on in the next chunk, with `e+` and a digit at most.
                if end + 2 < len(self._text) or not self._more():
                    return self._text[at:end].encode("latin-1"), end

    def name(self, at: int) -> tuple[str, int]:
        """Return a name, and the position of the value after it."""
        raw, at = self.value(at)
        name = strict_json.loads(raw, max_bytes=MAX_ENTRY)
        at = self.skip_space(at)
        if not isinstance(name, str) or self.at(at) != ":":
            raise ValueError(f"no name and colon: {self.excerpt(at)!r}")
        return name, self.skip_space(at + 1)

    def drop(self, at: int) -> int:
        """Drop the text before a position if it is long, and return the new position."""
        if at < MAX_ENTRY:
            return at
        self._text = self._text[at:]
        self.base += at
        return 0

    def _more(self) -> bool:
        chunk = next(self._chunks, b"")
        self._text += chunk.decode("latin-1")
        return bool(chunk)


def _replace_lone_surrogates(raw: bytes) -> tuple[bytes, bool]:
    if rb"\ud" not in raw and rb"\uD" not in raw:
        return raw, False
    clean = _ESCAPE.sub(lambda match: rb"\ufffd" if match[1] else match[0], raw)
    return clean, clean != raw
