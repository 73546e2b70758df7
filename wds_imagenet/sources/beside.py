"""Files beside images: `cat.cls`, `cat.txt` and `cat.json` belong to `cat.jpg`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from wds_imagenet import strict_json
from wds_imagenet.errors import SourceError
from wds_imagenet.labels.files import Options
from wds_imagenet.sources.archives import File
from wds_imagenet.sources.images import passed_over, suffix_of
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import Store

_SUFFIXES: Final = frozenset({"cls", "txt", "json"})
_MAX_BYTES: Final = 1 << 20
_NOTHING: Final[Mapping[str, Any]] = {}
_LABEL: Final = re.compile(r"\S(?:.{0,198}\S)?")


@dataclass(slots=True)
class Facts:
    """What is known of one image."""

    label: str | None = None
    """From its `.cls`: a number, or the name of a class."""
    caption: str | None = None
    """From its `.txt`."""
    json: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """From its `.json`."""


def read_beside(
    images: Sequence[File], others: Sequence[File], options: Options
) -> tuple[list[Facts], list[str]]:
    """Return what lies beside each image, and notes on files that belong to none.

    Costs one request a file. Raises `SourceError` that names the file: of more than 1 MiB, not UTF-8,
    a `.cls` that is not one line with a label, a `.json` that is no object.
    """
    owner = {_stem(image.path): i for i, image in enumerate(images)}
    facts = [Facts() for _ in images]
    strangers = []
    store = cache(lambda folder: open_store(folder, **options))
    for file in others:
        image = owner.get(_stem(file.path))
        if image is None or suffix_of(file.path) not in _SUFFIXES:
            strangers.append(file.path)
            continue
        folder, name = split_url(file.url)
        _add(facts[image], file, _read(store(folder), name, file))
    return facts, passed_over(strangers, "files that belong to no image")


def _stem(path: str) -> str:
    return path[: -len(suffix_of(path)) - 1] if suffix_of(path) else path


def _read(store: Store, name: str, file: File) -> str:
    if file.size > _MAX_BYTES:
        raise SourceError(f"{file.url}: {file.path} has {file.size:,} bytes; at most {_MAX_BYTES:,} are read")
    data = store.read(name, file.offset, file.offset + file.size).data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{file.url}: {file.path} is not UTF-8: {error}") from error


def _add(facts: Facts, file: File, text: str) -> None:
    match suffix_of(file.path):
        case "cls":
            if not _LABEL.fullmatch(text.strip()):
                raise SourceError(
                    f"{file.url}: {file.path} holds {text[:40]!r}, and not one line with a number or the "
                    "name of a class"
                )
            facts.label = text.strip()
        case "txt":
            facts.caption = text.rstrip("\r\n")
        case _:
            try:
                value = strict_json.loads(text.encode(), max_bytes=_MAX_BYTES)
            except ValueError as error:
                raise SourceError(f"{file.url}: {file.path} is not JSON as it should be: {error}") from error
            if not isinstance(value, dict):
                raise SourceError(f"{file.url}: {file.path} is no JSON object: {text[:60]!r}")
            facts.json = value
