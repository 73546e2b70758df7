"""The header that an image's bytes give, whatever its name says."""

from collections.abc import Callable
from typing import Final

from wds_imagenet.errors import ImageError
from wds_imagenet.images.containers import read_bmp, read_gif, read_png, read_tiff, read_webp
from wds_imagenet.images.header import MAX_PIXELS, ImageHeader
from wds_imagenet.images.jpeg import read_jpeg

__all__ = ["MAX_PIXELS", "ImageHeader", "probe"]

_READERS: Final[tuple[tuple[bytes, Callable[[bytes], ImageHeader]], ...]] = (
    (b"\xff\xd8\xff", read_jpeg),
    (b"\x89PNG\r\n\x1a\n", read_png),
    (b"RIFF", read_webp),
    (b"GIF87a", read_gif),
    (b"GIF89a", read_gif),
    (b"BM", read_bmp),
    (b"II*\0", read_tiff),
    (b"MM\0*", read_tiff),
)
_OTHERS: Final = {
    b"\x1f\x8b": "gzip",
    b"PK\3\4": "a zip archive",
    b"%PDF": "PDF",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
    b"\x93NUMPY": "a NumPy array",
}


def probe(data: bytes | memoryview) -> ImageHeader:
    """Return what an image's bytes say of it, without decoding.

    Guarantees 1 to `MAX_PIXELS` pixels; not that the image can be decoded. Costs about ten microseconds for a JPEG.
    Raises `ImageError` for no bytes, for bytes that are no image (and says what they look like), for a header that
    is cut off or absurd, and for a picture without pixels or with more than `MAX_PIXELS`.
    """
    raw = data if isinstance(data, bytes) else bytes(data)
    header = _reader(raw)(raw)
    if header.width < 1 or header.height < 1:
        raise ImageError(f"{header.format}: {header.width} × {header.height} pixels; there is no picture")
    if header.width * header.height > MAX_PIXELS:
        raise ImageError(
            f"{header.format}: {header.width} × {header.height} pixels; more than {MAX_PIXELS:,} are refused"
        )
    return header


def _reader(data: bytes) -> Callable[[bytes], ImageHeader]:
    for magic, reader in _READERS:
        if data.startswith(magic) and (reader is not read_webp or data[8:12] == b"WEBP"):
            return reader
    raise ImageError(f"not an image: {len(data):,} bytes that look like {_likeness(data)}")


def _likeness(data: bytes) -> str:
    if not data:
        return "nothing at all"
    for magic, name in _OTHERS.items():
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return f"{data[8:12].decode('ascii', 'replace').upper()} (AVIF, HEIF or video)"
    if data[257:262] == b"ustar":
        return "a tar archive"
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data[:512].strip(b"\0"):
        return "zeros"
    if b"<html" in head or head.startswith(b"<!doctype html"):
        return "an HTML page: was an error page downloaded in its place?"
    if head.startswith((b"<svg", b"<?xml", b"<")):
        return "XML or SVG"
    if head.startswith((b"{", b"[")):
        return "JSON"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: fetch the file itself with git lfs pull"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in data[:512]):
        return f"text: {data[:40].decode('utf-8', 'replace')!r}"
    return f"no format known here: they begin {data[:8].hex(' ')}"
