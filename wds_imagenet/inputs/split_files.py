"""The files of a data set or of one split: one file, all files of a folder, or the files of a pattern."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.archives.tar_listing import check_whole
from wds_imagenet.inputs.image_files import describe_files
from wds_imagenet.inputs.small_files import find_file, join_url, no_input_error
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.store import ObjectInfo, StorageOptions, Store
from wds_imagenet.storage.url import parse_url
from wds_imagenet.util.messages import quantity

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_RANGE: Final = re.compile(r"([0-9]{1,9})\.\.([0-9]{1,9})")
_NUMBERED: Final = re.compile(r"(.*)-([0-9]{5})-of-([0-9]{5})[^/]*")
_MAX_FILES: Final = 100_000
_SPLITS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


@dataclass(frozen=True, slots=True)
class SplitFile:
    """One file of a data set."""

    store: Store
    info: ObjectInfo

    @property
    def url(self) -> str:
        """Return the file's URL."""
        return join_url(self.store.private_url, self.info.path)


def find_split_files(url: str, options: StorageOptions, suffixes: tuple[str, ...]) -> list[SplitFile]:
    """Return the file at a URL, else the files of a pattern, else the files in a folder.

    The order is that of the pattern; in a folder, the code-point order of the paths. Costs one listing.

    Args:
        url: a file, a folder, or a pattern. In a pattern, `{000..146}` and `{a,b}` stand for several names,
            all of which must exist; `*` stands for any characters but `/`.
        options: storage options.
        suffixes: the suffixes of wanted files in a folder. Other files, and hidden files, are ignored.

    Raises:
        SourceError: a file of the pattern is missing, the folder has no wanted file, or the file is a part of
            an archive.
        UsageError: the URL or the pattern has no file.
    """
    found = find_file(url, options)
    if found is not None:
        check_whole(url)
        return [SplitFile(*found)]
    if re.search(r"[{*]", url):
        return list(_expanded(url, options))
    store = open_store(url, options)
    infos = [info for info in store.list_objects() if not is_ignored(info.path)]
    if not infos:
        raise no_input_error(url)
    files = [SplitFile(store, info) for info in infos if info.path.lower().endswith(suffixes)]
    if not files:
        description = describe_files([info.path for info in infos])
        raise SourceError(f"there is no {' or '.join(suffixes)} file in {url}: {description}")
    return files


def choose_split(
    files: Sequence[SplitFile],
    requested: str | None,
    url: str,
    *,
    declared: Mapping[str, str] = MappingProxyType({}),
    renamed: bool = False,
    cure: str = "",
) -> tuple[list[SplitFile], str | None]:
    """Return the files of one split and its name, or None for files whose names contain no split.

    As at Hugging Face, the split is a word of its own in a file's name or folder: `in1k-train-0001.tar`.

    Args:
        files: all files.
        requested: the name of the split, in any usual spelling; None for the only one.
        url: the data set, for errors.
        declared: the split of files whose path a listing beside them gives; it takes precedence.
        renamed: True if a split that no file has may be a new name for the files of the only split.
        cure: how to give the files of the only split a new name, as the end of a sentence.

    Raises:
        SourceError: files of several splits exist and none is requested, or the requested one is missing; or
            files of no split are beside it.
    """
    splits = [_split_of(file.info.path, declared) for file in files]
    existing = sorted({split or "none" for split in splits})
    requested = _SPLITS.get(requested or "", requested)
    if requested is None:
        if len(existing) > 1:
            raise SourceError(
                f"{url} has files of several splits ({', '.join(existing)}): choose one, as option 'split'"
            )
        return list(files), splits[0]
    chosen = [file for file, split in zip(files, splits, strict=True) if split == requested]
    if not chosen and any(splits) and not (renamed and len(existing) == 1):
        only = f"only of {', '.join(existing)}{cure if len(existing) == 1 else ''}"
        raise SourceError(f"{url} has no files of the split {requested!r}, {only}")
    of_none = [file.info.path for file, split in zip(files, splits, strict=True) if split is None]
    if chosen and of_none:
        raise SourceError(
            f"{url} has {quantity(len(of_none), 'files')} of no split beside those of {requested!r}, such as "
            f"{of_none[0]}: name the files to pack, as in {url.rstrip('/')}/{{a,b}}*"
        )
    return chosen or list(files), requested


def check_numbering(files: Sequence[SplitFile], url: str) -> None:
    """Raise `SourceError` for a folder that lacks a numbered file, such as `x-00007-of-00294.parquet`."""
    if parse_url(url).url != files[0].store.url:
        return  # a pattern may name a part of the files
    numbers_of: dict[tuple[str, int], set[int]] = {}
    for file in files:
        match = _NUMBERED.fullmatch(file.info.path)
        if match is not None:
            numbers_of.setdefault((match[1], int(match[3])), set()).add(int(match[2]))
    for (name, count), numbers in numbers_of.items():
        missing = sorted(set(range(count)) - numbers)
        if missing:
            raise SourceError(
                f"{url} lacks {len(missing):,} of the {count:,} files {name}-…, the first is number "
                f"{missing[0]:05d}"
            )


def _split_of(path: str, declared: Mapping[str, str]) -> str | None:
    if path in declared:
        return _SPLITS.get(declared[path], declared[path])
    words = re.split(r"[^a-z]+", path.lower())
    return next((_SPLITS[word] for word in reversed(words) if word in _SPLITS), None)


def _expanded(url: str, options: StorageOptions) -> Iterator[SplitFile]:
    fixed = re.split(r"[{*]", url, maxsplit=1)[0]
    folder = fixed[: fixed.rfind("/") + 1]
    names = list(_expand_braces(url[len(folder) :], url))
    if len(names) != len(set(names)):
        raise UsageError(f"{url} names a file twice")
    if parse_url(folder or ".").scheme in {"http", "https"}:
        yield from (_http_file(folder + name, options) for name in names)
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


def _http_file(url: str, options: StorageOptions) -> SplitFile:
    found = None if "*" in url else find_file(url, options)
    if found is None:
        raise SourceError(
            f"there is no file {split_url(url)[1]}; HTTP servers have no listings, so name each file"
        )
    return SplitFile(*found)


def _expand_braces(pattern: str, url: str) -> Iterator[str]:
    """Yield the names for all combinations of a pattern's braces, the last brace varying first."""
    names = [""]
    *pairs, last = re.split(_BRACES, pattern)
    for literal, choice in zip(pairs[::2], pairs[1::2], strict=True):
        choices = _choices(choice, url)
        if len(names) * len(choices) > _MAX_FILES:
            raise UsageError(f"{url} names more than {_MAX_FILES:,} files")
        names = [f"{name}{literal}{one}" for name in names for one in choices]
    yield from (name + last for name in names)


def _choices(text: str, url: str) -> Sequence[str]:
    bounds = _RANGE.fullmatch(text)
    if bounds is None:
        return text.split(",")
    first, last = int(bounds[1]), int(bounds[2])
    if not 0 <= last - first < _MAX_FILES:
        raise UsageError(f"{url}: {{{text}}} is not a range of 1 to {_MAX_FILES:,} numbers")
    width = max(map(len, bounds.groups())) if text.startswith("0") else 0
    return [f"{number:0{width}d}" for number in range(first, last + 1)]
