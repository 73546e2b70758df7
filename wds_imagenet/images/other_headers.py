"""Read the headers of PNG, WebP, GIF, BMP and TIFF."""

import struct
from typing import Final

from wds_imagenet.errors import ImageError
from wds_imagenet.images.exif import read_fields, read_orientation
from wds_imagenet.images.header import ImageHeader

_PNG_COLORS: Final = {0: "grey", 2: "rgb", 3: "palette", 4: "grey-alpha", 6: "rgba"}
_PNG_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_MAX_CHUNKS: Final = 1000
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _CHANNELS = 256, 257, 258, 262, 274, 277
_TIFF_COLORS: Final = {(2, 3): "rgb", (2, 4): "rgba", (3, 1): "palette", (5, 4): "cmyk", (6, 3): "rgb"}


def read_png(data: bytes) -> ImageHeader:
    """Return a PNG's header (W3C PNG, third edition).

    Args:
        data: The file; its signature has been checked.

    Raises:
        ImageError: The header is damaged.
    """
    if len(data) < 33 or data[8:16] != b"\0\0\0\rIHDR":
        raise ImageError(f"PNG: its header is cut off or damaged, in a file of {len(data)} bytes")
    width, height, bits, color = struct.unpack_from(">IIBB", data, 16)
    if color not in _PNG_COLORS or bits not in {1, 2, 4, 8, 16}:
        raise ImageError(f"PNG: colour type {color} with {bits} bits is not in the standard")
    last = data.rfind(_PNG_END)
    return ImageHeader(
        format="png",
        width=width,
        height=height,
        color=_PNG_COLORS[color],
        bits=max(bits, 8),
        orientation=_png_orientation(data),
        complete=last >= 0,
        trailing=len(data) - last - len(_PNG_END) if last >= 0 else 0,
    )


def _png_orientation(data: bytes) -> int:
    at = 33
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            break
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"eXIf":
            return read_orientation(data[at + 8 : at + 8 + size])
        if kind == b"IDAT":
            break
        at += 12 + size
    return 1


def read_webp(data: bytes) -> ImageHeader:
    """Return a WebP's header (RFC 9649).

    Args:
        data: The file; its signature has been checked.

    Raises:
        ImageError: The header is damaged.
    """
    if len(data) < 30:
        raise ImageError(f"WebP: its header is cut off, in a file of {len(data)} bytes")
    (size,) = struct.unpack_from("<I", data, 4)
    kind, alpha, orientation = data[12:16], False, 1
    if kind == b"VP8X":
        alpha = bool(data[20] & 0x10)
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        orientation = _webp_orientation(data)
    elif kind == b"VP8L" and data[20] == 0x2F:
        packed = int.from_bytes(data[21:25], "little")
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
        alpha = bool(packed >> 28 & 1)
    elif kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise ImageError(f"WebP: its first chunk {kind!r} is not a picture")
    end = 8 + size + size % 2
    return ImageHeader(
        format="webp",
        width=width,
        height=height,
        color="rgba" if alpha else "rgb",
        orientation=orientation,
        complete=8 + size <= len(data),
        trailing=max(0, len(data) - end),
    )


def _webp_orientation(data: bytes) -> int:
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            break
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            return read_orientation(data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return 1


def read_gif(data: bytes) -> ImageHeader:
    """Return a GIF's header, with the size of its logical screen (GIF 89a, section 18).

    Args:
        data: The file; its signature has been checked.

    Raises:
        ImageError: The header is cut off.
    """
    if len(data) < 13:
        raise ImageError(f"GIF: its header is cut off, in a file of {len(data)} bytes")
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader(format="gif", width=width, height=height, color="palette")


def read_bmp(data: bytes) -> ImageHeader:
    """Return a BMP's header, of Windows (BITMAPINFOHEADER) or OS/2 (BITMAPCOREHEADER).

    Args:
        data: The file; its signature has been checked.

    Raises:
        ImageError: The header is cut off.
    """
    if len(data) < 30:
        raise ImageError(f"BMP: its header is cut off, in a file of {len(data)} bytes")
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    # A negative height means that the top row is stored first.
    return ImageHeader(format="bmp", width=width, height=abs(height), color="palette" if bits <= 8 else "rgb")


def read_tiff(data: bytes) -> ImageHeader:
    """Return the header of a TIFF's first page (TIFF 6.0), as it is decoded.

    Pillow always applies a TIFF's orientation: the returned size is that of the turned picture, the
    orientation 1.

    Args:
        data: The file; its signature has been checked.

    Raises:
        ImageError: The first directory is cut off, or has no size.
    """
    fields = read_fields(data, (_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _CHANNELS))
    if _WIDTH not in fields or _HEIGHT not in fields:
        raise ImageError("TIFF: its first directory is cut off or has no size (BigTIFF is not supported)")
    width, height = fields[_WIDTH], fields[_HEIGHT]
    if fields.get(_ORIENTATION, 1) in {5, 6, 7, 8}:
        width, height = height, width
    channels = fields.get(_CHANNELS, 1)
    fallback = {1: "grey", 2: "grey-alpha"}.get(channels, "rgb")
    return ImageHeader(
        format="tiff",
        width=width,
        height=height,
        color=_TIFF_COLORS.get((fields.get(_PHOTOMETRIC, 1), channels), fallback),
        bits=max(fields.get(_BITS, 1), 8),
    )
