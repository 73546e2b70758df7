"""Parquet tables, read by PyArrow, which is imported here alone and only when a table is read."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import MissingExtraError, SourceError
from wds_imagenet.format.tar import ReadAt
from wds_imagenet.inputs.reference import Kind
from wds_imagenet.inputs.windowed_reader import ObjectFile

_BATCH_BYTES: Final = 8 << 20
_BATCH_ROWS: Final = 32  # a dictionary may repeat one large value in each row
_DECODED_BYTES: Final = 256 << 20
_BUFFER_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """A column, by the schema of its file."""

    kind: Kind | None
    """The JSON type of its values; None where these are or contain bytes."""
    holds_images: bool
    """True for bytes, or a struct of `bytes` and `path`."""
    has_path: bool
    """True for such a struct."""


@dataclass(frozen=True, slots=True)
class ParquetRow:
    """One row of a Parquet file."""

    number: int
    """From 1."""
    offset: int
    """The first byte that is read of its row group in the file."""
    values: Mapping[str, Any]
    """By column, as PyArrow's `to_pylist` returns them."""


class ParquetFile:
    """An open Parquet file, read a few rows at a time. For one thread."""

    def __init__(self, file: Any, url: str) -> None:  # noqa: ANN401 - PyArrow has no types
        self._file = file
        self._url = url
        self.rows: int = file.metadata.num_rows
        self.columns: Mapping[str, ParquetColumn] = {
            item.name: _column(item.type) for item in file.schema_arrow
        }
        self.features: bytes | None = (file.schema_arrow.metadata or {}).get(b"huggingface")
        """The JSON in which Hugging Face's `datasets` describes the columns; None without it."""

    def read(self, columns: Sequence[str]) -> Iterator[ParquetRow]:
        """Yield the rows in the file's order.

        Costs the memory of about 8 MiB of rows, of 256 MiB where a dictionary repeats large values, and of
        one row at least. Raises `SourceError` for a damaged file.

        Args:
            columns: the columns of the rows; `image.path` is the field `path` of the column `image`.
        """
        row = 0
        paths = [self._file.schema.column(i).path for i in range(len(self._file.schema))]
        read = [i for i, path in enumerate(paths) if any(_is_in(path, name) for name in columns)]
        for number in range(self._file.num_row_groups):
            group = self._file.metadata.row_group(number)
            if not group.num_rows:
                continue
            encoded = max(1, group.total_byte_size)  # no value is larger
            fitting = min(_BATCH_BYTES * group.num_rows, _DECODED_BYTES) // encoded
            rows = max(1, min(_BATCH_ROWS, fitting))
            offset = None if read else 0
            batches = self._file.iter_batches(
                rows, row_groups=[number], columns=list(columns), use_threads=False
            )
            while True:
                with _parquet_errors(f"{self._url}, after row {row:,},"):
                    batch = next(batches, None)
                    values = [] if batch is None else batch.to_pylist()
                if batch is None:
                    break
                if offset is None:
                    # PyArrow aborts the process for the metadata of a damaged column; this one has been read.
                    chunk = group.column(read[0])
                    offset = chunk.dictionary_page_offset or chunk.data_page_offset
                for row, value in enumerate(values, row + 1):  # noqa: B020 - it goes on from there
                    yield ParquetRow(row, offset, value)


def _is_in(path: str, column: str) -> bool:
    return path == column or path.startswith(f"{column}.")


@contextmanager
def open_parquet(read: ReadAt, size: int, url: str) -> Iterator[ParquetFile]:
    """Open a Parquet file. Costs the read of its footer.

    Args:
        read: reads the file, as `open_reader` yields it.
        size: the file's size in bytes.
        url: the file, for errors.

    Raises:
        SourceError: the file is not Parquet, or is damaged.
        MissingExtraError: PyArrow is not installed.
    """
    _, pq = _pyarrow(url)
    with _parquet_errors(url):
        file = pq.ParquetFile(
            ObjectFile(read, size),
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
        )
        opened = ParquetFile(file, url)
    with file:
        yield opened


def json_value(value: object, where: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value of a row as JSON: NaN as null, dates as ISO 8601.

    Raises `SourceError` for bytes and maps.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return None if math.isnan(value) else value
        case list():
            return [json_value(item, where) for item in value]
        case dict():
            return {str(name): json_value(item, where) for name, item in value.items()}
        case tuple():  # an entry of a map; PyArrow before 20 makes no dict of it
            raise SourceError(f"{where} holds a map: write it as a struct, or as JSON text")
        case bytes():
            raise SourceError(
                f"{where} holds bytes; a table must list paths or URLs of images, not the images"
            )
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _:
            return str(value)


@contextmanager
def _parquet_errors(where: str) -> Iterator[None]:
    pa, _ = _pyarrow(where)
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{where} cannot be read as Parquet: {error}") from error


def _pyarrow(url: str) -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    except ImportError as error:
        raise MissingExtraError.of("parquet", f"reading the Parquet file {url}") from error
    return pa, pq


def _column(kind: Any) -> ParquetColumn:  # noqa: ANN401 - PyArrow has no types
    pa, _ = _pyarrow("")
    fields = {item.name: item.type for item in kind} if pa.types.is_struct(kind) else {}
    path = set(fields) == {"bytes", "path"} and _is_bytes(fields["bytes"])
    return ParquetColumn(_kind(kind), path or _is_bytes(kind), path)


def _kind(kind: Any) -> Kind | None:  # noqa: ANN401, PLR0911 - a type for a type
    pa, _ = _pyarrow("")
    types = pa.types
    if types.is_dictionary(kind):
        return _kind(kind.value_type)
    if types.is_struct(kind):
        return "object" if all(_kind(item.type) for item in kind) else None
    if types.is_map(kind):
        return "list" if _kind(kind.item_type) else None
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "list" if _kind(kind.value_type) else None
    if types.is_boolean(kind):
        return "boolean"
    if types.is_integer(kind):
        return "integer"
    if types.is_floating(kind):
        return "number"
    return None if _is_bytes(kind) else "text"


def _is_bytes(kind: Any) -> bool:  # noqa: ANN401 - the same
    pa, _ = _pyarrow("")
    view = getattr(pa.types, "is_binary_view", lambda _: False)
    types = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, view)
    return any(is_one(kind) for is_one in types)
