"""Image files among the listed files, and notes on the files that a source ignores."""

import re
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.archives.tar_listing import ListedFile
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.sample import IMAGE_SUFFIXES
from wds_imagenet.shown import shown_name

_SHOWN: Final = 3
HEAD: Final = 16
"""Bytes that `is_image_data` looks at."""
READ_SUFFIXES: Final = IMAGE_SUFFIXES | {"jpe", "jfif", "jif", "jfi", "pjpeg", "pjp"}
_NAMED: Final = READ_SUFFIXES | {
    "apng", "arw", "avif", "cr2", "cr3", "cur", "dds", "dib", "dng", "eps", "exr", "hdr", "heic",
    "heif", "ico", "j2k", "jp2", "jpf", "jpx", "jxl", "nef", "orf", "pbm", "pcx", "pgm", "pnm",
    "ppm", "psb", "psd", "raf", "raw", "rw2", "svg", "tga", "xcf",
}  # fmt: skip
_MAGIC: Final = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|BM.{4}\0\0\0\0|II[*+]\0|MM\0[*+]|RIFF....WEBP|\xff\x0a"
    rb"|\xff\x4f\xff\x51"
    rb"|\0\0\0\x0c(?:JXL|jP)|....ftyp(?:avi[fs]|hei[cmsx]|hev[cmsx]|mif1|msf1)|8BPS|\0\0[\1\2]\0",
    re.DOTALL,
)
_NO_METADATA: Final[Metadata] = {}  # one for all references: millions of empty dicts cost memory


def suffix_of(path: str) -> str:
    """Return the text after the last dot of a file's name, in lower case; "" if there is no dot."""
    stem, _, suffix = path.rpartition(".")
    return suffix.lower() if stem and stem[-1] != "/" and "/" not in suffix else ""


def is_image(path: str) -> bool:
    """Return True for the suffix of an image, in any case, also of a format that no shard takes."""
    return suffix_of(path) in _NAMED


def is_image_data(head: bytes) -> bool:
    """Return True for the first bytes of an image, also of a format that no shard takes.

    Args:
        head: the first `HEAD` bytes of a file, fewer if it is shorter.
    """
    return _MAGIC.match(head) is not None


def key_path(path: str) -> str:
    """Return a path from which `make_key` makes the key of an image file.

    The suffix of an image is left out of the key, as ever. Any other suffix stays in the key: a text beside
    an image has another key than the image.
    """
    suffix = suffix_of(path)
    if suffix in READ_SUFFIXES:
        return path
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name[0] + name[1:].replace(".", "_") if name else name)


@dataclass(slots=True)
class IgnoredFiles:
    """A count of ignored files, with the first few paths in sorted order."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    """The number of files by suffix, such as `.txt`."""

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """Return the count of some paths."""
        files = cls()
        for path in paths:
            files.add(path)
        return files

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


def visible_files(files: Iterable[ListedFile], ignored: IgnoredFiles) -> Iterator[Reference]:
    """Yield a reference for each file that is not ignored, with the path as its name and an empty key.

    Args:
        files: all listed files.
        ignored: counts the hidden and system files.
    """
    for file in files:
        if is_ignored(file.path):
            ignored.add(file.path)
        else:
            yield Reference(
                "", file.url, file.offset, file.size, file.path, None, None, _NO_METADATA, fault=file.fault
            )


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
    return f"ignored {reason}, {count:,} in all: {', '.join(map(shown_name, first))}{more}"


def _kind(path: str) -> str:
    return f".{suffix_of(path)}" if suffix_of(path) else "without suffix"
