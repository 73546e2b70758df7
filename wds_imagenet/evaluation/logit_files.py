"""Read logits from NumPy files, without pickle and without trusting a header.

The format is that of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.predictions import NO_GUESS, TOP, Predictions, check_logits

MAX_BYTES: Final = 16 << 30
_MAX_KEY_BYTES: Final = 1 << 30
_MAX_ROWS: Final = 1 << 24  # of one file; ImageNet-21k has 14.2 million images
_MAX_CLASSES: Final = 1 << 20
_MAX_FORTRAN: Final = 1 << 30
_PART: Final = 32 << 20
_HEADER_BYTES: Final = 64 << 10
NPY: Final = b"\x93NUMPY"
ZIP: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER: Final = re.compile(
    rb"\{'descr': '([<>|=]?[A-Za-z][0-9]{0,6})', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9]{1,15}(?:, ?[0-9]{1,15})*,?|)\), *\} *\n"
)


def read_logits(data: bytes, url: str, keys: bytes | None) -> Predictions:
    """Return the predictions of an `.npz` with `logits` [N, C] and `keys` [N], or of an `.npy` of logits.

    Args:
        data: The file.
        url: Its URL, for messages.
        keys: For an `.npy`, a text with the key of each row, one a line.

    Raises:
        SourceError: The file has another form. Only pickle could read arrays of objects.
        UsageError: Keys are given for an `.npz`, or not given for an `.npy`.
    """
    if data.startswith(NPY) and keys is None:
        raise UsageError(f"{url} has no keys of its own: give a file with one key a line as option 'keys'")
    if data.startswith(ZIP) and keys is not None:
        raise UsageError(f"{url} has keys of its own: leave out option 'keys'")
    where = f"{url}, row {{}} (from 0)".format
    try:
        if keys is None:
            return _zipped(data, where)
        names = [line.rstrip("\r") for line in keys.decode("utf-8-sig").removesuffix("\n").split("\n")]
        logits = _array(data)
    except (ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise SourceError(f"{url} cannot be read: {error}") from error
    return Predictions.of_logits(logits, names, where)


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of an `.npy`: nothing of the array is read or allocated yet."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    size: int
    """Bytes before the array."""

    def check(self, size: int) -> None:
        """Raise `ValueError` unless the array fills a file of this size."""
        if math.prod(self.shape) * self.dtype.itemsize != size - self.size:
            raise ValueError(f"an array {self.shape} of {self.dtype.str} in {size - self.size:,} bytes")

    def of(self, data: bytes, offset: int, rows: int) -> npt.NDArray[Any]:
        """Return the next rows of the array."""
        shape = (rows, *self.shape[1:])
        if math.prod(shape) == 0:  # frombuffer rejects an empty array
            return np.zeros(shape, self.dtype)
        flat = np.frombuffer(data, self.dtype, math.prod(shape), offset)
        return flat.reshape(shape, order="F" if self.fortran else "C")


def _zipped(data: bytes, where: Callable[[int], str]) -> Predictions:
    """Return the predictions of an `.npz`, a few rows at a time: a small file may unpack to any size."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        with _member(archive, "keys", _MAX_KEY_BYTES) as (file, header):
            _check_keys(header)
            names = [name for part in _parts(file, header) for name in _strings(part)]
        with _member(archive, "logits", MAX_BYTES) as (file, header):
            shape = header.shape
            check_logits(header.dtype, shape, where)
            if shape[0] != len(names):
                raise ValueError(f"there are {shape[0]:,} rows of logits, but {len(names):,} keys")
            if shape[1] > _MAX_CLASSES:
                raise ValueError(f"{shape[1]:,} columns of logits; at most {_MAX_CLASSES:,} are read")
            guesses = np.full((shape[0], TOP), NO_GUESS, np.int64)
            done = 0
            for part in _parts(file, header):
                stop = done + len(part)
                some = Predictions.of_logits(part, names[done:stop], partial(_shifted, where, done))
                guesses[done:stop] = some.guesses
                done = stop
    return Predictions(guesses, "column", tuple(names), where, columns=shape[1])


def _shifted(where: Callable[[int], str], first: int, row: int) -> str:
    return where(first + row)


@contextmanager
def _member(archive: zipfile.ZipFile, name: str, limit: int) -> Iterator[tuple[IO[bytes], _Header]]:
    """Yield an array of an `.npz` as a file, after its header."""
    if f"{name}.npy" not in archive.namelist():
        names = ", ".join(entry.removesuffix(".npy") for entry in archive.namelist())
        raise ValueError(f"it has no array {name!r}, only {names[:80]}")
    info = archive.getinfo(f"{name}.npy")
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise ValueError(f"its {name} are encrypted, or compressed as NumPy never does")
    if info.file_size > limit:
        raise ValueError(f"its {name} have more than {limit:,} bytes")
    with archive.open(info) as file:
        header = _header(file)
        header.check(info.file_size)
        yield file, header


def _parts(file: IO[bytes], header: _Header) -> Iterator[npt.NDArray[Any]]:
    """Yield the rows of an array, at most 32 MiB or one row at a time; in Fortran's order, all at once."""
    width = math.prod(header.shape[1:]) * header.dtype.itemsize
    left = header.shape[0]
    if header.fortran and left * width > _MAX_FORTRAN:
        raise ValueError(
            f"an array in Fortran's order of more than {_MAX_FORTRAN:,} bytes: save np.ascontiguousarray(…)"
        )
    while left:
        rows = left if header.fortran else min(left, max(1, _PART // max(1, width)))
        data = file.read(rows * width)
        if len(data) < rows * width:
            raise ValueError(f"an array {header.shape} of {header.dtype.str} that is cut off")
        yield header.of(data, 0, rows)
        left -= rows
    if file.read(1):  # also checks the CRC-32
        raise ValueError(f"bytes after an array {header.shape} of {header.dtype.str}")


def _array(data: bytes) -> npt.NDArray[Any]:
    """Return the array of an `.npy`, as a view. Raises `ValueError` unless its shape fits the bytes."""
    header = _header(io.BytesIO(data))
    header.check(len(data))
    return header.of(data, header.size, header.shape[0]) if header.shape else header.of(data, header.size, 1)


def _header(file: IO[bytes]) -> _Header:
    """Read a header. Raises `ValueError` unless its type is plain.

    NumPy's own reader evaluates the header as Python, allocates the shape that the header claims, and raises
    many kinds of errors.
    """
    head = file.read(8)
    width, form = (2, "<H") if head[6:7] == b"\1" else (4, "<I")
    head += file.read(width)
    if not head.startswith(NPY) or len(head) < 8 + width:
        raise ValueError("an array without NumPy's header")
    (size,) = struct.unpack_from(form, head, 8)
    text = file.read(min(size, _HEADER_BYTES))
    match = _HEADER.fullmatch(text) if len(text) == size else None
    if match is None:
        raise ValueError(f"an array whose header is {text[:80]!r}")
    descr, fortran, sides = (group.decode("ascii") for group in match.groups())
    if descr.endswith("O"):
        raise ValueError("an array of Python objects, which needs pickle: save strings as np.array(…, str)")
    try:
        dtype = np.dtype(descr)
    except TypeError as error:
        raise ValueError(f"an array of the type {descr!r}") from error
    shape = tuple(int(side) for side in sides.split(",") if side.strip())
    return _Header(dtype, shape, fortran == "True", len(head) + size)


def _strings(array: npt.NDArray[Any]) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in array.tolist()]


def _check_keys(header: _Header) -> None:
    if len(header.shape) != 1 or header.dtype.kind not in "US":
        raise ValueError(f"keys are strings of shape [N], not {header.dtype} of shape {header.shape}")
    if header.shape[0] > _MAX_ROWS:
        raise ValueError(f"{header.shape[0]:,} keys; at most {_MAX_ROWS:,} are read")
