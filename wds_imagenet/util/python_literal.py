"""Python's dicts, lists and tuples of numbers and texts, as people save them. No text is evaluated."""

import re
from typing import Any, Final

_MAX_DEPTH: Final = 8
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>-?[0-9]{1,18})(?![0-9.])"""
    r"""|[uU]?(?P<text>'(?:[^'\\\r\n]|\\[^\r\n])*+'|"(?:[^"\\\r\n]|\\[^\r\n])*+")"""
    r"""|(?P<mark>[\[\](){},:])|(?P<end>$))"""
)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_CLOSING: Final = {"[": "]", "(": ")", "{": "}"}


def parse_literal(text: str) -> Any:  # noqa: ANN401 - a dict, a list, a number or a text
    """Return the value of a Python dict, list or tuple of integers and texts; tuples become lists.

    Args:
        text: the literal.

    Raises:
        ValueError: the text is anything else, names a key twice, or is nested more than 8 deep.
    """
    tokens = _Tokens(text)
    value = tokens.value(0)
    if tokens.kind != "end":
        raise tokens.error("the end")
    return value


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.kind: str | None = None
        self._word = ""
        self._next()

    def value(self, depth: int) -> Any:  # noqa: ANN401 - as above
        if self.kind == "number":
            number = int(self._word)
            self._next()
            return number
        if self.kind == "text":
            text = _unescaped(self._word[1:-1])
            self._next()
            return text
        if self._word not in _CLOSING or depth >= _MAX_DEPTH:
            raise self.error("a number, a text, a list or a dict")
        opening = self._word
        self._next()
        return self._dict(depth) if opening == "{" else self._list(_CLOSING[opening], depth)

    def _list(self, closing: str, depth: int) -> list[Any]:
        values = []
        while self._word != closing or self.kind != "mark":
            values.append(self.value(depth + 1))
            self._comma(closing)
        self._next()
        return values

    def _dict(self, depth: int) -> dict[str, Any]:
        """Return a dict whose keys are texts, as in JSON."""
        values: dict[str, Any] = {}
        while self._word != "}" or self.kind != "mark":
            if self.kind not in {"number", "text"}:
                raise self.error("a key")
            key = str(self.value(depth + 1))
            if key in values:
                raise ValueError(f"it names {key!r:.60} twice")
            if self._word != ":" or self.kind != "mark":
                raise self.error("a colon")
            self._next()
            values[key] = self.value(depth + 1)
            self._comma("}")
        self._next()
        return values

    def _comma(self, closing: str) -> None:
        if self.kind == "mark" and self._word == ",":
            self._next()
        elif self.kind != "mark" or self._word != closing:
            raise self.error(f"a comma or {closing}")

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise self.error("a number or a text")
        self.kind, self._word, self._at = match.lastgroup, match[match.lastgroup or 0], match.end()

    def error(self, wanted: str) -> ValueError:
        line = self._text.count("\n", 0, self._at) + 1
        rest = self._text[max(0, self._at - len(self._word)) : self._at + 30]
        return ValueError(f"line {line:,}: {rest!r} is not {wanted} of a Python list or dict")


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))  # ValueError above U+10FFFF
        return _ESCAPED.get(escape, match[0])

    return _ESCAPE.sub(character, text) if "\\" in text else text
