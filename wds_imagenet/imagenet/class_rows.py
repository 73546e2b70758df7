"""Lists of classes, in the forms in which people publish them: each class's number, WNID and names. Pure.

As text, one class a line, with a header line or without::

    tench                                   a name, also with commas: tench, Tinca tinca
    n01440764 tench, Tinca tinca            a WNID and names, with spaces, a colon, a tab or a comma between
    0<TAB>tench                             a number and a name, with the same between
    0,n01440764,"tench, Tinca tinca",丁鲷    CSV, also with semicolons, and tables with tabs
    0: 'tench, Tinca tinca', 丁鲷(鱼)        as in a Python dict; a text after it is the name
    (1, '丁鲷'),                             as a Python tuple

As JSON, or as Python writes its lists and dicts::

    an array of names, of arrays of cells, or of objects
    an object by number, by WNID, or of numbers by name
    a pair of arrays, of numbers and of names (Babel-ImageNet)
    an object by language, or by `imagenet1k` (CLIP_benchmark), that has such a list for each
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.imagenet.class_cells import Cells, Grid, split_lines
from wds_imagenet.imagenet.devkit import WNID
from wds_imagenet.inputs.small_files import decode_text
from wds_imagenet.util import strict_json
from wds_imagenet.util.python_literal import parse_literal

_MAX_BYTES: Final = 32 << 20
_MAX_NAME: Final = 1000
_MAX_COLUMNS: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,7}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_KEY: Final = "imagenet1k"
_HEADERS: Final = frozenset(
    [
        "name",
        "names",
        "class",
        "classes",
        "class_name",
        "classname",
        "label",
        "labels",
        "label_name",
        "category",
        "wnid",
        "synset",
        "word",
        "words",
        "id",
    ]
)
_ID_HEADERS: Final = frozenset(
    [
        "id",
        "idx",
        "index",
        "label",
        "label_id",
        "class_id",
        "classid",
        "cid",
        "number",
        "wnid",
        "wordnet_id",
        "synset",
        "synset_id",
    ]
)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of a list."""

    where: str
    """Its line or entry, for errors."""
    number: int | None
    wnid: str | None
    names: tuple[str, ...]
    """By column, which may be empty; no column if the list has only WNIDs."""


@dataclass(frozen=True, slots=True)
class ClassRows:
    """A list of classes, in its order. All rows have a number, or none; the same holds for WNIDs."""

    rows: tuple[ClassRow, ...]
    columns: tuple[str, ...]
    """The header of each column of names; "" without one."""

    def names(self, column: int) -> list[str]:
        """Return a column of names; raise `ValueError` for an empty or overlong one."""
        return [_checked(row.names[column], row.where) for row in self.rows]


def parse_class_rows(data: bytes, language: str | None = None) -> ClassRows:
    """Return the classes in a list.

    Args:
        data: the file's bytes.
        language: the language to choose from a JSON with several languages.

    Raises:
        ValueError: the list is in no such form, or its columns differ between rows; the message gives the
            line or entry.
    """
    text = decode_text(data).rstrip()
    if not text:
        raise ValueError("it is empty")
    first = text.lstrip()[0]
    if first not in "[{(":
        return _typed(split_lines(text))
    try:
        value = strict_json.loads(text.encode(), max_bytes=_MAX_BYTES)
    except ValueError as json_error:
        try:
            value = parse_literal(text)
        except ValueError:
            grid = split_lines(text)  # lines of Python's tuples, or of a dict with other names after each
            if not grid.loose and first != "(":
                raise ValueError(
                    f"it is neither JSON nor a Python list or dict: {json_error}"
                ) from json_error
            return _typed(grid)
    return _typed(_from_value(value, language))


def _from_value(value: Any, language: str | None) -> Grid:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        if value and all(_NUMBER.fullmatch(key) or WNID.fullmatch(key) for key in value):
            return _from_entries([(f"entry {key!r}", entry) for key, entry in value.items()], list(value))
        if value and all(type(entry) is int for entry in value.values()):
            return Grid([Cells(f"entry {key!r:.60}", [str(n), key]) for key, n in value.items()])
        keys = [key for key in value if key == _KEY or key.lower() == (language or "").lower()]
        if len(keys) != 1:
            raise ValueError(
                f"{next(iter(value), '')!r:.60} is neither a label nor a WNID; choose one of its languages, "
                f"as option 'names.language': {', '.join(map(repr, value)):.200}"
            )
        value = value[keys[0]]
        if isinstance(value, dict):
            return _from_value(value, None)
    match value:
        case [[*numbers], [*names]] if len(numbers) == len(names) and {type(n) for n in numbers} == {int}:
            value = [list(pair) for pair in zip(numbers, names, strict=True)]
        case [*_]:
            pass
        case _:
            raise ValueError(f"it is {value!r:.60}, not a list of classes")
    return _from_entries([(f"entry {number:,}", entry) for number, entry in enumerate(value, 1)], None)


def _from_entries(entries: Sequence[tuple[str, Any]], keys: Sequence[str] | None) -> Grid:
    first = next((entry for _, entry in entries), None)
    header = list(first) if isinstance(first, dict) else None
    rows = []
    for place, (where, entry) in enumerate(entries):
        if (list(entry) if isinstance(entry, dict) else None) != header:
            raise ValueError(f"{where} is {entry!r:.60}: it has other fields than the first one")
        match entry:
            case dict():
                cells = [_cell(item, where) for item in entry.values()]
            case list():
                cells = [_cell(item, where) for item in entry]
            case str():
                cells = [entry]
            case _:
                raise ValueError(f"{where} is {entry!r:.60}, not a name or a list of cells")
        rows.append(Cells(where, cells if keys is None else [keys[place], *cells]))
    names = header if header is None or keys is None else ["", *header]
    return Grid(rows, names, lists=any(isinstance(entry, list) for _, entry in entries))


def _cell(value: object, where: str) -> str:
    match value:
        case str():
            return value
        case bool() | None:
            pass
        case int():
            return str(value)
        case [*words] if words and all(isinstance(word, str) for word in words):
            return ", ".join(map(str, words))
    raise ValueError(f"{where} has {value!r:.60}, which is neither a text nor a number")


def _typed(grid: Grid) -> ClassRows:
    """Return the rows with their columns told apart: numbers, WNIDs, and names."""
    rows, header = _rectangle(grid), grid.header
    if not rows:
        raise ValueError("it is empty")
    if (
        header is None
        and len(rows) > 1
        and any(
            _column_of(pattern, rows[1:]) not in {None, _column_of(pattern, rows)}
            for pattern in (_NUMBER, WNID)
        )
    ):
        header, rows = rows[0].cells, rows[1:]
    width = len(rows[0].cells)
    number = _column_of(_NUMBER, rows) if width > 1 else None
    wnid = _column_of(WNID, rows)
    rest = [column for column in range(width) if column not in {number, wnid}]
    _check_typos(rows, [c for c in rest if header is None or header[c].strip().casefold() in _ID_HEADERS])
    found = []
    for row in rows:
        names = tuple(" ".join(row.cells[column].split()) for column in rest)
        found.append(
            ClassRow(
                row.where,
                None if number is None else int(row.cells[number]),
                None if wnid is None else row.cells[wnid].strip(),
                names,
            )
        )
    if header is None and number is None and wnid is None and found[0].names[0].casefold() in _HEADERS:
        raise ValueError(f"{found[0].where}, {found[0].names[0]!r}, is a header and no class: remove it")
    if number is None and wnid is None and grid.blank is not None:
        raise ValueError(f"line {grid.blank:,} is empty, which would shift the labels after it: remove it")
    return ClassRows(tuple(found), tuple("" if header is None else header[column].strip() for column in rest))


def _rectangle(grid: Grid) -> list[Cells]:
    """Return rows of one width; lists of synonyms, which have any length, become one text."""
    widths = {len(row.cells) for row in grid.rows}
    if len(widths) <= 1:
        if max(widths, default=1) > _MAX_COLUMNS:
            raise ValueError(f"it has more than {_MAX_COLUMNS} columns")
        return list(grid.rows)
    if not grid.lists:
        first = grid.rows[0]
        other = next(row for row in grid.rows if len(row.cells) != len(first.cells))
        raise ValueError(
            f"{other.where} has {len(other.cells)} columns, but {first.where} has {len(first.cells)}"
        )
    lead = 0
    body = grid.rows[1:] if len(grid.rows) > 1 else grid.rows  # the first may be a header
    while lead < min(widths) and any(
        all(pattern.fullmatch(row.cells[lead]) for row in body) for pattern in (_NUMBER, WNID)
    ):
        lead += 1
    return [Cells(row.where, [*row.cells[:lead], ", ".join(row.cells[lead:])]) for row in grid.rows]


def _column_of(pattern: re.Pattern[str], rows: Sequence[Cells]) -> int | None:
    """Return the first column of which every cell matches."""
    width = len(rows[0].cells)
    return next(
        (
            column
            for column in range(width)
            if all(pattern.fullmatch(row.cells[column].strip()) for row in rows)
        ),
        None,
    )


def _check_typos(rows: Sequence[Cells], columns: Sequence[int]) -> None:
    """Raise `ValueError` for a column of names in which most are numbers, or some are WNIDs."""
    for column in columns:
        for pattern, kind, share in ((WNID, "a WNID", 0.0), (_NUMBER, "a number", 0.5)):
            others = [row for row in rows if not pattern.fullmatch(row.cells[column].strip())]
            if others and len(rows) - len(others) > share * len(rows):
                raise ValueError(
                    f"{others[0].where} has {others[0].cells[column]!r:.60}, not {kind}, as others have"
                )


def _checked(name: str, where: str) -> str:
    if not name or len(name) > _MAX_NAME or _CONTROL.search(name):
        raise ValueError(f"{where} has the name {name!r:.60}: empty, too long, or with control characters")
    return name
