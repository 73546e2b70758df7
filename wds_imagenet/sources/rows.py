"""The rows of a table, column by column: CSV, TSV, JSON Lines or Parquet."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet import strict_json
from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.labels.files import address
from wds_imagenet.sources.images import suffix_of
from wds_imagenet.sources.parquet import read_parquet
from wds_imagenet.storage.store import ObjectInfo, Store

_DELIMITERS: Final[Mapping[str, str]] = {"csv": ",", "tsv": "\t", "tab": "\t"}
_MAX_PARQUET: Final = 2 << 30
_MAX_LINE: Final = 16 << 20
_MAX_COLUMNS: Final = 1000
_WINDOW: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: values by column, and where each row stands."""

    url: str
    columns: Mapping[str, Sequence[Any]]
    """All of one length; None where a row lacks a value."""
    lines: Sequence[int]
    """The line that each row begins on; in Parquet its place, from 1."""
    typed: bool
    """Whether the format says what is a number; in CSV everything is text."""

    def where(self, row: int) -> str:
        """Say where a row stands, for errors."""
        return f"{self.url}, line {self.lines[row]:,}"


def read_rows(store: Store, info: ObjectInfo, delimiter: str | None = None) -> Rows:
    """Read a table, its format told by its suffix: csv, tsv, tab, jsonl, ndjson or parquet.

    A delimiter makes it CSV whatever its suffix is. Text is UTF-8, with or without BOM, and has a
    header line. Costs the table in memory. Raises `SourceError` that names the line: of another
    encoding, bad quoting or JSON, too few or too many cells, a column named twice.
    """
    url = address(store.url, info.path)
    suffix = suffix_of(info.path)
    if suffix in _DELIMITERS or delimiter is not None:
        return _read_csv(url, _lines(store, info, url), _one_character(delimiter) or _DELIMITERS[suffix])
    if suffix in ("jsonl", "ndjson"):
        return _read_jsonl(url, _lines(store, info, url))
    if suffix == "parquet":
        if info.size > _MAX_PARQUET:
            raise SourceError(f"{url} has {info.size:,} bytes; at most {_MAX_PARQUET:,} are read")
        columns = read_parquet(store.read(info.path, etag=info.etag).data, url)
        return Rows(url, columns, range(1, 1 + max(map(len, columns.values()), default=0)), typed=True)
    raise SourceError(
        f"{url} is no table by its name: that ends in .csv, .tsv, .tab, .jsonl, .ndjson or .parquet; one "
        "JSON for all images is read by the source 'sidecars', a gzipped table must be gunzipped"
    )


def _one_character(delimiter: str | None) -> str | None:
    if delimiter in ("tab", "\\t"):
        return "\t"
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise UsageError(f"option 'delimiter' is one character, or 'tab', and not {delimiter!r}")
    return delimiter


def _lines(store: Store, info: ObjectInfo, url: str) -> Iterator[str]:
    """Yield the lines of a text file with their ends. Costs one request for 4 MiB."""
    for number, line in enumerate(_raw_lines(store, info), 1):
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise SourceError(f"{url} is UTF-16; save it as UTF-8")
            if line.startswith(b"\x1f\x8b"):
                raise SourceError(f"{url} is a gzip file: gunzip it first")
            line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901 - a byte order mark says nothing
        if len(line) > _MAX_LINE:
            raise SourceError(f"{url}, line {number:,} has more than {_MAX_LINE:,} bytes")
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(f"{url}, line {number:,} is not UTF-8: {error}") from error


def _raw_lines(store: Store, info: ObjectInfo) -> Iterator[bytes]:
    rest = b""
    for start in range(0, info.size, _WINDOW):
        stop = min(start + _WINDOW, info.size)
        *lines, rest = (rest + store.read(info.path, start, stop, etag=info.etag).data).split(b"\n")
        for line in lines:
            yield line + b"\n"
        if len(rest) > _MAX_LINE:
            break
    if rest:
        yield rest


def _read_csv(url: str, lines: Iterator[str], delimiter: str) -> Rows:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins: list[int] = []
    line = 1
    try:
        header = _header(url, next(reader, []), delimiter)
        cells: list[list[str]] = [[] for _ in header]
        line = reader.line_num + 1
        for row in reader:
            if row:
                if len(row) != len(header):
                    raise SourceError(
                        f"{url}, line {line:,} has {len(row)} cells where the header has {len(header)}"
                    )
                for column, cell in zip(cells, row, strict=True):
                    column.append(cell)
                begins.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise SourceError(f"{url}, line {line:,} is not CSV as it should be: {error}") from error
    columns = {name: column for name, column in zip(header, cells, strict=True) if name}
    return Rows(url, columns, begins, typed=False)


def _header(url: str, cells: list[str], delimiter: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not any(names):
        raise SourceError(f"{url} is empty: not even a header line is there")
    if len(names) > _MAX_COLUMNS:
        raise SourceError(f"{url} has {len(names):,} columns; at most {_MAX_COLUMNS:,} are read")
    other = next((mark for mark in ",;\t|" if mark != delimiter and mark in names[0]), None)
    if len(names) == 1 and other:
        raise SourceError(f"{url} has the one column {names[0]!r}: give option delimiter={other!r}")
    named = [name for name in names if name]  # pandas leaves the name of its index empty
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise SourceError(f"{url} has the column {twice!r} twice")
    return names


def _read_jsonl(url: str, lines: Iterator[str]) -> Rows:
    columns: dict[str, list[Any]] = {}
    begins: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = strict_json.loads(line.encode(), max_bytes=_MAX_LINE)
        except ValueError as error:
            raise SourceError(f"{url}, line {number:,} is not JSON as it should be: {error}") from error
        if not isinstance(row, dict):
            raise SourceError(f"{url}, line {number:,} is no JSON object: {line[:60]!r}")
        for name in row:
            columns.setdefault(name, [None] * len(begins))
        if len(columns) > _MAX_COLUMNS:
            raise SourceError(f"{url}, line {number:,}: more than {_MAX_COLUMNS:,} different names")
        for name, values in columns.items():
            values.append(row.get(name))
        begins.append(number)
    return Rows(url, columns, begins, typed=True)
