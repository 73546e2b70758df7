"""The steps of a repair. Each is checked after it was taken, and may be taken again."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from wds_imagenet.errors import ChangedError, CorruptError, NotFoundError
from wds_imagenet.packing.publish.temporary_file import temporary_file
from wds_imagenet.reading.findings.files import read_believed
from wds_imagenet.storage import Store

_CHUNK: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Put:
    """A small file, written whole."""

    path: str
    data: bytes
    what: str
    create: bool = False
    """True if the file must not exist."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A shard, copied from a place that may be damaged too."""

    path: str
    size: int
    sha256: str | None
    """None for a damaged file, which is kept as it is."""
    source: Store
    source_path: str
    what: str


@dataclass(frozen=True, slots=True)
class Keep:
    """A damaged file, copied to another place in its own store; skipped if there is no file."""

    source_path: str
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A file that is not needed."""

    path: str
    what: str


Step: TypeAlias = Put | Copy | Keep | Remove


def take(store: Store, step: Step) -> None:
    """Take a step, and read back everything that it wrote.

    Raises:
        CorruptError: the source of a copy is damaged, and nothing was written; or the store returns other
            bytes than were written.
        ExistsError: a file that must not exist is there.
        StoreError: a store or the local disk fails.
    """
    match step:
        case Put(path, data, _, create):
            store.put(path, data, create=create)
            if read_believed(store, path, data.__eq__) != data:
                raise CorruptError(f"{store.url}/{path}: the store returns other bytes than were written")
        case Copy():
            _copy(store, step)
        case Keep(source_path, path):
            _keep(store, source_path, path)
        case Remove(path):
            store.delete(path)


def has_hash(store: Store, path: str, size: int, sha256: str) -> bool:
    """Return True if an object has exactly this size and SHA-256.

    Costs one read of it, or two if the first differs: the network may have damaged it, and not the store.
    """
    return any(_has_hash(store, path, size, sha256) for _ in range(2))


def _has_hash(store: Store, path: str, size: int, sha256: str) -> bool:
    try:
        if store.info(path).size != size:
            return False
        digest = hashlib.sha256()
        for data in _chunks(store, path, size):
            digest.update(data)
    except (CorruptError, ChangedError, NotFoundError):
        return False
    return digest.hexdigest() == sha256


def _keep(store: Store, source_path: str, path: str) -> None:
    try:
        size = store.info(source_path).size
    except NotFoundError:
        return
    _copy(store, Copy(path, size, None, store, source_path, ""))


def _copy(store: Store, step: Copy) -> None:
    digest = hashlib.sha256()
    with temporary_file(store, step.path.rpartition("/")[2]) as file:
        with file.open("wb") as out:
            for data in _chunks(step.source, step.source_path, step.size):
                digest.update(data)
                out.write(data)
        if step.sha256 is not None and digest.hexdigest() != step.sha256:
            raise CorruptError(
                f"{step.source.url}/{step.source_path} has other bytes than the manifest states"
            )
        store.put_file(step.path, file)
    if not has_hash(store, step.path, step.size, digest.hexdigest()):
        raise CorruptError(f"{store.url}/{step.path}: the store returns other bytes than were written")


def _chunks(store: Store, path: str, size: int) -> Iterator[bytes | memoryview]:
    for start in range(0, size, _CHUNK):
        yield store.read(path, start, min(start + _CHUNK, size)).data
