"""Lists of class names by number, in the forms in which they were published. Pure.

As text, one class a line or all on one line, in any order::

    1<TAB>狐狸                              a number and a name, with a tab or spaces between
    0: 'tench, Tinca tinca', 丁鲷(鱼)        as in a Python dict; a text after it is the name
    (1, '丁鲷'),                             as a Python tuple

As JSON, an array of names from 0; an object of names by number; or an object by `imagenet1k`
(CLIP_benchmark) or by language (Babel-ImageNet), with an array of names, or a pair of arrays: of numbers and
of names.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from wds_imagenet.util import strict_json

_MAX_BYTES: Final = 32 << 20
_MAX_NAME: Final = 1000
_NUMBER: Final = r"([0-9]{1,4})"
_QUOTED: Final = r"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")"""
_TUPLE: Final = re.compile(rf"\(\s*{_NUMBER}\s*,\s*{_QUOTED}\s*\)")
_PAIR: Final = re.compile(rf"{_NUMBER}\s*:\s*{_QUOTED}")
_LINE: Final = re.compile(rf"{_NUMBER}(?:\s*:\s*|\s+)(\S.*)")
_ESCAPE: Final = re.compile(r"\\(['\"\\])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_KEY: Final = "imagenet1k"


def parse_class_names(data: bytes, language: str | None = None) -> dict[int, str]:
    """Return the names by number, in the list's own numbering.

    Args:
        data: the file's bytes.
        language: the language to choose from a JSON with several languages.

    Raises:
        ValueError: the list is in no such form; the message gives the line or number.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] in (b"[", b"{"):
        try:
            value = strict_json.loads(data, max_bytes=_MAX_BYTES)
        except ValueError:
            # A Python list or dict begins like JSON.
            pairs = _from_text(data.decode())
        else:
            pairs = _from_json(value, language)
    else:
        pairs = _from_text(data.decode())
    names: dict[int, str] = {}
    for number, name in pairs:
        if number in names:
            raise ValueError(f"number {number} is listed twice")
        if not name or len(name) > _MAX_NAME or _CONTROL.search(name):
            raise ValueError(
                f"number {number} has the name {name!r:.60}: empty, too long, or with control characters"
            )
        names[number] = name
    if not names:
        raise ValueError("it has no names")
    return names


def _from_json(value: Any, language: str | None) -> Iterable[tuple[int, str]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and not all(re.fullmatch("[0-9]{1,4}", key) for key in value):
        keys = [key for key in value if key == _KEY or key.lower() == (language or "").lower()]
        if len(keys) != 1:
            raise ValueError(
                f"choose one of its languages, as option 'names.language': {', '.join(map(repr, value)):.200}"
            )
        value = value[keys[0]]
    match value:
        case [[*numbers], [*texts]] if len(numbers) == len(texts):
            pairs = list(zip(numbers, texts, strict=True))
        case [*texts]:
            pairs = list(enumerate(texts))
        case dict():
            pairs = [(int(key), text) for key, text in value.items()]
        case _:
            raise ValueError(f"it is {value!r:.60}, not a list of names")
    for number, text in pairs:
        if type(number) is not int or not isinstance(text, str):
            raise ValueError(f"the name of {number!r:.20} is {text!r:.60}, not a text for a number")
    return [(number, _plain(text)) for number, text in pairs]


def _from_text(text: str) -> Iterable[tuple[int, str]]:
    for line_number, line in enumerate(text.splitlines(), 1):
        rest = _plain(line).strip("[]{}, ")
        while rest:
            match = _TUPLE.match(rest) or _PAIR.match(rest)
            if match is None:
                match = _LINE.fullmatch(rest)
                if match is None:
                    raise ValueError(f"line {line_number:,} is not a number and a name: {line[:60]!r}")
                yield int(match[1]), match[2].rstrip(" ,")
                break
            name = _ESCAPE.sub(r"\1", match[2] if match[2] is not None else match[3])
            rest = rest[match.end() :].lstrip(", ")
            if rest and not (_TUPLE.match(rest) or _PAIR.match(rest)):
                name, rest = rest.rstrip(" ,"), ""  # the name in the other language
                name = name.strip("'\"")
            yield int(match[1]), name.strip()


def _plain(text: str) -> str:
    """Return a text with single spaces for all runs of white space."""
    return " ".join(text.split())
