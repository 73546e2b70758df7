"""Read logits from NumPy files, without pickle and without trusting a header.

The format is that of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

import io
import math
import re
import struct
import zipfile
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.predictions import Predictions

MAX_BYTES: Final = 16 << 30
_MAX_KEYS: Final = 1 << 30
_HEADER_BYTES: Final = 4096
NPY: Final = b"\x93NUMPY"
ZIP: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER: Final = re.compile(
    rb"\{'descr': '([<>|=]?[A-Za-z][0-9]{0,6})', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9]{1,15}(?:, ?[0-9]{1,15})*,?|)\), *\} *\n"
)
_SHAPE: Final = re.compile(rb"'shape': \(([0-9]{1,15})")


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
    try:
        if keys is not None:
            names = [line.rstrip("\r") for line in keys.decode("utf-8-sig").removesuffix("\n").split("\n")]
            logits = _array(data)
        else:
            arrays = _members(data)
            logits = arrays["logits"]
            names = _strings(arrays["keys"])
    except (ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise SourceError(f"{url} cannot be read: {error}") from error
    return Predictions.of_logits(logits, names, lambda row: f"{url}, row {row} (from 0)")


def _members(data: bytes) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name, limit in (("keys", _MAX_KEYS), ("logits", MAX_BYTES)):
            if f"{name}.npy" not in archive.namelist():
                names = ", ".join(entry.removesuffix(".npy") for entry in archive.namelist())
                raise ValueError(f"it has no array {name!r}, only {names[:80]}")
            info = archive.getinfo(f"{name}.npy")
            if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
                raise ValueError(f"its {name} are encrypted, or compressed as NumPy never does")
            if info.file_size > limit:
                raise ValueError(f"its {name} have more than {limit:,} bytes")
            if name == "logits":
                with archive.open(info) as file:
                    _check_rows(file.read(_HEADER_BYTES), len(arrays["keys"]))
            arrays[name] = _array(archive.read(f"{name}.npy"))
            if name == "keys":
                _check_keys(arrays[name])
    return arrays


def _check_rows(head: bytes, keys: int) -> None:
    """Raise `ValueError` if the header claims other rows than there are keys: the array may be a bomb."""
    match = _SHAPE.search(head)
    if match is not None and int(match[1]) != keys:
        raise ValueError(f"there are {int(match[1]):,} rows of logits, but {keys:,} keys")


def _array(data: bytes) -> npt.NDArray[Any]:
    """Return the array of an `.npy`.

    Raises `ValueError` unless its type is plain and its shape fits the bytes.

    NumPy's own reader evaluates the header as Python, allocates the shape that the header claims, and raises
    many kinds of errors.
    """
    at, width = (10, "<H") if data[6:7] == b"\1" else (12, "<I")
    if not data.startswith(NPY) or len(data) < at:
        raise ValueError("an array without NumPy's header")
    (size,) = struct.unpack_from(width, data, 8)
    match = _HEADER.fullmatch(data[at : at + size])
    if match is None:
        raise ValueError(f"an array whose header is {data[at : at + 80]!r}")
    descr, fortran, sides = (group.decode("ascii") for group in match.groups())
    if descr.endswith("O"):
        raise ValueError("an array of Python objects, which needs pickle: save strings as np.array(…, str)")
    try:
        dtype = np.dtype(descr)
    except TypeError as error:
        raise ValueError(f"an array of the type {descr!r}") from error
    shape = tuple(int(side) for side in sides.split(",") if side.strip())
    count, available = math.prod(shape), len(data) - at - size
    if count * dtype.itemsize != available:
        raise ValueError(f"an array {shape} of {descr} in {available:,} bytes")
    if count == 0:  # frombuffer rejects an empty array
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype, count, at + size).reshape(
        shape, order="F" if fortran == "True" else "C"
    )


def _strings(array: npt.NDArray[Any]) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in array.tolist()]


def _check_keys(array: npt.NDArray[Any]) -> None:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise ValueError(f"keys are strings of shape [N], not {array.dtype} of shape {array.shape}")
