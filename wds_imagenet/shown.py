"""URLs without secrets, and names without control characters, as messages and output show them. Pure."""

import re
import unicodedata
from typing import Final

_SCHEME: Final = re.compile(r"(?:fetch\+)?([A-Za-z][A-Za-z0-9+.-]*)://")
_AUTHORITY: Final = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::(?:[0-9]*|PORT))?")
_WEB: Final = frozenset({"http", "https"})
_WORD: Final = re.compile(r"(?:[^\s'\"<>]|['\"](?=\w))+")
"""A part of a text that may be an address."""
_SCHEME_END: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_TYPO: Final = re.compile(r"(?<![\w:/])//|\b(?:https?|ftp|s3|gs|az|hf):[/\\]?(?!/)", re.IGNORECASE)
"""The start of an address that lacks a slash, or its scheme."""
_WEB_TYPO: Final = re.compile(r"\bhttps?[:/\\]+", re.IGNORECASE)
_USER: Final = re.compile(r"[^/\\@:]*:(?!\d*(?:[/\\?;]|$))")
"""A user name before its password; a port is none. The text may end before the `@`."""
_PASSWORD: Final = re.compile(r":(?!\d\d(?::\d\d)?@)")
"""The start of a password. That of minutes, before an `@`, is none."""
_QUERY: Final = re.compile(r"\?|%3F", re.IGNORECASE)
_SECRET_END: Final = re.compile(r"[?#;]|%3F", re.IGNORECASE)
"""The start of the part of a misspelled web URL that may hold a secret."""
_EQUALS: Final = re.compile(r"=|%3D", re.IGNORECASE)
_PARAMETER: Final = re.compile(r";([\w.~-]{1,64})=[^\s;/?'\"<>]+")
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

    Local paths and keys of buckets keep `?` and `#`, which are characters of file names, except a `?` with a
    `=` after it. An address that does not parse, perhaps since a password has a slash, is left out. A
    misspelled one loses the same parts.
    """
    if len(parts := _CHAIN.split(url)) > 1:
        return "::".join(map(shown_url, parts))
    match = _SCHEME.search(url)
    if match is None or match[1].lower() == "file":
        return shown_name(_without_secrets(_FILE_USER.sub(r"\1…", url)))
    web = match[1].lower() in _WEB
    rest = re.split(r"[?#]" if web else r"\?(?=.*=)", url[match.end() :], maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and (web or ":" in user):
        authority = host
    if web and not (authority and _AUTHORITY.fullmatch(authority)):
        authority, slash, path = "…" if authority or path else "", "", ""
    before = _without_secrets(url[: match.start()])
    return shown_name(f"{before}{match[1]}://{authority}{slash}{_without_secrets(path)}")


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
    return hide_secrets(text)


def hide_secrets(text: str) -> str:
    """Return a text with each URL in it as `shown_url` returns it, and all other characters.

    The rule for names from a data set in a file, whose format escapes control characters. Cost: linear.
    """
    return _SIGNATURE.sub(r"\1=…", _WORD.sub(_show_word, text))


def shown_json(text: str) -> str:
    r"""Return a JSON text with the same value, whose unprintable characters are written as `\u202e`.

    It may hold several lines. URLs in it stay as they are: values are shown before they become JSON.
    """
    return "".join(c if c in "\n\t" or not _is_hidden(c) else _json_escape(c) for c in text)


def _show_word(match: re.Match[str]) -> str:
    word = match[0].rstrip(_TRAILING)
    colon = word.find("://")
    scheme = _SCHEME_END.search(word[max(0, colon - 64) : colon]) if colon > 0 else None
    start = len(word) if scheme is None else colon - len(scheme[0])
    return _without_secrets(word[:start]) + shown_url(word[start:]) + match[0][len(word) :]


def _without_secrets(text: str) -> str:
    """Return a path, or an address without a correct scheme, without userinfo, query and parameters."""
    typo, web = _TYPO.search(text), _WEB_TYPO.search(text)
    if typo is not None and _has_user(text[typo.end() :], named=":" in typo[0]):
        return text[: typo.end()] + "…"
    if web is not None and (secret := _SECRET_END.search(text, web.end())):
        text = text[: secret.start()] + "…"
    end = text.rfind("@")
    password = _PASSWORD.search(text, 0, end + 1)
    if password is not None and password.end() < end:
        start = max(text.rfind(c, 0, password.start()) for c in "/\\'\"(=,") + 1
        text = f"{text[:start]}…{text[end:]}"
    elif web is not None and end >= web.end():
        text = f"{text[: web.end()]}…{text[end:]}"
    query = _QUERY.search(text)
    if query is not None and _EQUALS.search(text, query.end()):
        text = text[: query.start()] + "?…"
    return _PARAMETER.sub(r";\1=…", text)


def _has_user(rest: str, *, named: bool) -> bool:
    """Return True if the rest of a misspelled address begins with userinfo. `named`: it has a scheme."""
    authority = rest.partition("/")[0]
    return ("@" in rest and (named or ":" in authority)) or (named and _USER.match(rest) is not None)


def _escape(character: str) -> str:
    return ascii(character)[1:-1] if _is_hidden(character) else character


def _json_escape(character: str) -> str:
    return "".join(
        f"\\u{int.from_bytes(unit, 'big'):04x}"
        for unit in zip(*[iter(character.encode("utf-16-be", "surrogatepass"))] * 2, strict=True)
    )


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS
