"""References on disk: a listing of millions that takes a few bytes of memory an entry."""

import heapq
import json
import os
import tempfile
import threading
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, overload

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.reference import Attachment, Metadata, Reference
from wds_imagenet.storage.local import error_from_os

_BUFFER: Final = 1 << 20
_CHUNK: Final = 256
_RUN: Final = 1 << 16
_HELD: Final = 1 << 15
_NOTHING: Final[Metadata] = {}
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class SpilledReferences(Sequence[Reference]):
    """A sequence of references that lies in a temporary file.

    Gives back what was put in, as JSON has it: a tuple in the metadata comes back as a list. The file
    has no name, so it is gone with the object, and with the process however that ends. Any number of
    threads may read, and so may processes that are forked meanwhile; one thread appends.

    Costs 8 bytes of memory an entry, and 2 MiB; on disk what its texts are long, about 120 bytes an
    entry. To append one takes 3 µs, to pass one 3 µs, to read one at random 8 µs; up to 32,768 entries stay
    in memory too once they were read, about 20 MB, and take nothing then. Raises `FullError` where there
    is no room for temporary files.
    """

    def __init__(self, references: Iterable[Reference] = ()) -> None:
        self._file = tempfile.TemporaryFile(prefix="wds-imagenet-", buffering=0)  # noqa: SIM115 - as long as we
        weakref.finalize(self, self._file.close)  # Python warns of a file that nobody closed
        self._maker = os.getpid()
        self._lock = threading.Lock()
        self._buffer = bytearray()  # the entries' end, not yet in the file
        self._written = 0
        self._bounds = array("q", [0])
        self._held: list[Reference] = []  # the first entries, as read back, while there are not too many
        for reference in references:
            self.append(reference)

    def append(self, reference: Reference) -> None:
        """Put a reference at the end. Raises `SourceError` for one that has no JSON form."""
        if os.getpid() != self._maker:
            raise UsageError("a spool that another process made is only read")
        try:
            entry = _encode(_to_json(reference)).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise SourceError(f"what is known of {reference.name!r} has no JSON form: {error}") from error
        with self._lock:
            self._buffer += entry
            self._buffer += b","
            self._bounds.append(self._bounds[-1] + len(entry) + 1)
        if len(self) > _HELD and self._held:
            self._held = []
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def __len__(self) -> int:
        return len(self._bounds) - 1

    @overload
    def __getitem__(self, index: int) -> Reference: ...
    @overload
    def __getitem__(self, index: slice) -> list[Reference]: ...
    def __getitem__(self, index: int | slice) -> Reference | list[Reference]:
        if len(self) <= _HELD:
            return self._all()[index]
        if isinstance(index, slice):
            places = range(*index.indices(len(self)))
            if places.step != 1:
                return [self[place] for place in places]
            return self._read(places.start, max(places.start, places.stop))
        place = range(len(self))[index]
        return self._read(place, place + 1)[0]

    def __iter__(self) -> Iterator[Reference]:
        start = 0
        while chunk := self[start : start + _CHUNK]:
            yield from chunk
            start += len(chunk)

    def _all(self) -> list[Reference]:
        """Return the few that there are, each read only once."""
        held = self._held
        if len(held) < len(self):  # a new list, since another thread may be about to read this one
            held = self._held = held + self._read(len(held), len(self))
        return held

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
    """Return references in the order of a key, equal ones in that of their arrival.

    Costs the memory of 65,536 of them, 10 µs each, and twice the disk for a while.
    """
    runs = _sorted_runs(references, key)
    return runs[0] if len(runs) == 1 else SpilledReferences(heapq.merge(*runs, key=key))


def sorted_references(
    references: Iterable[Reference], key: Callable[[Reference], Any]
) -> Iterator[Reference]:
    """Yield what `spool_in_order` returns, for who goes through it once: at half the cost."""
    return heapq.merge(*_sorted_runs(references, key), key=key)


def _sorted_runs(references: Iterable[Reference], key: Callable[[Reference], Any]) -> list[SpilledReferences]:
    arriving = iter(references)
    runs = []
    while run := sorted(islice(arriving, _RUN), key=key):
        runs.append(SpilledReferences(run))
    return runs


def _to_json(reference: Reference) -> list[Any]:
    known: list[Any] = [
        reference.key,
        reference.url,
        reference.offset,
        reference.size,
        reference.name,
        reference.label,
    ]
    if reference.caption is not None or reference.metadata or reference.attachments or reference.rotation:
        attached = [[a.suffix, a.url, a.offset, a.size, a.encoding] for a in reference.attachments]
        known += [reference.caption, reference.metadata, attached]
        if reference.rotation:
            known.append(reference.rotation)
    return known


def _from_json(  # noqa: PLR0917 - an array has places, not names
    key: str,
    url: str,
    offset: int,
    size: int | None,
    name: str,
    label: int | None,
    caption: str | None = None,
    metadata: Metadata = _NOTHING,
    attached: Sequence[Any] = (),
    turn: int = 0,
) -> Reference:
    attachments = tuple(Attachment(*item) for item in attached)
    return Reference(key, url, offset, size, name, label, caption, metadata or _NOTHING, attachments, turn)
