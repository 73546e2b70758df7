"""Tar archives, and tars of tars, listed by their headers without unpacking.

The train set of ILSVRC is a tar of a thousand tars. A file in an inner tar is a range of bytes of the outer
tar, so it is listed and read like any other member.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.format.tar import RECORD, Member, OnFolder, ReadAt, pass_over, walk
from wds_imagenet.inputs.compression import DECOMPRESSORS, compression_of

_TAR: Final = ".tar"
_UNPACKERS: Final = {
    "gzip": "gunzip",
    "bzip2": "bunzip2",
    "xz": "unxz",
    "zstd": "unzstd",
    "zip": "unzip",
    "7z": "7z x",
    "rar": "unrar x",
    "lz4": "unlz4",
}
"""The command that unpacks a file, by the name of its compression."""
_NO_ARCHIVES: Final = (
    (b"<", "a web page or XML, perhaps an error page saved in its place: download the archive again"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the archive itself with git lfs pull"),
)
_PART: Final = re.compile(
    r"x[a-z]{2}|(.+\.(?:tar|tgz|gz|xz|bz2|zst|zip|7z|rar))[._-]?"
    r"(?:(?:part[._-]?)?(?:[0-9]{1,4}|(?!gz|xz|bz|lz)[a-z]{2}))|(.+)\.(?:part[0-9]+\.rar|[zr][0-9]{2})",
    re.IGNORECASE | re.DOTALL,
)
_PACKED: Final = re.compile(
    r".*\.(?:t?gz|t?bz2?|t?xz|lzma|t?zst|zip|z[0-9]{2}|7z|rar|tar)(?:\.(?:[0-9]{2,3}|part\w*|[a-z]{2}))?",
    re.IGNORECASE | re.DOTALL,
)
PACKED_FAULT: Final = "it is an archive of its own, or a part of one, which is not read here: unpack it"


def is_packed(path: str) -> bool:
    """Return True for the name of an archive, compressed or not, or of a part of one."""
    return _PACKED.fullmatch(path) is not None


def check_plain(head: bytes, where: str, remedy: str = "") -> None:
    """Raise `SourceError` for the first record of a compressed file, a web page or a pointer of Git LFS.

    Args:
        head: the first 512 bytes of what should be a tar.
        where: its place, for the error.
        remedy: another way on for a compression that streams are read in.
    """
    kind = compression_of(head)
    if kind is not None:
        other = f", or {remedy}" if remedy and kind in DECOMPRESSORS else ""
        raise SourceError(
            f"{where} is a {kind} file, which cannot be read at random: {_UNPACKERS[kind]} it first{other}"
        )
    for beginning, fault in _NO_ARCHIVES:
        if head.lstrip().startswith(beginning) and head[257:262] != b"ustar":
            raise SourceError(f"{where} is no archive, but {fault}")


def check_whole(url: str) -> None:
    """Raise `SourceError` for the name of a part of an archive, such as `split` and zip make."""
    name = url.rpartition("/")[2].partition("?")[0]
    match = _PART.fullmatch(name)
    if match is not None:
        whole = match[1] or "the archive"
        raise SourceError(
            f"{url} is one part of a split archive: join its parts to {whole}, by 'cat' in the "
            "order of their names, or by the program that made them"
        )


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file, or a file inside an archive: a range of bytes with a path."""

    path: str
    """Relative to the input. An inner tar counts as a folder: `n01440764/n01440764_10026.JPEG`."""
    url: str
    """The file on the store that holds the bytes: the file itself, or the outermost archive."""
    offset: int
    size: int
    fault: str | None = None
    """The reason why the file cannot be read, such as a dead link; the image in it cannot be used."""


def list_archive(
    read: ReadAt, size: int | None, url: str, folder: str = "", on_folder: OnFolder = pass_over
) -> Iterator[ListedFile]:
    """Yield every file in a tar archive, files of inner tars included, in the archive's own order.

    Guarantees are those of `format.tar.walk`. Costs one read a member, about 10 µs of CPU.

    Args:
        read: `read(offset, size)` reads the archive; it is called with rising offsets.
        size: the archive's bytes; None if only a short read finds the end.
        url: the archive, for the listed files and for errors.
        folder: a prefix of every path.
        on_folder: is called with the path of each folder that is a member of the outer archive.

    Raises:
        CorruptError: the archive is damaged or cut off; the message gives the offset, a note the member.
        SourceError: the archive, or an inner one, is compressed and so cannot be read at random.
    """

    def found_folder(name: str) -> None:
        on_folder(folder + _clean(name))

    for member in _walk(read, 0, size, url, found_folder):
        path = folder + _clean(member.name)
        if not path.lower().endswith(_TAR) or is_ignored(path):
            fault = PACKED_FAULT if is_packed(path) and not is_ignored(path) else None
            yield ListedFile(path, url, member.offset, member.size, fault)
            continue
        stop = member.offset + member.size
        for inner in _walk(read, member.offset, stop, f"{url}, in its member {member.name!r}"):
            name = f"{path[: -len(_TAR)]}/{_clean(inner.name)}"
            fault = PACKED_FAULT if is_packed(name) and not is_ignored(name) else None
            yield ListedFile(name, url, inner.offset, inner.size, fault)


def _walk(
    read: ReadAt, start: int, stop: int | None, where: str, on_folder: OnFolder = pass_over
) -> Iterator[Member]:
    last = "before its first member"
    try:
        head = bytes(read(start, RECORD))
        last += f"; it begins {head[:16]!r}" * bool(head)
        check_plain(head, where)
        for member in walk(read, start, stop, on_folder=on_folder):
            yield member
            last = f"after the member {member.name!r}"
    except CorruptError as error:
        error.add_note(f"in the tar archive {where}, {last}")
        raise


def _clean(name: str) -> str:
    return name.removeprefix("./").lstrip("/")
