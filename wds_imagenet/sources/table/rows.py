"""The rows of a table: CSV, TSV, JSON Lines or Parquet, read anew by each iteration."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.compression import DAMAGE, HEAD, compression_of, find_zipped, open_unpacked
from wds_imagenet.inputs.image_files import suffix_of
from wds_imagenet.inputs.parquet import ParquetFile, json_value, open_parquet
from wds_imagenet.inputs.small_files import join_url
from wds_imagenet.inputs.windowed_reader import ObjectFile, open_reader
from wds_imagenet.storage.store import ObjectInfo, Store
from wds_imagenet.util import strict_json

_DELIMITERS: Final[Mapping[str, str]] = {"csv": ",", "tsv": "\t", "tab": "\t"}
_MAX_LINE: Final = 16 << 20
_MAX_COLUMNS: Final = 1000
_WINDOW: Final = 4 << 20
_CHUNK: Final = 1 << 20
_MAX_UNPACKED: Final = 16 << 30
_COMPRESSED: Final = re.compile(r"\.(gz|xz|bz2|zip)$", re.IGNORECASE)


class TableRow(NamedTuple):
    """One row of a table."""

    line: int
    """The line that the row begins on; in Parquet the number of the row, from 1."""
    values: Sequence[Any]
    """The cells, by column; None for an absent one."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table, whose rows can be read any number of times."""

    url: str
    columns: tuple[str, ...]
    typed: bool
    """True if the format distinguishes numbers from text; CSV does not."""
    read: Callable[[], Iterator[TableRow]]

    def __iter__(self) -> Iterator[TableRow]:
        """Read the rows anew.

        Raises:
            SourceError: a row is malformed; the message names its line.
            ChangedError: the file was replaced since it was opened.
        """
        return self.read()

    def at(self, row: TableRow) -> str:
        """Return the location of a row, for errors."""
        return f"{self.url}, line {row.line:,}"

    def where(self, index: int) -> str:
        """Return the location of the row of an index, from 0. Costs reading up to that row."""
        return self.at(next(islice(self, index, None)))


def read_rows(store: Store, info: ObjectInfo, delimiter: str | None = None) -> TableRows:
    """Open a table; its suffix gives the format: csv, tsv, tab, jsonl, ndjson or parquet.

    Text is UTF-8, with or without byte order mark, and may be compressed by gzip, xz, bzip2 or zip. CSV and
    TSV have a header line. Costs a few MiB of memory, and one read of the file for each iteration; JSON Lines
    is read once more, for its field names.

    Args:
        store: the store that holds the file.
        info: the file.
        delimiter: one character, or `tab`; it makes the file CSV whatever its suffix.

    Raises:
        SourceError: another encoding, malformed CSV or JSON, rows of different lengths, or two columns of one
            name. The message names the line; some faults are found only when the rows are read.
    """
    url = join_url(store.url, info.path)
    suffix = suffix_of(_COMPRESSED.sub("", info.path))
    lines = partial(_lines, store, info, url)
    if suffix in _DELIMITERS or delimiter is not None:
        return _read_csv(url, lines, _one_character(delimiter) or _DELIMITERS[suffix])
    if suffix in ("jsonl", "ndjson"):
        return _read_jsonl(url, lines)
    if suffix == "parquet":
        return _read_parquet(store, info, url)
    raise SourceError(
        f"{url} does not have the name of a table, which ends in .csv, .tsv, .tab, .jsonl, .ndjson or "
        ".parquet, and then perhaps in .gz, .xz, .bz2 or .zip; for one JSON of all images use the source "
        "'sidecars'"
    )


def _one_character(delimiter: str | None) -> str | None:
    if delimiter in ("tab", "\\t"):
        return "\t"
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise UsageError(f"option 'delimiter' is one character, or 'tab', not {delimiter!r}")
    return delimiter


def _lines(store: Store, info: ObjectInfo, url: str) -> Iterator[str]:
    """Yield the lines of a text file with their ends. Costs one request per 4 MiB."""
    for number, line in enumerate(_raw_lines(store, info, url), 1):
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise SourceError(f"{url} is UTF-16: save it as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901 - the byte order mark is no text
        if len(line) > _MAX_LINE:
            raise SourceError(f"{url}, line {number:,} is longer than {_MAX_LINE:,} bytes")
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceError(f"{url}, line {number:,} is not UTF-8: {error}") from error


def _raw_lines(store: Store, info: ObjectInfo, url: str) -> Iterator[bytes]:
    rest = b""
    with closing(_chunks(store, info, url)) as chunks:
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line + b"\n"
            if len(rest) > _MAX_LINE:
                break
    if rest:
        yield rest


def _chunks(store: Store, info: ObjectInfo, url: str) -> Generator[bytes, None, None]:
    head = store.read(info.path, 0, min(HEAD, info.size), etag=info.etag).data
    kind = compression_of(head)
    if kind is None:
        for start in range(0, info.size, _WINDOW):
            yield store.read(info.path, start, min(start + _WINDOW, info.size), etag=info.etag).data
        return
    size = 0
    with open_reader(store, info) as read, ExitStack() as stack:
        file = io.BufferedReader(ObjectFile(read, info.size, max_read=_WINDOW), _CHUNK)
        try:
            if kind == "zip":
                archive = stack.enter_context(zipfile.ZipFile(file))
                opened = stack.enter_context(archive.open(find_zipped(archive, "", is_ignored)))
            else:
                opened = open_unpacked(file, kind)
            while chunk := opened.read(_CHUNK):
                size += len(chunk)
                if size > _MAX_UNPACKED:
                    raise SourceError(f"{url} unpacks to more than {_MAX_UNPACKED:,} bytes: unpack it first")
                yield chunk
        except DAMAGE as error:
            raise SourceError(f"{url} cannot be unpacked after its first {size:,} bytes: {error}") from error


def _read_csv(url: str, lines: Callable[[], Iterator[str]], delimiter: str) -> TableRows:
    def cells() -> Iterator[TableRow]:
        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        line = 1
        try:
            for row in reader:
                yield TableRow(line, row)
                line = reader.line_num + 1
        except csv.Error as error:
            raise SourceError(f"{url}, line {line:,} is not valid CSV: {error}") from error

    header = _header(url, next(cells(), TableRow(1, ())).values, delimiter)
    named = [place for place, name in enumerate(header) if name]

    def rows() -> Iterator[TableRow]:
        for line, row in islice(cells(), 1, None):
            if not row:
                continue
            if len(row) != len(header):
                raise SourceError(
                    f"{url}, line {line:,} has {len(row)} cells, but the header has {len(header)}"
                )
            yield TableRow(line, row if len(named) == len(header) else [row[place] for place in named])

    return TableRows(url, tuple(header[place] for place in named), typed=False, read=rows)


def _header(url: str, cells: Sequence[str], delimiter: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not any(names):
        raise SourceError(f"{url} is empty: a table begins with a header line")
    if len(names) > _MAX_COLUMNS:
        raise SourceError(f"{url} has {len(names):,} columns; at most {_MAX_COLUMNS:,} are supported")
    other = next((mark for mark in ",;\t|" if mark != delimiter and mark in names[0]), None)
    if len(names) == 1 and other:
        raise SourceError(f"{url} has the one column {names[0]!r}: give option delimiter={other!r}")
    named = [name for name in names if name]  # pandas writes its index without a name
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise SourceError(f"{url} has the column {twice!r} twice")
    return names


def _read_jsonl(url: str, lines: Callable[[], Iterator[str]]) -> TableRows:
    names: dict[str, None] = {}
    for line, row in _objects(url, lines()):
        names |= dict.fromkeys(row)
        if len(names) > _MAX_COLUMNS:
            raise SourceError(
                f"{url}, line {line:,}: the rows have more than {_MAX_COLUMNS:,} different fields"
            )

    def rows() -> Iterator[TableRow]:
        for line, row in _objects(url, lines()):
            yield TableRow(line, [row.get(name) for name in names])

    return TableRows(url, tuple(names), typed=True, read=rows)


def _objects(url: str, lines: Iterator[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = strict_json.loads(line.encode(), max_bytes=_MAX_LINE)
        except ValueError as error:
            raise SourceError(f"{url}, line {number:,} is not valid JSON: {error}") from error
        if not isinstance(row, dict):
            raise SourceError(f"{url}, line {number:,} is not a JSON object: {line[:60]!r}")
        yield number, row


def _read_parquet(store: Store, info: ObjectInfo, url: str) -> TableRows:
    @contextmanager
    def opened() -> Iterator[ParquetFile]:
        with open_reader(store, info) as read, open_parquet(read, info.size, url) as file:
            yield file

    with opened() as file:
        columns = tuple(file.columns)

    def rows() -> Iterator[TableRow]:
        with opened() as file:
            for row in file.read(columns):
                yield TableRow(
                    row.number, [json_value(row.values[n], f"{url}: column {n!r}") for n in columns]
                )

    return TableRows(url, columns, typed=True, read=rows)
