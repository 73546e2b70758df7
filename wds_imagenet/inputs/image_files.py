"""Image files among the listed files, and notes on the files that a source ignores."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.sample import IMAGE_SUFFIXES

_SHOWN: Final = 3
_NO_METADATA: Final[Metadata] = {}  # one for all references: millions of empty dicts cost memory


def suffix_of(path: str) -> str:
    """Return the text after the last dot of a file's name, in lower case; "" if there is no dot."""
    stem, _, suffix = path.rpartition(".")
    return suffix.lower() if stem and stem[-1] != "/" and "/" not in suffix else ""


def is_image(path: str) -> bool:
    """Return True for the suffix of an image: jpg, jpeg, png, webp, gif, bmp, tif or tiff, in any case."""
    return suffix_of(path) in IMAGE_SUFFIXES


@dataclass(slots=True)
class IgnoredFiles:
    """A count of ignored files, with the first few paths in sorted order."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    """The number of files by suffix, such as `.txt`."""

    def add(self, path: str) -> None:
        """Count one file."""
        self.count += 1
        self.kinds[_kind(path)] += 1
        insort(self.first, path)
        del self.first[_SHOWN:]

    def update(self, other: "IgnoredFiles") -> None:
        """Add the counts of others."""
        self.count += other.count
        self.kinds.update(other.kinds)
        self.first = sorted([*self.first, *other.first])[:_SHOWN]

    def notes(self, reason: str) -> list[str]:
        """Return one note, such as "ignored files of X, 2 in all: …"; none if no file was ignored."""
        return [_note(self.count, self.first, reason)] if self.count else []


def image_references(
    files: Iterable[ListedFile], others: IgnoredFiles, hidden: IgnoredFiles
) -> Iterator[Reference]:
    """Yield a reference for each image file, with the path as its name and an empty key.

    Args:
        files: all listed files.
        others: counts the visible files that are not images.
        hidden: counts the hidden files.
    """
    for file in files:
        if is_ignored(file.path):
            hidden.add(file.path)
        elif not is_image(file.path):
            others.add(file.path)
        else:
            yield Reference("", file.url, file.offset, file.size, file.path, None, None, _NO_METADATA)


def ignored_notes(paths: Sequence[str], reason: str) -> list[str]:
    """Return one note that some paths were ignored, none if there are no paths."""
    return [_note(len(paths), sorted(paths)[:_SHOWN], reason)] if paths else []


def no_images_error(url: str, *ignored: IgnoredFiles) -> SourceError:
    """Return the error for an input without images; it describes the ignored files."""
    return SourceError(f"there are no images in {url}: {describe_ignored(*ignored)}")


def describe_ignored(*ignored: IgnoredFiles) -> str:
    """Describe the files of an input without images, ignored for one reason or another."""
    kinds = sum((files.kinds for files in ignored), Counter[str]())
    return describe_files([path for files in ignored for path in files.first], kinds)


def describe_files(paths: Sequence[str], kinds: "Counter[str] | None" = None) -> str:
    """Describe the files of an input in which none is of use: "found 3 .txt, the first is 'a.txt'".

    Args:
        paths: all paths, or the first few.
        kinds: the number of all files by suffix, where `paths` are only the first few.
    """
    if not paths:
        return "there are no files at all"
    kinds = Counter(map(_kind, paths)) if kinds is None else kinds
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
    if not kinds.keys().isdisjoint((".tar", ".tgz", ".gz")):
        return f"found {counts}; to read a tar archive, give the archive itself, not its folder"
    return f"found {counts}, the first is {paths[0]!r}"


def _note(count: int, first: Sequence[str], reason: str) -> str:
    more = ", …" if count > len(first) else ""
    return f"ignored {reason}, {count:,} in all: {', '.join(first)}{more}"


def _kind(path: str) -> str:
    return f".{suffix_of(path)}" if suffix_of(path) else "without suffix"
