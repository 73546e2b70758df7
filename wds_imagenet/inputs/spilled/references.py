"""References on disk: a listing of millions costs a few bytes of memory an entry."""

import heapq
import json
import os
import tempfile
import threading
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, overload

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.reference import Attachment, Metadata, Reference
from wds_imagenet.storage.os_errors import error_from_os

_BUFFER_BYTES: Final = 1 << 20
_CHUNK: Final = 256
_SORTED_RUN: Final = 1 << 16
_MAX_CACHED: Final = 1 << 15
_MAX_BYTES: Final = 32 << 20  # of entries in memory at a time, where entries are large
_NO_METADATA: Final[Metadata] = {}
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class SpilledReferences(Sequence[Reference]):
    """A sequence of references in a temporary file.

    References come back as JSON keeps them: a tuple in the metadata comes back as a list. The file has no
    name, so that it disappears with this object, and with the process however that ends. Any number of
    threads, and of processes forked meanwhile, may read; only one thread of the first process may append.

    Costs 2 MiB of memory and 8 bytes an entry, and about 120 bytes an entry on disk. An entry takes 3 µs to
    append, 3 µs to read in order and 8 µs to read at random. A sequence of up to 32,768 entries that
    takes at most 32 MiB on disk is cached in memory when it is first read, and then costs no time. Raises
    `FullError` where there is no room for temporary files.

    Args:
        references: the first entries.
    """

    def __init__(self, references: Iterable[Reference] = ()) -> None:
        self._file = tempfile.TemporaryFile(prefix="wds-imagenet-", buffering=0)  # noqa: SIM115 - closed below
        weakref.finalize(self, self._file.close)  # Python warns of an unclosed file
        self._owner_pid = os.getpid()
        self._lock = threading.Lock()
        self._buffer = bytearray()  # the last entries, not yet in the file
        self._written = 0
        self._bounds = array("q", [0])
        self._cached: list[Reference] = []  # the first entries, as read back, of a short sequence
        for reference in references:
            self.append(reference)

    def append(self, reference: Reference) -> None:
        """Append a reference.

        Raises:
            SourceError: the reference has no JSON form.
            UsageError: the sequence was made in another process.
        """
        if os.getpid() != self._owner_pid:
            raise UsageError("references that another process spilled can only be read")
        try:
            entry = _encode(_to_json(reference)).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise SourceError(f"the reference of {reference.name!r} has no JSON form: {error}") from error
        with self._lock:
            self._buffer += entry
            self._buffer += b","
            self._bounds.append(self._bounds[-1] + len(entry) + 1)
        if self._cached and not self._is_short():
            self._cached = []
        if len(self._buffer) >= _BUFFER_BYTES:
            self._flush()

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @overload
    def __getitem__(self, index: int) -> Reference: ...
    @overload
    def __getitem__(self, index: slice) -> list[Reference]: ...
    def __getitem__(self, index: int | slice) -> Reference | list[Reference]:
        if self._is_short():
            return self._all()[index]
        if isinstance(index, slice):
            positions = range(*index.indices(len(self)))
            if positions.step != 1:
                return [self[position] for position in positions]
            return self._read(positions.start, max(positions.start, positions.stop))
        position = range(len(self))[index]
        return self._read(position, position + 1)[0]

    def __iter__(self) -> Iterator[Reference]:
        return iter(self._all()) if self._is_short() else self.read_once(_MAX_BYTES)

    def read_once(self, max_bytes: int) -> Iterator[Reference]:
        """Yield the entries, and cache none.

        Args:
            max_bytes: of the entries in memory at a time; one entry may have more.
        """
        start = 0
        while start < len(self):
            fits = bisect_right(self._bounds, self._bounds[start] + max_bytes) - 1
            stop = max(start + 1, min(fits, start + _CHUNK))
            yield from self._read(start, stop)
            start = stop

    def _is_short(self) -> bool:
        return len(self) <= _MAX_CACHED and self._bounds[-1] <= _MAX_BYTES

    def _all(self) -> list[Reference]:
        """Return all entries of a short sequence, each read from the file only once."""
        cached = self._cached
        if len(cached) < len(self):  # a new list, because another thread may be reading the old one
            cached = self._cached = cached + self._read(len(cached), len(self))
        return cached

    def _read(self, first: int, last: int) -> list[Reference]:
        start, stop = self._bounds[first], self._bounds[last]
        if stop > self._written:
            self._flush()
        try:
            data = os.pread(self._file.fileno(), stop - start, start)
        except OSError as error:
            raise error_from_os(error, Path(tempfile.gettempdir())) from error
        return [_from_json(*entry) for entry in json.loads(b"[%b]" % data[:-1])]

    def _flush(self) -> None:
        with self._lock:
            try:
                while self._buffer:
                    size = os.pwrite(self._file.fileno(), self._buffer, self._written)
                    self._written += size
                    del self._buffer[:size]
            except OSError as error:
                raise error_from_os(error, Path(tempfile.gettempdir())) from error


def spill_in_order(references: Iterable[Reference], key: Callable[[Reference], Any]) -> SpilledReferences:
    """Return references sorted by a key; references with equal keys keep their order.

    Costs the memory of 65,536 references, with about 32 MiB of texts at most; 10 µs a reference; and for a
    while twice the disk space.

    Args:
        references: the references, in any order.
        key: returns the key by which a reference is sorted.
    """
    runs = _sorted_runs(references, key)
    return runs[0] if len(runs) == 1 else SpilledReferences(_merged(runs, key))


def sorted_references(
    references: Iterable[Reference], key: Callable[[Reference], Any]
) -> Iterator[Reference]:
    """Yield the references of `spill_in_order` once, at half the cost."""
    return _merged(_sorted_runs(references, key), key)


def _sorted_runs(references: Iterable[Reference], key: Callable[[Reference], Any]) -> list[SpilledReferences]:
    unsorted = iter(references)
    runs = []
    while run := sorted(_run(unsorted), key=key):
        runs.append(SpilledReferences(run))
    return runs


def _merged(runs: Sequence[SpilledReferences], key: Callable[[Reference], Any]) -> Iterator[Reference]:
    return heapq.merge(*(run.read_once(_MAX_BYTES // len(runs)) for run in runs), key=key)


def _run(references: Iterator[Reference]) -> Iterator[Reference]:
    """Yield the next references that may be in memory at a time."""
    size = 0
    for reference in islice(references, _SORTED_RUN):
        yield reference
        size += len(reference.caption or "")
        size += sum(len(value) for value in reference.metadata.values() if isinstance(value, str))
        if size > _MAX_BYTES:
            break


def _to_json(reference: Reference) -> list[Any]:
    values: list[Any] = [
        reference.key,
        reference.url,
        reference.offset,
        reference.size,
        reference.name,
        reference.label,
    ]
    last = [reference.rotation, reference.fault] if reference.fault else [reference.rotation]
    if reference.caption is not None or reference.metadata or reference.attachments or any(last):
        attachments = [[a.suffix, a.url, a.offset, a.size, a.encoding] for a in reference.attachments]
        values += [reference.caption, reference.metadata, attachments]
        values += last if any(last) else []
    return values


def _from_json(  # noqa: PLR0917 - an array has positions, not names
    key: str,
    url: str,
    offset: int,
    size: int | None,
    name: str,
    label: int | None,
    caption: str | None = None,
    metadata: Metadata = _NO_METADATA,
    attached: Sequence[Any] = (),
    rotation: int = 0,
    fault: str | None = None,
) -> Reference:
    attachments = tuple(Attachment(*item) for item in attached)
    metadata = metadata or _NO_METADATA
    return Reference(key, url, offset, size, name, label, caption, metadata, attachments, rotation, fault)
