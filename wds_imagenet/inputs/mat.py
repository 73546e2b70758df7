"""MAT-files of level 5, limited to the types in the ILSVRC devkits: structs of numbers and strings.

Format: MathWorks, "MAT-File Format", chapter 1 (Level 5). Files are not trusted: every size is checked
against the bytes that are there, and decompression is capped.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from wds_imagenet.errors import SourceError

MAX_BYTES: Final = 16 << 20
_MAX_DEPTH: Final = 8
_MATRIX: Final = 14
_COMPRESSED: Final = 15
_STRUCT: Final = 2
_CHAR: Final = 4
_NUMERIC: Final = range(6, 16)  # mxDOUBLE_CLASS to mxUINT64_CLASS
_COMPLEX: Final = 0x08
_CODES: Final = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
_ENCODINGS: Final = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}

Value: TypeAlias = str | list[int] | list[float] | list[dict[str, "Value"]]
"""A string, an array of numbers or an array of structs. Arrays are flat, in column-major order."""


def read_mat(data: bytes) -> dict[str, Value]:
    """Return the variables of a MAT-file by name.

    Reads real numeric arrays, strings and struct arrays, of either byte order, compressed or not, and
    decompresses at most 16 MiB.

    Args:
        data: the file's bytes.

    Raises:
        SourceError: the file is damaged, is of another level, or holds a variable of another type.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None or struct.unpack_from(f"{order}H", data, 124) != (0x0100,):
        raise SourceError("this is not a MAT-file of level 5, as MATLAB's save -v6 and -v7 write")
    try:
        return dict(_variables(_Elements(memoryview(data)[128:], order)))
    except (struct.error, zlib.error, ValueError, IndexError, OverflowError) as error:
        raise SourceError(f"the MAT-file is damaged: {error}") from error


@dataclass(slots=True)
class _Elements:
    """A sequence of data elements, read one by one."""

    data: memoryview
    order: str
    at: int = 0

    def next(self) -> tuple[int, memoryview]:
        """Return the next element's type and content."""
        (word,) = struct.unpack_from(f"{self.order}I", self.data, self.at)
        kind, size, head = word & 0xFFFF, word >> 16, 4
        if size == 0:
            kind, size = struct.unpack_from(f"{self.order}II", self.data, self.at)
            head = 8
        elif size > 4:
            raise ValueError(f"a small element of {size} bytes")
        start = self.at + head
        if start + size > len(self.data):
            raise ValueError(f"an element of {size:,} bytes but only {len(self.data) - start:,} are left")
        end = start + size
        self.at = end if kind == _COMPRESSED else end + -end % 8
        return kind, self.data[start:end]

    def numbers(self) -> list[int] | list[float]:
        """Return the next element as numbers."""
        kind, content = self.next()
        if kind not in _CODES:
            raise ValueError(f"numbers of type {kind}")
        code = _CODES[kind]
        count = len(content) // struct.calcsize(self.order + code)
        return list(struct.unpack(f"{self.order}{count}{code}", content))

    def text(self) -> str:
        """Return the next element as a string."""
        kind, content = self.next()
        if kind not in _ENCODINGS:
            raise ValueError(f"characters of type {kind}")
        ends = {"<": "-le", ">": "-be"}[self.order] if kind in (4, 17) else ""
        return bytes(content).decode(_ENCODINGS[kind] + ends)

    def nested(self, content: memoryview) -> "_Elements":
        """Return the elements in an element's content."""
        return _Elements(content, self.order)


def _variables(elements: _Elements) -> Iterator[tuple[str, Value]]:
    left = MAX_BYTES
    while elements.at < len(elements.data):
        kind, content = elements.next()
        if kind == _COMPRESSED:
            inflater = zlib.decompressobj()
            inflated = inflater.decompress(content, max(left, 1))
            left -= len(inflated)
            if not inflater.eof:
                raise ValueError(f"its content is cut off, or more than {MAX_BYTES:,} bytes")
            kind, content = elements.nested(memoryview(inflated)).next()
        if kind != _MATRIX:
            raise ValueError(f"a variable of type {kind}")
        yield _matrix(elements.nested(content), 0)


def _matrix(elements: _Elements, depth: int) -> tuple[str, Value]:
    """Return an array's name and value. Its elements are flags, dimensions, name and content."""
    if not elements.data:  # MATLAB may write an empty cell of a struct without a header
        return "", []
    if depth > _MAX_DEPTH:
        raise ValueError(f"structs nested deeper than {_MAX_DEPTH}")
    flags = int(elements.numbers()[0])
    shape = [int(side) for side in elements.numbers()]
    name = elements.text()
    kind = flags & 0xFF
    if min(shape, default=0) < 0:
        raise ValueError(f"an array of shape {shape}")
    count = math.prod(shape)
    if kind == _STRUCT:
        return name, _structs(elements, count, depth)
    if kind == _CHAR:
        return name, elements.text() if count else ""
    if kind not in _NUMERIC or flags >> 8 & _COMPLEX:
        raise ValueError(f"the array {name!r} is of class {kind}, flags {flags >> 8:#x}")
    values = elements.numbers() if count else []
    if len(values) != count:
        raise ValueError(f"the array {name!r} of shape {shape} has {len(values):,} numbers, not {count:,}")
    return name, values


def _structs(elements: _Elements, count: int, depth: int) -> list[dict[str, Value]]:
    width = int(elements.numbers()[0])
    _, names = elements.next()
    if width < 1 or len(names) % width:
        raise ValueError(f"{len(names)} bytes of field names, each of {width}")
    fields = [
        bytes(names[at : at + width]).split(b"\0", 1)[0].decode("ascii") for at in range(0, len(names), width)
    ]
    # An array has at least 8 bytes, so a larger count is damage, found before the loop.
    if not fields or count * len(fields) * 8 > len(elements.data):
        raise ValueError(f"{count:,} structs of {len(fields)} fields in {len(elements.data):,} bytes")
    return [{field: _field(elements, depth) for field in fields} for _ in range(count)]


def _field(elements: _Elements, depth: int) -> Value:
    kind, content = elements.next()
    if kind != _MATRIX:
        raise ValueError(f"a field of type {kind}")
    return _matrix(elements.nested(content), depth + 1)[1]
