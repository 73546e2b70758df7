"""Sidecar files: `cat.cls`, `cat.txt` and `cat.json` annotate `cat.jpg`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.image_files import IgnoredFiles, suffix_of
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, sorted_references, spill_in_order
from wds_imagenet.sample import IMAGE_SUFFIXES
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import StorageOptions, Store
from wds_imagenet.util import strict_json

SUFFIXES: Final = ("cls", "txt", "json")
"""The suffixes of a label (number or name of a class), a caption, and a JSON object of metadata."""
_MAX_BYTES: Final = 1 << 20
_LABEL: Final = re.compile(r"\S(?:.{0,198}\S)?")


def read_sidecars(
    files: Iterable[ListedFile], unmatched: IgnoredFiles, hidden: IgnoredFiles, options: StorageOptions
) -> SpilledReferences:
    """Return the images by path, each with the contents of its sidecar files as metadata, by suffix.

    Costs one request a sidecar file, and 30 µs a file; the images are kept on disk.

    Args:
        files: all files.
        unmatched: counts the files that belong to no image.
        hidden: counts the hidden files.
        options: options of the store.

    Raises:
        SourceError: a sidecar file has more than 1 MiB, is not UTF-8, or is a `.cls` of several lines or a
            `.json` without object; the message names the file.
    """
    by_stem = sorted_references(_visible(files, hidden), lambda file: (_stem(file.name), file.name))
    return spill_in_order(_join(by_stem, unmatched, options), lambda image: image.name)


def _visible(files: Iterable[ListedFile], hidden: IgnoredFiles) -> Iterator[Reference]:
    for file in files:
        if is_ignored(file.path):
            hidden.add(file.path)
        else:
            yield Reference("", file.url, file.offset, file.size, file.path)


def _join(
    files: Iterable[Reference], unmatched: IgnoredFiles, options: StorageOptions
) -> Iterator[Reference]:
    """Yield each image with its sidecar files; `files` are sorted by stem."""
    store = cache(lambda folder: open_store(folder, options))
    for _, named in groupby(files, lambda file: _stem(file.name)):
        images, others = [], []
        for file in named:
            suffix = suffix_of(file.name)
            if suffix in IMAGE_SUFFIXES:
                images.append(file)
            else:
                others.append((suffix, file))
        contents = {}
        for suffix, file in others:
            if images and suffix in SUFFIXES:
                folder, name = split_url(file.url)
                contents[suffix] = _parse(suffix, _read(store(folder), name, file), file)
            else:
                unmatched.add(file.name)
        yield from (replace(image, metadata=contents) for image in images)


def _stem(path: str) -> str:
    suffix = suffix_of(path)
    return path[: -len(suffix) - 1] if suffix else path


def _read(store: Store, name: str, file: Reference) -> str:
    size = file.size or 0
    if size > _MAX_BYTES:
        raise SourceError(f"{file.url}: {file.name} has {size:,} bytes; at most {_MAX_BYTES:,} are allowed")
    data = store.read(name, file.offset, file.offset + size).data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{file.url}: {file.name} is not UTF-8: {error}") from error


def _parse(suffix: str, text: str, file: Reference) -> Any:  # noqa: ANN401 - a text, or a JSON object
    if suffix == "cls":
        if not _LABEL.fullmatch(text.strip()):
            raise SourceError(
                f"{file.url}: {file.name} holds {text[:40]!r}: write one line, the number or the name of a "
                "class"
            )
        return text.strip()
    if suffix == "txt":
        return text.rstrip("\r\n")
    try:
        value = strict_json.loads(text.encode(), max_bytes=_MAX_BYTES)
    except ValueError as error:
        raise SourceError(f"{file.url}: {file.name} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise SourceError(f"{file.url}: {file.name} is not a JSON object: {text[:60]!r}")
    return value
