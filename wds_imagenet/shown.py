"""URLs without secrets, and names without control characters, as messages and output show them. Pure."""

import re
import unicodedata
from typing import Final

_SCHEME: Final = re.compile(r"(?:fetch\+)?([A-Za-z][A-Za-z0-9+.-]*)://")
_AUTHORITY: Final = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::(?:[0-9]*|PORT))?")
_WEB: Final = frozenset({"http", "https"})
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^\s'\"<>]|['\"](?=\w))+")
_TYPO: Final = re.compile(
    r"((?<![\w:/])//(?=[^\s'\"<>/@]*:)|\b(?:https?|ftp|s3|gs|az|hf):[/\\]?(?!/))[^\s'\"<>]*@[^\s'\"<>]*",
    re.IGNORECASE,
)
"""An address with userinfo that lacks a slash, or its scheme."""
_CHAIN: Final = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_FILE_USER: Final = re.compile(r"(file://)[^/@]*:[^/@]*@.*", re.IGNORECASE | re.DOTALL)
_TRAILING: Final = ":,;.)"
_SIGNATURE: Final = re.compile(
    r"\b((?:X-Amz-|X-Goog-)[A-Za-z-]+|Signature|sig|Key-Pair-Id|AWSAccessKeyId|GoogleAccessId)=[^\s&'\"<>]+",
    re.IGNORECASE,
)
_JOINERS: Final = "\u200c\u200d"
"""Format characters that Persian, Hindi and emoji need, and that reorder nothing."""
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, direction marks, surrogates and line ends."""


def shown_url(url: str) -> str:
    """Return a URL as messages show it: without userinfo, query and fragment, in one printable line.

    Local paths keep `?` and `#`, which are characters of file names. So do keys of buckets, except a `?` with
    a `=` after it. An address that does not parse, perhaps since a password has a slash, is left out.
    """
    if len(parts := _CHAIN.split(url)) > 1:
        return "::".join(map(shown_url, parts))
    match = _SCHEME.search(url)
    if match is None or match[1].lower() == "file":
        return shown_name(_TYPO.sub(_show_typo, _FILE_USER.sub(r"\1…", url)))
    web = match[1].lower() in _WEB
    rest = re.split(r"[?#]" if web else r"\?(?=.*=)", url[match.end() :], maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and (web or ":" in user):
        authority = host
    if web and not _AUTHORITY.fullmatch(authority):
        authority, slash, path = "…", "", ""
    return shown_name(f"{url[: match.start()]}{match[1]}://{authority}{slash}{path}")


def shown_name(text: str) -> str:
    """Return a text of a data set in one printable line: each other character as its escape in Python.

    So no name clears a terminal, forges a line, or reverses the order in which the line is read.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) for character in text)


def shown_text(text: str) -> str:
    """Return a message with each URL in it as `shown_url` returns it. Line feeds and tabs stay.

    The rule for any text of this package that leaves it. Showing a text twice changes nothing more.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c in "\n\t" else _escape(c) for c in text)
    return _SIGNATURE.sub(r"\1=…", _TYPO.sub(_show_typo, _URL.sub(_show_match, text)))


def shown_json(text: str) -> str:
    r"""Return a JSON text with the same value, whose unprintable characters are written as `\u202e`.

    It may hold several lines. URLs in it stay as they are: values are shown before they become JSON.
    """
    return "".join(c if c in "\n\t" or not _is_hidden(c) else _json_escape(c) for c in text)


def _show_match(match: re.Match[str]) -> str:
    url = match[0].rstrip(_TRAILING)
    return shown_url(url) + match[0][len(url) :]


def _show_typo(match: re.Match[str]) -> str:
    return f"{match[1]}…{match[0][len(match[0].rstrip(_TRAILING)) :]}"


def _escape(character: str) -> str:
    return ascii(character)[1:-1] if _is_hidden(character) else character


def _json_escape(character: str) -> str:
    return "".join(
        f"\\u{int.from_bytes(unit, 'big'):04x}"
        for unit in zip(*[iter(character.encode("utf-16-be", "surrogatepass"))] * 2, strict=True)
    )


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS
