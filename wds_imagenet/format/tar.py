"""Tar archives: headers written, and archives walked with every header checked.

Format: POSIX.1-1988 ustar. Archives that are read may also have the name extensions of GNU (`L`) and of
POSIX.1-2001 (PAX, `x` and `g`), as released archives and other people's shards do. Python's `tarfile` is
not used: it silently takes a damaged header for the end of the archive.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from wds_imagenet.errors import CorruptError, DataError

RECORD: Final = 512
END: Final = bytes(2 * RECORD)
_ARCHIVE_UNIT: Final = 20 * RECORD
_MAX_NAME_RECORDS: Final = 64 << 10
_ZERO: Final = bytes(RECORD)
_OWNER: Final = b"0000444\x000000000\x000000000\x00"  # mode, user and group
_TIME: Final = b"\x0000000000000\x00"
_REST: Final = (b"\0 0" + bytes(100) + b"ustar\x0000").ljust(RECORD - 154, b"\0")
_CONSTANT: Final = sum(_OWNER + _TIME + _REST[2:]) + 8 * ord(" ")  # the checksum counts as spaces
_OCTAL: Final = frozenset(b"01234567")

ReadAt = Callable[[int, int], bytes | memoryview]
"""`read(offset, size)` returns so many bytes, or fewer at the end of the archive."""

OnFolder = Callable[[str], object]
"""A function that takes the name of a folder in an archive."""


class Member(NamedTuple):
    """A regular file in an archive."""

    name: str
    start: int
    """Offset of the first header, name extensions included."""
    offset: int
    """Offset of the content."""
    size: int
    """Size of the content, in bytes."""

    @property
    def end(self) -> int:
        """Offset after the content and its padding."""
        return self.offset + padded_size(self.size)


def padded_size(size: int) -> int:
    """Return the size rounded up to whole records of 512 bytes."""
    return -(-size // RECORD) * RECORD


def member_header(name: str, size: int) -> bytes:
    """Return the 512 bytes before a file's content: ustar, mode 0444, owner 0, time 0.

    The same name and size give the same bytes on every machine.

    Args:
        name: name of the member: 1 to 100 ASCII characters.
        size: size of the content, in bytes, below 8 GiB.

    Raises:
        DataError: for a name or size that ustar cannot represent.
    """
    raw = name.encode("ascii", errors="replace")
    if not name.isascii() or not 0 < len(raw) <= 100:
        raise DataError(f"member name {name!r} is not 1 to 100 ASCII characters")
    if not 0 <= size < 8 << 30:
        raise DataError(f"member {name!r} of {size:,} bytes; a ustar member is smaller than 8 GiB")
    digits = b"%011o" % size
    checksum = _CONSTANT + sum(raw) + sum(digits)
    return b"".join((raw.ljust(100, b"\0"), _OWNER, digits, _TIME, b"%06o" % checksum, _REST))


def member_padding(size: int) -> bytes:
    """Return the zeros that follow a content of `size` bytes."""
    return bytes(-size % RECORD)


def archive_end(size: int) -> bytes:
    """Return the end marker of an archive that is `size` bytes long so far.

    The marker is two records of zeros, and more up to a multiple of 10,240 bytes, as tar writes.
    """
    return bytes(2 * RECORD + -(size + 2 * RECORD) % _ARCHIVE_UNIT)


def pass_over(_folder: str) -> None:
    """Ignore a folder."""


def walk(
    read: ReadAt, start: int, stop: int | None, *, ended: bool = True, on_folder: OnFolder = pass_over
) -> Iterator[Member]:
    """Yield every file of the archive in [start, stop), in the order of the archive.

    Guarantees that no file is missed: each checksum is right, each size is plain octal, each member is
    whole, the end marker is there, and only zeros follow it. Folders are skipped; links, devices and sparse
    files are rejected. Costs one read of 512 bytes a member, and two or three more for a long name.

    Args:
        read: reads of the archive, at rising offsets, so that it may be a stream.
        start: offset of the first header.
        stop: offset of the end. If None, the archive ends where `read` returns no more; then the caller
            checks that each content is whole.
        ended: False if the range is a part that ends between members, and may lack the end marker.
        on_folder: is called with the name of each folder that is a member.

    Raises:
        CorruptError: for a fault in the archive; the message has its offset.
    """
    at = first = start
    long_name: str | None = None
    while stop is None or at < stop:
        head = bytes(read(at, RECORD))
        if len(head) < RECORD:
            raise CorruptError(f"the archive is cut off in the header at offset {at:,}")
        if head == _ZERO:
            if long_name is not None:
                raise CorruptError(f"a long name at offset {first:,} belongs to no member")
            _check_end(read, at, stop)
            return
        _check_sum(head, at)
        size = _octal(head[124:136], at)
        body = at + RECORD
        if stop is not None and body + padded_size(size) > stop:
            end = body + padded_size(size)
            raise CorruptError(
                f"the member at offset {at:,} should reach to {end:,}, past the end at {stop:,}: the tar is "
                "cut off, or is one part of a tar that 'cat' joins"
            )
        kind = head[156:157]
        if kind in b"0\0":
            name = long_name or _name(head, at)
            yield Member(name, first, body, size)
        elif kind in b"xgL":
            if size > _MAX_NAME_RECORDS:
                raise CorruptError(f"{size:,} bytes of extended header at offset {at:,}")
            text = bytes(read(body, size))
            if kind == b"g" and _pax_name(text, at) is not None:
                raise CorruptError(
                    f"the global header at offset {at:,} names a member: not supported, pack the files anew"
                )
            if kind != b"g":
                found = _gnu_name(text, at) if kind == b"L" else _pax_name(text, at)
                if found is not None and long_name is not None:
                    raise CorruptError(f"the member at offset {first:,} has two long names")
                long_name = found or long_name
            elif long_name is not None:
                raise CorruptError(f"a long name at offset {first:,} belongs to no member")
            at = body + padded_size(size)
            continue
        else:
            _check_folder(head, size, at)
            on_folder(long_name or _name(head, at))
        at = first = body + padded_size(size)
        long_name = None
    if ended or long_name is not None:
        raise CorruptError(f"the archive stops at offset {at:,} without its end marker")


def walk_bytes(data: bytes | memoryview, *, ended: bool = True) -> Iterator[Member]:
    """Yield every file of an archive, or of a part of one, in memory; as `walk` does."""
    view = memoryview(data)
    return walk(lambda at, size: view[at : at + size], 0, len(view), ended=ended)


def _check_end(read: ReadAt, at: int, stop: int | None) -> None:
    end = at + 2 * RECORD
    if stop is not None and stop < end:
        raise CorruptError(f"the archive's end marker at offset {at:,} is cut off")
    while stop is None or at < stop:
        rest = bytes(read(at, 1 << 20 if stop is None else min(stop - at, 1 << 20)))
        if not rest:
            if stop is None and at >= end:
                return
            raise CorruptError(f"the archive is cut off at offset {at:,}")
        if rest.count(0) != len(rest):
            where = at + len(rest) - len(rest.lstrip(b"\0"))
            raise CorruptError(f"there is data at offset {where:,}, after the archive's end")
        at += len(rest)


def _check_folder(head: bytes, size: int, at: int) -> None:
    kind = head[156:157]
    if kind != b"5" or size:
        raise CorruptError(
            f"the member {_name(head, at)!r} at offset {at:,} is no file (type {kind!r}); links, "
            "devices and sparse files are not supported: pack the files anew"
        )


def _check_sum(head: bytes, at: int) -> None:
    declared = _octal(head[148:156], at)
    actual = sum(head) - sum(head[148:156]) + 8 * 32
    if declared != actual:
        raise CorruptError(f"the header at offset {at:,} is damaged (checksum {actual}≠{declared})")
    if head[257:263] not in (b"ustar\0", b"ustar ", bytes(6)):
        raise CorruptError(f"the header at offset {at:,} is of no known tar format")


def _octal(field: bytes, at: int) -> int:
    digits = field.rstrip(b" \0").lstrip(b" ")
    if not digits or not _OCTAL.issuperset(digits):
        raise CorruptError(f"the header at offset {at:,} has {field!r} where octal digits belong")
    return int(digits, 8)


def _text(raw: bytes, at: int) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptError(f"the name at offset {at:,} is not UTF-8: {raw[:60]!r}") from error
    if not text or "\0" in text:
        raise CorruptError(f"the name at offset {at:,} is empty or has a zero byte: {text[:60]!r}")
    return text


def _name(head: bytes, at: int) -> str:
    name = head[:100].split(b"\0", 1)[0]
    prefix = head[345:500].split(b"\0", 1)[0] if head[257:263] == b"ustar\0" else b""
    name = prefix + b"/" + name if prefix else name
    if not name:
        raise CorruptError(f"the header at offset {at:,} has no name")
    return _text(name, at)


def _gnu_name(text: bytes, at: int) -> str:
    return _text(text.rstrip(b"\0"), at)


def _pax_name(text: bytes, at: int) -> str | None:
    name = None
    while text:
        length, space, _ = text.partition(b" ")
        if not space or not length.isdigit() or len(length) > 6 or int(length) > len(text):
            raise CorruptError(f"the PAX header at offset {at:,} is damaged")
        record, text = text[len(length) + 1 : int(length)], text[int(length) :]
        if not record.endswith(b"\n") or b"=" not in record:
            raise CorruptError(f"the PAX header at offset {at:,} is damaged")
        key, _, value = record[:-1].partition(b"=")
        if key == b"path" and name is None:
            name = _text(value, at)
        elif key == b"path":
            raise CorruptError(f"the PAX header at offset {at:,} gives two names")
        elif key == b"size" or key.startswith(b"GNU.sparse"):
            raise CorruptError(
                f"the PAX header at offset {at:,} sets {key.decode()!r}, which is not supported"
            )
    return name
