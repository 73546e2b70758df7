"""One JSON of all images' captions and labels: its entries, each joined to its image by name.

Either an object by file name, or an array of objects with the file name in them::

    {"a.jpg": {"caption": "a cat", "label": 3}, "b.jpg": "a dog", "c": 7}
    [{"file_name": "a.jpg", "caption": "a cat", "label": 3}, …]

In an object a bare text is a caption, and a bare number a label. A name is a path as the images have
it, with or without suffix, or the last part of one if no other image has the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wds_imagenet import strict_json
from wds_imagenet.errors import SourceError
from wds_imagenet.labels.files import Options, read_file
from wds_imagenet.sources.columns import IMAGE, choose
from wds_imagenet.sources.images import passed_over

MAX_BYTES: Final = 1 << 30


def read_annotations(
    url: str, paths: Sequence[str], options: Options
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return what a JSON says of each image, and notes on what does not fit.

    Costs the JSON in memory, about eight times its size for a moment. Raises `SourceError` for a JSON
    of another shape, an image that has two entries, a name that several images have, and where no
    entry has an image.
    """
    data = read_file(url, options, max_bytes=MAX_BYTES)
    try:
        value = strict_json.loads(data, max_bytes=MAX_BYTES)
    except ValueError as error:
        raise SourceError(f"{url} is not JSON as it should be: {error}") from error
    index = _index(paths)
    found: list[Mapping[str, Any]] = [{}] * len(paths)
    names: dict[int, str] = {}
    strangers: list[str] = []
    for name, entry in _entries(value, url):
        image = _find(name, index)
        if image is None:
            strangers.append(name)
            continue
        if image < 0:
            raise SourceError(f"{url}: {name!r} is the name of several images; give their paths")
        if image in names:
            raise SourceError(f"{url}: {names[image]!r} and {name!r} are both {paths[image]}")
        names[image] = name
        found[image] = entry
    if not names:
        first = f", such as {strangers[0]!r}" if strangers else ""
        raise SourceError(
            f"{url}: none of its {len(strangers):,} entries{first}, names one of {len(paths):,} images, "
            f"such as {paths[0]}"
        )
    notes = passed_over(strangers, f"entries of {url} whose images are not there")
    if len(names) < len(paths):
        notes.append(f"{len(paths) - len(names):,} of {len(paths):,} images have no entry in {url}")
    return found, notes


def _entries(value: object, url: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        for name, entry in value.items():
            match entry:
                case dict():
                    yield name, entry
                case str():
                    yield name, {"caption": entry}
                case int() if not isinstance(entry, bool):
                    yield name, {"label": entry}
                case _:
                    raise SourceError(
                        f"{url}: {name!r} has {type(entry).__name__} where an object, a caption or a label "
                        "belongs; a JSON of annotations goes by file names"
                    )
        return
    if not isinstance(value, list):
        raise SourceError(f"{url} is neither an object by file name nor an array of objects")
    for place, entry in enumerate(value):
        field = choose(entry, None, IMAGE, url) if isinstance(entry, dict) else None
        if field is None or not isinstance(entry[field], str):
            raise SourceError(
                f"{url}: entry {place:,} is no object with a file name ({', '.join(IMAGE)}): {entry!r:.80}"
            )
        yield entry[field], {name: item for name, item in entry.items() if name != field}


def _index(paths: Sequence[str]) -> Sequence[dict[str, int]]:
    """Return the images by path, by path without suffix, by name and by stem; -1 where several are."""
    index: tuple[dict[str, int], ...] = ({}, {}, {}, {})
    for image, path in enumerate(paths):
        stem = path.rpartition(".")[0]
        for names, name in zip(
            index, (path, stem, path.rpartition("/")[2], stem.rpartition("/")[2]), strict=True
        ):
            names[name] = image if name not in names else -1
    return index


def _find(name: str, index: Sequence[dict[str, int]]) -> int | None:
    name = name.removeprefix("./")
    return next((names[name] for names in index if name in names), None)
