"""A small S3 and HTTP server whose next replies are scripted, for faults that a healthy server never has."""

import hashlib
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ERROR = b'<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>try again</Message></Error>'
DATE = "Mon, 05 Jan 2026 10:00:00 GMT"


@dataclass(frozen=True)
class Reply:
    """One scripted reply. Without `headers`, it has a Content-Length alone."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class ScriptedServer(ThreadingHTTPServer):
    """Serves `objects`, by path; the next requests that match `only` get the replies of `script` first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.script: deque[Reply | None] = deque()
        """None in a script is the true reply."""
        self.always: Reply | None = None
        self.only: Callable[[str, str], bool] = lambda _method, _path: True
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        """Method, path with query, and headers of each request."""
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def next(self, method: str, path: str) -> Reply | None:
        """Return the scripted reply to a request; None for the true one."""
        if not self.only(method, path):
            return None
        return self.script.popleft() if self.script else self.always

    def handle_error(self, *_: object) -> None:
        """Say nothing of connections that clients break."""


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Yield a running server."""
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        reply = self.server.next(self.command, self.path)
        self._send(self._true_reply(body) if reply is None else reply)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - names of http.server

    def _true_reply(self, body: bytes) -> Reply:
        path = unquote(urlsplit(self.path).path)
        if self.command == "PUT":
            self.server.objects[path] = body
            return Reply(200, b"", {"ETag": _etag(body)})
        if path not in self.server.objects:
            return Reply(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
        data = self.server.objects[path]
        headers = {"ETag": _etag(data), "Last-Modified": DATE}
        if self.headers.get("If-Match") not in {None, _etag(data)}:
            return Reply(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            return Reply(200, data, headers)
        start, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if start > last:
            return Reply(416, b"<Error><Code>InvalidRange</Code><Message>too far</Message></Error>")
        return Reply(
            206,
            data[start : last + 1],
            {**headers, "Content-Range": f"bytes {start}-{last}/{len(data)}"},
        )

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            if value:
                self.send_header(name, value)
        lies = "Content-Length" in reply.headers
        if lies:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            with suppress(OSError):
                self.wfile.write(reply.body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name there
        pass


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
