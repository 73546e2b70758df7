"""Read a JPEG's marker segments (ITU-T T.81, annex B), without its entropy-coded data."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from wds_imagenet.errors import ImageError
from wds_imagenet.images.exif import EXIF, read_orientation
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.native_engine import native_module

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"
_SOS: Final = 0xDA
_APP0: Final = 0xE0
_APP1: Final = 0xE1
_APP2: Final = 0xE2
_APP14: Final = 0xEE
_APP15: Final = 0xEF
_COM: Final = 0xFE
_JFIF_BYTES: Final = 14  # libjpeg ignores a shorter segment
_ICC: Final = b"ICC_PROFILE\0"
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and RST carry no length
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # not DHT, JPG and DAC
_HIERARCHICAL: Final = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
MAX_SCANS: Final = 100
_COLORS: Final = {1: "grey", 3: "rgb", 4: "cmyk"}
_SUBSAMPLING: Final = {
    (1, 1): "4:4:4",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (1, 2): "4:4:0",
    (4, 1): "4:1:1",
    (4, 2): "4:1:0",
    (1, 4): "4:4:1",
}
_MAX_SEGMENTS: Final = 10_000  # a large EXIF block or colour profile needs some hundreds


def read_jpeg(data: bytes | memoryview) -> ImageHeader:
    """Return a JPEG's header. Costs about ten microseconds, three with the native engine.

    Args:
        data: The file; its first three bytes are those of a JPEG.

    Raises:
        ImageError: The markers are damaged before the first scan, or no decoder supports the file.
    """
    return _read_ordinary(data) or _read_any(data)


def _read_ordinary(data: bytes | memoryview) -> ImageHeader | None:
    """Return the header of an ordinary JPEG, read in C; None for a file that `_read_any` must read."""
    native = native_module()
    header = None if native is None else native.read_header(data)
    if header is None:
        return None
    begin = header.exif_begin
    return ImageHeader(
        "jpg",
        header.width,
        header.height,
        _COLORS[header.components],
        orientation=read_orientation(bytes(data[begin : header.exif_end])) if begin else 1,
        subsampling=_ordinary_subsampling(header.sampling),
    )


@lru_cache(64)
def _ordinary_subsampling(sampling: tuple[int, ...]) -> str | None:
    return _subsampling([divmod(factors, 16) for factors in sampling])


def _read_any(data: bytes | memoryview) -> ImageHeader:
    exif, frame, first, scan = None, None, 0, 0
    for marker, start, end in segments(data):
        if marker in _FRAMES:
            if frame is not None:
                raise ImageError(f"JPEG: a second frame header at byte {start - 4}; the format allows one")
            frame = marker, start, end
        elif marker == _APP1 and exif is None and data[start : start + len(EXIF)] == EXIF:
            exif = bytes(data[start:end])
        first, scan = start, end
    if frame is None:
        raise ImageError("JPEG: its first scan comes before a frame header, so that it has no size")
    marker = frame[0]
    bits, height, width, color, subsampling = _read_frame(data, *frame)
    progressive = marker in {0xC2, 0xCA}
    if progressive or data[first] < data[frame[1] + 5]:  # not all components are in the first scan
        _check_scans(data, scan)
    last = _find_end(data, scan)
    return ImageHeader(
        format="jpg",
        width=width,
        height=height,
        color=color,
        bits=bits,
        progressive=progressive,
        arithmetic=marker >= 0xC9,
        orientation=1 if exif is None else read_orientation(exif),
        complete=last >= 0,
        trailing=len(data) - last - 2 if last >= 0 else 0,
        subsampling=subsampling,
    )


def segments(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each segment's content, up to and including the first scan's header.

    Args:
        data: The file.

    Raises:
        ImageError: Bytes are no segment, or end too early; the message has their offset.
    """
    at, size = 2, len(data)
    for _ in range(_MAX_SEGMENTS):
        if at + 4 > size:
            break
        if data[at] != 0xFF:
            raise ImageError(f"JPEG: byte {at} should begin a marker; it is 0x{data[at]:02x}")
        marker = data[at + 1]
        if marker == 0xFF:  # markers may be preceded by any number of fill bytes
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker in {0x00, 0xD8, 0xD9}:
            raise ImageError(f"JPEG: marker 0x{marker:02x} at byte {at}, where headers should be")
        else:
            end = at + 2 + (data[at + 2] << 8) + data[at + 3]
            if end > size or end < at + 4:
                break
            yield marker, at + 4, end
            if marker == _SOS:
                return
            at = end
    raise ImageError(f"JPEG: its header is cut off or endless: no scan by byte {at} of {size}")


def icc_profile(data: bytes) -> bytes | None:
    """Return the ICC profile of a JPEG, its parts joined in order, or None (ICC.1:2010, annex B.4).

    Args:
        data: The file.

    Raises:
        ImageError: The segments are damaged.
    """
    parts = {
        data[start + len(_ICC)]: data[start + len(_ICC) + 2 : end]
        for marker, start, end in segments(data)
        if marker == _APP2 and data.startswith(_ICC, start) and end - start > len(_ICC) + 2
    }
    return b"".join(parts[number] for number in sorted(parts)) or None


def without_metadata(data: bytes | memoryview) -> bytes:
    """Return the JPEG without comments and application data, except JFIF and Adobe, which decide its colours.

    Args:
        data: The file.

    Raises:
        ImageError: The segments are damaged.
    """
    view, kept, scan = memoryview(data), [SOI], 0
    for marker, start, end in segments(data):
        is_jfif = marker == _APP0 and end - start >= _JFIF_BYTES
        if is_jfif or marker == _APP14 or not (marker == _COM or _APP0 <= marker <= _APP15):
            kept.append(bytes(view[start - 4 : end]))
        scan = end
    return b"".join([*kept, view[scan:]])


def _check_scans(data: bytes | memoryview, scan: int) -> None:
    # Each scan of a large picture costs as much as a whole decode, and a megabyte can hold thousands of
    # scans.
    scans = 1 + bytes(data[scan:]).count(b"\xff\xda")
    if scans > MAX_SCANS:
        raise ImageError(f"JPEG: {scans:,} scans; the limit is {MAX_SCANS}")


def _find_end(data: bytes | memoryview, scan: int) -> int:
    """Return the offset of the last end marker after the scan's header, or -1."""
    if len(data) >= scan + 2 and data[-2:] == EOI:
        return len(data) - 2
    return bytes(data).rfind(EOI, scan)


def _read_frame(
    data: bytes | memoryview, marker: int, start: int, end: int
) -> tuple[int, int, int, str, str | None]:
    count = data[start + 5] if end - start > 5 else 0
    if count not in _COLORS or end - start != 6 + 3 * count:
        raise ImageError(
            f"JPEG: a frame header of {count} components in {end - start} bytes; images have 1, 3 or 4"
        )
    if marker in _HIERARCHICAL:
        raise ImageError("JPEG: it is hierarchical, which no common decoder supports")
    bits = data[start]
    if bits not in {8, 12, 16}:
        raise ImageError(f"JPEG: {bits} bits a sample; the format allows 8, 12 and 16")
    factors = [divmod(data[at], 16) for at in range(start + 7, end, 3)]
    if not all(1 <= factor <= 4 for pair in factors for factor in pair):
        raise ImageError(f"JPEG: sampling factors {factors}; the format allows 1 to 4")
    height = data[start + 1] << 8 | data[start + 2]
    width = data[start + 3] << 8 | data[start + 4]
    return bits, height, width, _COLORS[count], _subsampling(factors)


def _subsampling(factors: list[tuple[int, int]]) -> str | None:
    if len(factors) == 1:
        return None
    luma, first, second = factors[:3]
    if first != second or luma[0] % first[0] or luma[1] % first[1]:
        return "other"
    return _SUBSAMPLING.get((luma[0] // first[0], luma[1] // first[1]), "other")
