"""s3fs, which takes an empty reply of status 200 for success, with its replies checked."""

from functools import cache
from typing import Any, Final

_TAGGED: Final = frozenset({"put_object", "upload_part", "complete_multipart_upload", "head_object"})
"""Calls whose reply has an ETag, unless the store failed and says success."""


def checked_filesystem(**options: Any) -> Any:  # noqa: ANN401 - s3fs has no types
    """Return an s3fs file system that raises `ConnectionError` for a success without an ETag.

    Args:
        **options: those of `S3FileSystem`.
    """
    return _checked_class()(**options)


@cache  # fsspec keeps one instance for each class and set of arguments
def _checked_class() -> Any:  # noqa: ANN401
    import s3fs  # noqa: PLC0415 - an extra

    class CheckedS3(s3fs.S3FileSystem):  # type: ignore[misc] # has no types
        async def _call_s3(self, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            reply = await super()._call_s3(method, *args, **kwargs)
            if method in _TAGGED and not reply.get("ETag"):
                raise ConnectionError(f"the reply to {method} has no ETag")
            return reply

    return CheckedS3
