"""The files that a data set is split into: all of a folder, or those that a pattern names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.image_files import describe_files, is_hidden
from wds_imagenet.inputs.small_files import find_file, join_url, no_input_error
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.storage.url import parse_url

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_RANGE: Final = re.compile(r"([0-9]{1,9})\.\.([0-9]{1,9})")
_NUMBERED: Final = re.compile(r"(.*)-([0-9]{5})-of-([0-9]{5})[^/]*")
_MAX_PARTS: Final = 100_000
_SPLITS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


@dataclass(frozen=True, slots=True)
class SplitFile:
    """One of the files."""

    store: Store
    info: ObjectInfo

    @property
    def url(self) -> str:
        """Where it lies."""
        return join_url(self.store.url, self.info.path)


def find_split_files(url: str, options: StorageOptions, suffixes: tuple[str, ...]) -> list[SplitFile]:
    """Return the file at a URL, else the files that a pattern names, else those in the folder.

    In a pattern `{000..146}` and `{a,b}` stand for each of theirs, and each must be there; `*` is
    anything but `/`. They come in the pattern's order, a folder's in code-point order; its hidden files,
    and those without one of the suffixes, are passed over. Costs one listing. Raises `SourceError` where
    one is missing, or there are none.
    """
    found = find_file(url, options)
    if found is not None:
        return [SplitFile(*found)]
    if re.search(r"[{*]", url):
        return list(_named(url, options))
    store = open_store(url, options)
    infos = [info for info in store.list_objects() if not is_hidden(info.path)]
    parts = [SplitFile(store, info) for info in infos if info.path.lower().endswith(suffixes)]
    if not infos:
        raise no_input_error(url)
    if not parts:
        there = describe_files([info.path for info in infos])
        raise SourceError(f"there is no {' or '.join(suffixes)} file in {url}: {there}")
    return parts


def choose_split(
    parts: Sequence[SplitFile], asked: str | None, url: str
) -> tuple[list[SplitFile], str | None]:
    """Return the files of one split, and which one it is, if that is told.

    A file's name or folder tells it by a word of its own, as Hugging Face has it: `in1k-train-0001.tar`.
    Raises `SourceError` where files of several splits are there and none is asked for, or none of the one
    that is.
    """
    told = [_split_of(part.info.path) for part in parts]
    there = sorted({split or "none" for split in told})
    asked = _SPLITS.get(asked or "", asked)
    if asked is None:
        if len(there) > 1:
            raise SourceError(
                f"{url} has files of several splits ({', '.join(there)}): choose one, as option 'split'"
            )
        return list(parts), told[0]
    chosen = [part for part, split in zip(parts, told, strict=True) if split == asked]
    if not chosen and any(told):
        raise SourceError(f"{url} has no files of the split {asked!r}, only of {', '.join(there)}")
    return chosen or list(parts), asked


def check_numbering(parts: Sequence[SplitFile], url: str) -> None:
    """Refuse a folder in which `train-00007-of-00294.parquet` is missing."""
    if parse_url(url).url != parts[0].store.url:
        return  # a pattern says what is wanted
    there: dict[tuple[str, int], set[int]] = {}
    for part in parts:
        match = _NUMBERED.fullmatch(part.info.path)
        if match is not None:
            there.setdefault((match[1], int(match[3])), set()).add(int(match[2]))
    for (name, count), numbers in there.items():
        missing = sorted(set(range(count)) - numbers)
        if missing:
            raise SourceError(
                f"{url} lacks {len(missing):,} of the {count:,} files {name}-…, the first is number "
                f"{missing[0]:05d}"
            )


def _split_of(path: str) -> str | None:
    words = re.split(r"[^a-z0-9]+", path.lower())
    return next((_SPLITS[word] for word in reversed(words) if word in _SPLITS), None)


def _named(url: str, options: StorageOptions) -> Iterator[SplitFile]:
    fixed = re.split(r"[{*]", url, maxsplit=1)[0]
    folder = fixed[: fixed.rfind("/") + 1]
    names = list(_expand(url[len(folder) :], url))
    if len(names) != len(set(names)):
        raise UsageError(f"{url} names a file twice")
    if parse_url(folder or ".").scheme in {"http", "https"}:
        yield from (_only(folder + name, options) for name in names)
        return
    store = open_store(folder or ".", options)
    infos = {info.path: info for info in store.list_objects(fixed[len(folder) :])}
    missing = [name for name in names if "*" not in name and name not in infos]
    if missing:
        raise SourceError(f"{url}: {len(missing):,} of {len(names):,} are missing, the first is {missing[0]}")
    for name in names:
        pattern = re.compile(".*".join(map(re.escape, name.split("*"))).replace(".*", "[^/]*"))
        paths = [path for path in infos if pattern.fullmatch(path)] if "*" in name else [name]
        if not paths:
            raise UsageError(f"there is no file {folder}{name}")
        yield from (SplitFile(store, infos[path]) for path in paths)


def _only(url: str, options: StorageOptions) -> SplitFile:
    found = None if "*" in url else find_file(url, options)
    if found is None:
        raise SourceError(
            f"there is no file {split_url(url)[1]}; over HTTP, where nothing is listed, each is named"
        )
    return SplitFile(*found)


def _expand(pattern: str, url: str) -> Iterator[str]:
    """Yield what a pattern's braces stand for, from left to right."""
    names = [""]
    *pieces, last = re.split(_BRACES, pattern)
    for literal, choice in zip(pieces[::2], pieces[1::2], strict=True):
        choices = _choices(choice, url)
        if len(names) * len(choices) > _MAX_PARTS:
            raise UsageError(f"{url} names more than {_MAX_PARTS:,} files")
        names = [f"{name}{literal}{one}" for name in names for one in choices]
    yield from (name + last for name in names)


def _choices(text: str, url: str) -> Sequence[str]:
    bounds = _RANGE.fullmatch(text)
    if bounds is None:
        return text.split(",")
    first, last = int(bounds[1]), int(bounds[2])
    if not 0 <= last - first < _MAX_PARTS:
        raise UsageError(f"{url}: {{{text}}} is no range of up to {_MAX_PARTS:,} numbers")
    width = max(map(len, bounds.groups())) if text.startswith("0") else 0
    return [f"{number:0{width}d}" for number in range(first, last + 1)]
