"""Annotations of all images in one JSON: each entry is joined to its image by name.

The JSON is an object by file name, or an array of objects with the file name in them::

    {"a.jpg": {"caption": "a cat", "label": 3}, "b.jpg": "a dog", "c": 7}
    [{"file_name": "a.jpg", "caption": "a cat", "label": 3}, …]

In an object, a bare text is a caption, and a bare number a label. A name is the path of an image, with or
without suffix. The last part of the path will do if no other image has the same.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.image_files import IgnoredFiles
from wds_imagenet.inputs.json_stream import MAX_ENTRY, JsonItem, read_items
from wds_imagenet.inputs.large_files import read_chunks
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.sources.columns import IMAGE, choose_column
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util import strict_json


def read_annotations(
    url: str, images: SpilledReferences, options: StorageOptions
) -> tuple[SpilledReferences, list[str]]:
    """Return the images, each with its entry as the metadata `json`, and notes on entries without image.

    The JSON is read entry by entry, of at most 1 MiB each. Costs 60 µs an entry, 72 bytes of memory an image,
    and temporary disk of the size of the JSON.

    Args:
        url: the JSON, plain or compressed.
        images: the images; the name of each is its path.
        options: options of the JSON's store.

    Raises:
        SourceError: the JSON has another shape, an image has two entries, a name fits several images, or no
            entry has an image.
    """
    names = _ImageNames(images)
    entries = SpilledReferences()
    entry_of = array("q", [-1]) * len(images)
    unmatched = IgnoredFiles()
    for name, entry in _read(url, options):
        image = names.find(name)
        if image is None:
            unmatched.add(name)
            continue
        if image < 0:
            raise SourceError(f"{url}: {name!r} is the name of several images: use their paths")
        if entry_of[image] >= 0:
            other = entries[entry_of[image]].name
            twice = f"names {name!r} twice" if name == other else f"{other!r} and {name!r} are both"
            raise SourceError(f"{url}: {twice} {images[image].name}")
        entry_of[image] = len(entries)
        entries.append(Reference("", "", 0, None, name, metadata={"json": entry}))
    if not entries:
        first = f" (the first is {unmatched.first[0]!r})" if unmatched.count else ""
        raise SourceError(
            f"{url}: none of its {unmatched.count:,} entries{first} names one of the {len(images):,} images, "
            f"such as {images[0].name}: give each entry the path or the name of its image"
        )
    notes = unmatched.notes(f"entries of {url} without an image")
    if len(entries) < len(images):
        notes.append(f"{len(images) - len(entries):,} of {len(images):,} images have no entry in {url}")
    return SpilledReferences(_joined(images, entries, entry_of)), notes


def _joined(
    images: SpilledReferences, entries: SpilledReferences, entry_of: "array[int]"
) -> Iterator[Reference]:
    for image, place in zip(images, entry_of, strict=True):
        if place < 0:
            yield image
        else:
            entry = entries[place].metadata
            yield replace(image, metadata=entry)


def _read(url: str, options: StorageOptions) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the image name and the fields of each entry."""
    with closing(read_chunks(url, options, ".json")) as pieces:
        try:
            for item in read_items(pieces):
                value = strict_json.loads(item.raw, max_bytes=MAX_ENTRY)
                yield (
                    _by_name(item.name, value, url) if item.name is not None else _in_array(item, value, url)
                )
        except UsageError:  # there is no such file
            raise
        except ValueError as error:
            raise SourceError(f"{url} is not valid JSON: {error}") from error


def _by_name(name: str, value: object, url: str) -> tuple[str, Mapping[str, Any]]:
    match value:
        case dict():
            return name, value
        case str():
            return name, {"caption": value}
        case int() if not isinstance(value, bool):
            return name, {"label": value}
        case _:
            raise SourceError(
                f"{url}: the entry of {name!r} is {type(value).__name__}, but must be an object, a caption "
                "or a label: a JSON of annotations is an object by file name"
            )


def _in_array(item: JsonItem, value: object, url: str) -> tuple[str, Mapping[str, Any]]:
    field = choose_column(value, None, IMAGE, url) if isinstance(value, dict) else None
    if not isinstance(value, dict) or field is None or not isinstance(value[field], str):
        raise SourceError(
            f"{url}: entry {item.number - 1:,} is not an object with a file name in one of the fields "
            f"{', '.join(IMAGE)}: {value!r:.80}"
        )
    return value[field], {name: item for name, item in value.items() if name != field}


class _ImageNames:
    """Finds images by path, path without suffix, file name or stem. Memory holds their hashes."""

    def __init__(self, images: SpilledReferences) -> None:
        import numpy as np  # noqa: PLC0415 - sources are light to import

        self._images = images
        hashes = tuple(array("q") for _ in _forms(""))
        for image in images:
            for found, name in zip(hashes, _forms(image.name), strict=True):
                found.append(hash(name))
        self._orders = []
        for found in hashes:
            numbers = np.frombuffer(found, np.int64)
            order = np.argsort(numbers, kind="stable")
            numbers[:] = numbers[order]
            self._orders.append(order.data)
        self._hashes: Sequence[array[int]] = hashes

    def find(self, name: str) -> int | None:
        """Return the index of the image with a name, None if there is none, -1 if there are several."""
        name = name.removeprefix("./")
        wanted = hash(name)
        for form, (hashes, order) in enumerate(zip(self._hashes, self._orders, strict=True)):
            found = None
            place = bisect_left(hashes, wanted)
            while place < len(hashes) and hashes[place] == wanted:
                image: int = order[place]
                if _forms(self._images[image].name)[form] == name:
                    if found is not None:
                        return -1
                    found = image
                place += 1
            if found is not None:
                return found
        return None


def _forms(path: str) -> tuple[str, str, str, str]:
    stem = path.rpartition(".")[0]
    return path, stem, path.rpartition("/")[2], stem.rpartition("/")[2]
