"""The files beside the shards, compared with the manifest: plan, report and companion files."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from typing import Final

from wds_imagenet.errors import NotFoundError
from wds_imagenet.format.info_files import README_FILE, companion_files
from wds_imagenet.format.manifest import (
    MANIFEST_PATH,
    PLAN_PATH,
    REPORT_PATH,
    Manifest,
)
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import MAX_METADATA, MAX_READ
from wds_imagenet.util import strict_json

_MAX_PLAN: Final = 64 << 20


def check_files(store: Store, manifest: Manifest) -> Iterator[Finding]:
    """Yield the faults of manifest, plan, report and companion files of a data set. Costs six requests.

    The manifest states the hash of the plan and of the report, and decides every byte of the companion files.
    An indexed data set has the manifest alone. `README.md` must be there, and people may edit it.
    """
    yield from check_bytes(store, MANIFEST_PATH, manifest.to_json())
    if manifest.plan is None:
        return
    plan = yield from _hashed(store, PLAN_PATH, manifest.plan)
    if plan is not None:
        yield from _check_plan(plan, manifest)
    if manifest.report_sha256 is not None:
        yield from _hashed(store, REPORT_PATH, manifest.report_sha256)
    for path, expected in companion_files(manifest).items():
        if path != README_FILE:
            yield from check_bytes(store, path, expected)
        elif read_if_there(store, path) is None:
            yield Finding("the file is missing", file=path)


def note_card(store: Store, manifest: Manifest) -> list[str]:
    """Return a note on an edited `README.md`: the card of a data set is text of people, and no fault."""
    if manifest.plan is None:
        return []
    expected = companion_files(manifest)[README_FILE]
    if read_believed(store, README_FILE, expected.__eq__) in {None, expected}:
        return []
    return [f"{README_FILE} is not as it was packed; you may edit it, and 'repair' leaves it as it is"]


def check_bytes(store: Store, path: str, expected: bytes) -> Iterator[Finding]:
    """Yield a finding if a file is missing or has other bytes. Costs one request, or two for a finding."""
    data = read_believed(store, path, expected.__eq__)
    if data is None:
        yield Finding("the file is missing", file=path)
    elif data != expected:
        yield Finding("the file is not as it was packed", offset=_first_difference(data, expected), file=path)


def read_if_there(store: Store, path: str) -> bytes | None:
    """Return an object's bytes, None if it is missing."""
    unbounded = path.endswith(("keys.txt", ".jsonl"))
    try:
        return store.read(path, limit=MAX_READ if unbounded else MAX_METADATA).data
    except NotFoundError:
        return None


def read_believed(store: Store, path: str, fits: Callable[[bytes], bool]) -> bytes | None:
    """Return an object's bytes, None if it is missing. Bytes that do not fit are read once more.

    The network may have damaged them, and not the store.
    """
    data = read_if_there(store, path)
    return data if data is None or fits(data) else read_if_there(store, path)


def _hashed(store: Store, path: str, expected: str) -> Generator[Finding, None, bytes | None]:
    """Yield a finding unless a file has this SHA-256; return its bytes if it has."""
    data = read_believed(store, path, lambda data: hashlib.sha256(data).hexdigest() == expected)
    if data is None:
        yield Finding("the file is missing", file=path)
        return None
    actual = hashlib.sha256(data).hexdigest()
    if actual == expected:
        return data
    yield Finding(f"the file has the SHA-256 {actual:.12}…, the manifest says {expected:.12}…", file=path)
    return None


def _check_plan(plan: bytes, manifest: Manifest) -> Iterator[Finding]:
    try:
        value = strict_json.loads(plan, max_bytes=_MAX_PLAN)
    except ValueError as error:
        yield Finding(f"the plan cannot be read: {error}", file=PLAN_PATH)
        return
    options = value.get("options") if isinstance(value, dict) else None
    for name, ours in (("name", manifest.name), ("split", manifest.split)):
        theirs = options.get(name) if isinstance(options, dict) else None
        if theirs != ours:
            yield Finding(f"the {name} is {theirs!r:.60}, in the manifest {ours!r:.60}", file=PLAN_PATH)


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
