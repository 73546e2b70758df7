"""Files beside images: `cat.cls`, `cat.txt` and `cat.json` belong to `cat.jpg`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.image_files import IgnoredFiles, is_hidden, suffix_of
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, sorted_references, spill_in_order
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sample import IMAGE_SUFFIXES
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import StorageOptions, Store
from wds_imagenet.util import strict_json

SUFFIXES: Final = ("cls", "txt", "json")
"""A label, the number or the name of a class; a caption; and an object with anything."""
_MAX_BYTES: Final = 1 << 20
_LABEL: Final = re.compile(r"\S(?:.{0,198}\S)?")


def read_beside(
    files: Iterable[ListedFile], strangers: IgnoredFiles, hidden: IgnoredFiles, options: StorageOptions
) -> SpilledReferences:
    """Return the images by path, each with what lies beside it by suffix, as its metadata.

    Files that are hidden, or belong to no image, are counted. Costs one request a file beside an image, and
    30 µs a file; on disk. Raises `SourceError` that names the file: of more than 1 MiB, not UTF-8, a `.cls`
    that is not one line with a label, a `.json` that is no object.
    """
    seen = sorted_references(_shown(files, hidden), lambda file: (_stem(file.name), file.name))
    return spill_in_order(_with_files(seen, strangers, options), lambda image: image.name)


def _shown(files: Iterable[ListedFile], hidden: IgnoredFiles) -> Iterator[Reference]:
    for file in files:
        if is_hidden(file.path):
            hidden.add(file.path)
        else:
            yield Reference("", file.url, file.offset, file.size, file.path)


def _with_files(
    files: Iterable[Reference], strangers: IgnoredFiles, options: StorageOptions
) -> Iterator[Reference]:
    """Yield images with their files, of files in the order of stems."""
    store = cache(lambda folder: open_store(folder, options))
    for _, named in groupby(files, lambda file: _stem(file.name)):
        images, others = [], []
        for file in named:
            suffix = suffix_of(file.name)
            if suffix in IMAGE_SUFFIXES:
                images.append(file)
            else:
                others.append((suffix, file))
        beside = {}
        for suffix, file in others:
            if images and suffix in SUFFIXES:
                folder, name = split_url(file.url)
                beside[suffix] = _understood(suffix, _read(store(folder), name, file), file)
            else:
                strangers.add(file.name)
        yield from (replace(image, metadata=beside) for image in images)


def _stem(path: str) -> str:
    suffix = suffix_of(path)
    return path[: -len(suffix) - 1] if suffix else path


def _read(store: Store, name: str, file: Reference) -> str:
    size = file.size or 0
    if size > _MAX_BYTES:
        raise SourceError(f"{file.url}: {file.name} has {size:,} bytes; at most {_MAX_BYTES:,} are read")
    data = store.read(name, file.offset, file.offset + size).data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{file.url}: {file.name} is not UTF-8: {error}") from error


def _understood(suffix: str, text: str, file: Reference) -> Any:  # noqa: ANN401 - a text, or a JSON object
    if suffix == "cls":
        if not _LABEL.fullmatch(text.strip()):
            raise SourceError(
                f"{file.url}: {file.name} holds {text[:40]!r}, and not one line with a number or the name of "
                "a class"
            )
        return text.strip()
    if suffix == "txt":
        return text.rstrip("\r\n")
    try:
        value = strict_json.loads(text.encode(), max_bytes=_MAX_BYTES)
    except ValueError as error:
        raise SourceError(f"{file.url}: {file.name} is not JSON as it should be: {error}") from error
    if not isinstance(value, dict):
        raise SourceError(f"{file.url}: {file.name} is no JSON object: {text[:60]!r}")
    return value
