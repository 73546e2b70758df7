"""The images of a stream with their bytes, which a stream gives only until its next image."""

from wds_imagenet.sources import Stream, StreamedImage


def arrived(stream: Stream) -> list[StreamedImage]:
    """Return all images of a stream, each with its bytes in `data`."""
    return [image.whole() for image in stream.images()]
