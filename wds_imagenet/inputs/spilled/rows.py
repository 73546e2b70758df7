"""Rows of many files, grouped by image on disk: data sets have hundreds of millions of rows."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from wds_imagenet.inputs.spilled.records import database_error

_CACHE_KIB: Final = 64 << 10


class SpilledRow(NamedTuple):
    """One row. The meaning of `integer`, `real` and `text` depends on `kind`."""

    image: int
    """A signed number of 64 bits."""
    kind: int
    file: int
    """The number of the file that the row is from."""
    line: int
    integer: int
    real: float
    text: str


class SpilledRows:
    """Rows added in any order, read back by image, then by kind, then in the order in which they were added.

    SQLite deletes the rows' temporary file as soon as it is made, so no file is left behind however the
    process ends. Costs 64 MiB of memory, and about 2 µs a row to add and again to sort. On disk, it costs
    twice the rows, at about 30 bytes a row. For one thread. Raises `FullError` where the disk is full.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for setting in (f"cache_size=-{_CACHE_KIB}", "journal_mode=OFF", "synchronous=OFF"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute(
            "CREATE TABLE rows (image INTEGER, kind INTEGER, file INTEGER, line INTEGER, "
            "integer INTEGER, real REAL, text TEXT)"
        )
        self._database.execute("BEGIN")  # never committed: only this connection reads

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, rows: Iterable[SpilledRow]) -> None:
        """Add rows. Errors of the iterable itself pass through."""
        try:
            self._database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise database_error(error) from error

    def images(self) -> Iterator[tuple[int, list[SpilledRow]]]:
        """Yield each image with its rows, in the order of image numbers."""
        for image, rows in groupby(self._sorted(), key=itemgetter(0)):
            yield image, [SpilledRow._make(row) for row in rows]

    def _sorted(self) -> Iterator[tuple[Any, ...]]:
        try:
            # Not `yield from`: that would close the cursor, perhaps after the database.
            for row in self._database.execute("SELECT * FROM rows ORDER BY image, kind, rowid"):  # noqa: UP028
                yield row
        except sqlite3.Error as error:
            raise database_error(error) from error
