"""Packed data sets beside a destination whose classes have other labels, such as train beside val."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from wds_imagenet.errors import ManifestError, StoreError, UsageError
from wds_imagenet.format.manifest import MANIFEST_PATH, MAX_BYTES, Manifest
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.storage.url import parse_url
from wds_imagenet.util.messages import quantity

_SPLITS: Final = ("train", "val", "validation", "test")
_WORD: Final = re.compile(r"(?<![a-z])(?:training|train|validation|valid|val|testing|test)(?![a-z])")
_MAX_FOLDERS: Final = 200
_QUICK: Final = {"retries": 1, "timeout": 5}
"""Storage options of these reads: a note is not worth the usual minutes of retries."""


def class_notes(dest: str, classes: Iterable[Mapping[str, Any]], options: StorageOptions) -> Iterator[str]:
    """Yield a note for each data set beside the destination that has some of the classes, and other labels.

    Looks at the folders beside it on the local disk, at most 200; on other stores only at the names that the
    other splits would have. Costs one read of a manifest each, which is retried once, and may go 5 seconds
    without progress.

    Args:
        dest: URL of the data set that is being packed.
        classes: its class table, as the schema has it.
        options: options of its store.
    """
    labels = {item["class_name"]: label for label, item in enumerate(classes) if item.get("class_name")}
    if not labels:
        return
    for url in _beside(dest):
        try:
            data = open_store(url, {**options, **_QUICK}).read(MANIFEST_PATH, limit=MAX_BYTES).data
            theirs = {item.get("name"): label for label, item in enumerate(Manifest.from_json(data).classes)}
        except (StoreError, ManifestError):  # no data set, or none that can be read
            continue
        shared = sorted(labels.keys() & theirs.keys())
        moved = [name for name in shared if labels[name] != theirs[name]]
        if moved:
            yield (
                f"{quantity(len(moved), 'classes have')} another label in {url}, such as {moved[0]!r}: "
                f"{labels[moved[0]]} here, {theirs[moved[0]]} there; option classes={url!r} takes its classes"
            )
        elif shared and labels.keys() != theirs.keys():
            yield f"{url} has other classes, too: {len(theirs):,}, of which {len(shared):,} are here"


def _beside(dest: str) -> Iterator[str]:
    location = parse_url(dest)
    if location.scheme == "file":
        own = Path(location.root)
        try:
            folders = sorted(islice(own.parent.iterdir(), _MAX_FOLDERS))
        except OSError:  # the folder above does not exist yet, or may not be listed
            return
        yield from (str(folder) for folder in folders if folder != own and folder.is_dir())
        return
    try:
        parent, name = split_url(dest)
    except UsageError:  # a whole bucket
        return
    names = {_WORD.sub(split, name.lower()) for split in _SPLITS} - {name.lower()}
    yield from (f"{parent}/{other}" for other in sorted(names))
