"""The images of a stream with their bytes, which a stream gives only until its next image."""

from dataclasses import replace

from wds_imagenet.sources import Stream, StreamedImage


def arrived(stream: Stream) -> list[StreamedImage]:
    """Return all images of a stream, each with its bytes in `data`."""
    return [replace(image, data=image.content(), read=None) for image in stream.images()]
