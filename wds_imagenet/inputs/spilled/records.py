"""Records of a million images by stem, on disk and not in memory."""

import hashlib
import sqlite3
import threading
import weakref
from typing import Final

from wds_imagenet.errors import FullError, StoreError

_CACHE_KIB: Final = 16 << 10


class SpilledRecords:
    """Bytes by stem, in a temporary SQLite database.

    SQLite deletes the database's file as soon as it is made. So no file is left behind however the process
    ends, and the disk space is free when this object is gone. Costs 16 MiB of memory for any number of
    records, and about 5 µs to add or find one. For any number of threads. Raises `FullError` where the disk
    is full.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._digest = hashlib.sha256()
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        for setting in (f"cache_size=-{_CACHE_KIB}", "journal_mode=OFF", "synchronous=OFF"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute("CREATE TABLE records (stem TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
        self._database.execute("BEGIN")  # never committed: only this connection reads

    def __len__(self) -> int:
        return self._count

    def add(self, stem: str, value: bytes) -> bool:
        """Add the record of a stem. Returns False, and changes nothing, if the stem has a record."""
        added = self._execute("INSERT OR IGNORE INTO records VALUES (?, ?)", (stem, value)).rowcount == 1
        if added:
            self._count += 1
            name = stem.encode()
            self._digest.update(b"%d %d %b%b" % (len(name), len(value), name, value))
        return added

    @property
    def sha256(self) -> str:
        """SHA-256 of all stems and records, in the order in which they were added."""
        return self._digest.hexdigest()

    def get(self, stem: str) -> bytes | None:
        """Return the record of a stem, None if there is none."""
        row: tuple[bytes] | None = self._execute(
            "SELECT value FROM records WHERE stem = ?", (stem,)
        ).fetchone()
        return None if row is None else row[0]

    def _execute(self, statement: str, values: tuple[str | bytes, ...]) -> sqlite3.Cursor:
        try:
            with self._lock:
                return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise database_error(error) from error


def database_error(error: sqlite3.Error) -> StoreError:
    """Return the error for a failed temporary database: a `FullError` where the disk is full."""
    kind = FullError if "full" in str(error) else StoreError
    return kind(
        f"the database in the temporary folder failed: {error}; set SQLITE_TMPDIR or TMPDIR to another folder"
    )
