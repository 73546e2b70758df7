"""Rows of many files, brought together by image: on disk, since there are hundreds of millions."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from wds_imagenet.errors import FullError, StoreError

_CACHE_KIB: Final = 64 << 10


class SpilledRow(NamedTuple):
    """One row; what its values mean, its kind says."""

    image: int
    """A number of 64 bits, with sign."""
    kind: int
    sheet: int
    """Which file it is from."""
    line: int
    first: int
    second: float
    text: str


class SpilledRows:
    """Rows go in in any order, and come out image by image, by kind, and then as they went in.

    They lie in a file of the temporary folder that has no name (SQLite deletes it as soon as it is made),
    so nothing is left behind whichever way the process ends. Costs 64 MiB of memory, about 2 µs a row
    to add and again to bring in order, and on disk twice the rows, at about 30 bytes each. For one thread.
    Raises `FullError` where the disk is full.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for setting in (f"cache_size=-{_CACHE_KIB}", "journal_mode=OFF", "synchronous=OFF"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute(
            "CREATE TABLE rows (image INTEGER, kind INTEGER, sheet INTEGER, line INTEGER, "
            "first INTEGER, second REAL, text TEXT)"
        )
        self._database.execute("BEGIN")  # never committed: only this connection reads

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, rows: Iterable[SpilledRow]) -> None:
        """Take rows; what raises in making them raises here."""
        try:
            self._database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise _told(error) from error

    def images(self) -> Iterator[tuple[int, list[SpilledRow]]]:
        """Yield each image with its rows, by rising number."""
        for image, rows in groupby(self._sorted(), key=itemgetter(0)):
            yield image, [SpilledRow._make(row) for row in rows]

    def _sorted(self) -> Iterator[tuple[Any, ...]]:
        try:
            # Not `yield from`: that would close the cursor, perhaps after the database.
            for row in self._database.execute("SELECT * FROM rows ORDER BY image, kind, rowid"):  # noqa: UP028
                yield row
        except sqlite3.Error as error:
            raise _told(error) from error


def _told(error: sqlite3.Error) -> StoreError:
    kind = FullError if "full" in str(error) else StoreError
    return kind(f"the database in the temporary folder failed: {error}; SQLITE_TMPDIR or TMPDIR moves it")
