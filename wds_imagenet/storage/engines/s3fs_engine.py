"""The engine for s3 where obstore cannot be used: s3fs, with replies checked as obstore checks them."""

import io
from typing import Any, Final

from wds_imagenet.storage import event_loop
from wds_imagenet.storage.engines.fsspec_engine import SLOWEST_RATE, FsspecEngine
from wds_imagenet.storage.failures import too_large
from wds_imagenet.storage.store import ObjectInfo, View

_CHUNK: Final = 1 << 20


class S3fsEngine(FsspecEngine):
    """One folder of a bucket. A read is one GET with If-Match, and its reply pins the object."""

    async def get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> View:
        """Read a range by a GET request with If-Match."""
        longest = min(self._longest, self._idle + limit / SLOWEST_RATE)
        return await event_loop.run_in(
            self._fs.loop, self._get(path, start, stop, etag, limit), max(longest, self._idle)
        )

    async def _get(self, path: str, start: int, stop: int | None, etag: str | None, limit: int) -> View:
        bucket, _, key = self._full(path).partition("/")
        more = {} if etag is None else {"IfMatch": etag}
        if stop is not None:
            more["Range"] = f"bytes={start}-{stop - 1}"
        reply = await self._fs._call_s3("get_object", Bucket=bucket, Key=key, **more)  # noqa: SLF001 - as s3fs does
        body = reply["Body"]
        try:
            size = _check_range(reply, start, stop)
            if reply["ContentLength"] > limit:
                raise too_large(f"{self._url}/{path}", reply["ContentLength"], limit)
            with io.BytesIO() as whole:  # an error's traceback keeps no bytes, and `getvalue` copies none
                while chunk := await body.read(_CHUNK):
                    if whole.tell() + len(chunk) > limit:
                        raise too_large(f"{self._url}/{path}", None, limit)
                    whole.write(chunk)
                data = whole.getvalue()
        finally:
            body.close()
        tag = reply.get("ETag")
        return View(memoryview(data), None if tag is None else ObjectInfo(path, size, tag))


def _check_range(reply: Any, start: int, stop: int | None) -> int:  # noqa: ANN401
    """Return the object's size; raise `ConnectionError` for a reply with other bytes than those requested."""
    found = str(reply.get("ContentRange", ""))
    length = reply.get("ContentLength")
    if length is None:
        raise ConnectionError("the reply has no Content-Length")
    if stop is None and not found:
        return int(length)
    total = found.rpartition("/")[2]
    fits = stop is not None and length <= stop - start
    if not found.startswith(f"bytes {start}-") or not total.isdigit() or not fits:
        raise ConnectionError(f"bytes from {start} were requested; {length:,} came, of {found!r:.60}")
    return int(total)
