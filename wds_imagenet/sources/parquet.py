"""Parquet tables, by PyArrow: imported here alone, and only when one is read."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from wds_imagenet.errors import MissingExtraError, SourceError


def read_parquet(data: bytes, url: str) -> Mapping[str, Sequence[Any]]:
    """Return the columns of a Parquet file, their values as JSON has them, None where there is none.

    Dates become ISO 8601 texts, NaN None. Raises `SourceError` for a file that cannot be read or a
    column that holds bytes, `MissingExtraError` without PyArrow.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    except ImportError as error:
        raise MissingExtraError.of("parquet", f"reading the Parquet file {url}") from error
    try:
        table = pq.read_table(io.BytesIO(data), use_threads=False)
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SourceError(f"{url} cannot be read as Parquet: {error}") from error
    return {name: [_plain(v, f"{url}: column {name!r}") for v in vs] for name, vs in columns.items()}


def _plain(value: object, where: str) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return None if math.isnan(value) else value
        case list():
            return [_plain(item, where) for item in value]
        case dict():
            return {str(name): _plain(item, where) for name, item in value.items()}
        case bytes():
            raise SourceError(f"{where} holds bytes; a table lists paths or URLs of images, not images")
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _:
            return str(value)
