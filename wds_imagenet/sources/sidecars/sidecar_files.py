"""Sidecar files: `cat.cls`, `cat.txt` and `cat.json` annotate `cat.jpg`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.companions import Companions
from wds_imagenet.inputs.file_listing import FirstBytes
from wds_imagenet.inputs.image_files import is_image, suffix_of
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, sorted_references, spill_in_order
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import StorageOptions, Store
from wds_imagenet.util import strict_json

SUFFIXES: Final = ("cls", "txt", "json")
"""The suffixes of a label (number or name of a class), a caption, and a JSON object of metadata."""
_MAX_BYTES: Final = 1 << 20
_LABEL: Final = re.compile(r"\S(?:.{0,198}\S)?")


def read_sidecars(
    files: Iterable[Reference], companions: Companions, heads: FirstBytes, options: StorageOptions
) -> SpilledReferences:
    """Return the images by path, each with the contents of its sidecar files as metadata, by suffix.

    Any other file in a folder of images is an image, or has a fault. Costs one request a sidecar file, and
    30 µs a file; the images are kept on disk.

    Args:
        files: all files that are not ignored.
        companions: counts the files beside all images that belong to none.
        heads: looks at the first bytes of such files.
        options: options of the store.

    Raises:
        SourceError: a sidecar file has more than 1 MiB, is not UTF-8, or is a `.cls` of several lines or a
            `.json` without object; the message names the file. Or an image has two sidecar files of one
            suffix, or a table describes the images.
    """
    by_stem = sorted_references(_watch(files, companions), lambda file: (_stem(file.name), file.name))
    return spill_in_order(_join(by_stem, companions, heads, options), lambda image: image.name)


def read_images(files: Iterable[Reference], companions: Companions, heads: FirstBytes) -> SpilledReferences:
    """Return the images by path. Sidecar files count as companions; the other arguments are as above."""
    by_path = spill_in_order(_watch(files, companions), lambda file: file.name)
    images = SpilledReferences()
    for file in by_path:
        if suffix_of(file.name) in SUFFIXES:
            companions.add(file.name)
        else:
            for image in _images([file], companions, heads):
                images.append(image)
    return images


def _watch(files: Iterable[Reference], companions: Companions) -> Iterator[Reference]:
    for file in companions.without_named(files):
        companions.check(file.name)
        if is_image(file.name):
            companions.add_image(file.name)
        yield file


def _images(files: Iterable[Reference], companions: Companions, heads: FirstBytes) -> Iterator[Reference]:
    """Yield the images, by name or by bytes, and with a fault each other file that lies among images."""
    for file in files:
        if is_image(file.name) or file.fault is not None or heads.is_image(file):
            yield file
        elif companions.is_beside(file.name):
            companions.add(file.name)
        else:
            yield replace(file, fault="it is no image, and belongs to none")


def _join(
    files: Iterable[Reference], companions: Companions, heads: FirstBytes, options: StorageOptions
) -> Iterator[Reference]:
    """Yield each image with its sidecar files, and each faulty file; `files` are sorted by stem."""
    store = cache(lambda folder: open_store(folder, options))
    for _, named in groupby(files, lambda file: _stem(file.name)):
        images: list[Reference] = []
        sidecars: list[Reference] = []
        others: list[Reference] = []
        for file in named:
            suffix = suffix_of(file.name)
            (images if is_image(file.name) else sidecars if suffix in SUFFIXES else others).append(file)
        if not images:  # a file without suffix is an image only by its bytes
            images = [file for file in others if not suffix_of(file.name) and heads.is_image(file)]
            others = [file for file in others if file not in images]
        contents: dict[str, Any] = {}
        of_suffix: dict[str, Reference] = {}
        for file in sidecars if images else ():
            folder, name = split_url(file.url)
            suffix = suffix_of(file.name)
            if (other := of_suffix.setdefault(suffix, file)) is not file:
                raise SourceError(
                    f"{images[0].name} has two files .{suffix}: {other.name} (offset {other.offset:,} of "
                    f"{other.url}) and {file.name} (offset {file.offset:,} of {file.url}): remove one"
                )
            contents[suffix] = _parse(suffix, _read(store(folder), name, file), file)
        yield from (replace(image, metadata=contents) for image in images)
        for file in () if images else sidecars:
            suffix = suffix_of(file.name)
            if suffix == "cls" or not companions.is_beside(file.name):
                yield replace(file, fault=f"no image of its name is beside this .{suffix}")
            else:
                companions.add(file.name)
        yield from _images(others, companions, heads)


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
