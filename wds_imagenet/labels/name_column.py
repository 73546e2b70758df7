"""The column of names in one language, among the columns of a list of classes. Pure."""

from collections.abc import Sequence
from typing import Final

from wds_imagenet.imagenet.class_rows import ClassRow, ClassRows

TENCH: Final = "n01440764"
"""The WNID of the anchor."""
_ENGLISH: Final = "tench"
_LATIN: Final = "tinca"
_TENCH_NUMBERS: Final = frozenset({0, 1, 449})


def choose_names(
    listed: ClassRows, language: str | None, anchors: Sequence[str], asked: str | None
) -> list[tuple[ClassRow, str]]:
    """Return the rows of a list, each with its name in a language.

    Of several columns, the one asked for is taken, or else the one whose header has the language. Without
    such a header, it is the one without the English name of the anchor, or for English the one with it.

    Args:
        listed: the list.
        language: the language, such as `zh`.
        anchors: names of the class tench.
        asked: the column's header, or its number from 1.

    Raises:
        ValueError: the column is uncertain or does not exist, or its names have two languages.
    """
    if not listed.columns:
        raise ValueError("it has WNIDs and no names")
    column = _asked(listed, asked) if asked is not None else _choose(listed, language, anchors)
    pairs = list(zip(listed.rows, listed.names(column), strict=True))
    if asked is None and language is not None and not _is_english(language):
        _check_one_language(pairs, anchors)
    return pairs


def _asked(listed: ClassRows, asked: str) -> int:
    if asked in listed.columns:
        return listed.columns.index(asked)
    if asked.isascii() and asked.isdecimal() and 1 <= int(asked[:9]) <= len(listed.columns):
        return int(asked) - 1
    raise ValueError(f"it has no column of names {asked!r:.60}, {_describe(listed)}")


def _choose(listed: ClassRows, language: str | None, anchors: Sequence[str]) -> int:
    columns = range(len(listed.columns))
    if len(columns) == 1:
        return 0
    code = (language or "").casefold().replace("-", "_")
    headed = [c for c in columns if code and code in _parts(listed.columns[c])]
    if len(headed) == 1:
        return headed[0]
    english = {c for c in columns if any(_ENGLISH in name for name in _names_of_tench(listed, c))}
    anchored = {
        c
        for c in columns
        if any(
            anchor.casefold() in name for anchor in anchors if anchor for name in _names_of_tench(listed, c)
        )
    }
    fitting = anchored & english if language is None or _is_english(language) else anchored - english
    if len(fitting) != 1 and not (language is None or _is_english(language)):
        fitting = set(columns) - english if english else set()
    if len(fitting) != 1:
        raise ValueError(f"{_describe(listed)}: give option 'names.column'")
    return fitting.pop()


def _parts(header: str) -> set[str]:
    folded = header.casefold().replace("-", "_")
    return {folded, folded.removeprefix("name_"), folded.removesuffix("_name"), *folded.split("_")}


def _names_of_tench(listed: ClassRows, column: int) -> list[str]:
    """Return the names of the rows that may be the anchor's, in lower case."""
    if listed.rows[0].wnid is not None:
        rows = [row for row in listed.rows if row.wnid == TENCH]
    elif listed.rows[0].number is not None:
        rows = [row for row in listed.rows if row.number in _TENCH_NUMBERS]
    else:
        rows = [row for place, row in enumerate(listed.rows) if place in {0, 1, 448}]
    return [row.names[column].casefold() for row in rows]


def _check_one_language(pairs: Sequence[tuple[ClassRow, str]], anchors: Sequence[str]) -> None:
    others = [a.casefold() for a in anchors if a and a.casefold() not in {_ENGLISH, _LATIN}]
    for row, name in pairs:
        folded = name.casefold()
        if _ENGLISH in folded and any(anchor in folded.replace(_ENGLISH, "") for anchor in others):
            raise ValueError(
                f"{row.where}: {name!r:.60} has the English name, too: separate the columns by tabs, or give "
                "option 'names.column'"
            )


def _is_english(language: str) -> bool:
    return language.casefold().replace("-", "_").partition("_")[0] in {"en", "eng"}


def _describe(listed: ClassRows) -> str:
    row = listed.rows[0]
    shown = ", ".join(
        f"{number} ({header!r:.40})" if header else f"{number}"
        for number, header in enumerate(listed.columns, 1)
    )
    names = ", ".join(f"{name!r:.40}" for name in row.names)
    return f"its columns of names are {shown}; {row.where} has {names}"
