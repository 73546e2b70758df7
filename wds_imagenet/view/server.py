"""The gallery over HTTP, for the browsers of this machine."""

import re
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.util.cancel import CancelToken, use_token
from wds_imagenet.view.site import Response, Site

HOST: Final = "127.0.0.1"
_PATIENCE: Final = 20
"""Seconds that a browser may take over a request."""
_CONNECTIONS: Final = 64
# A page of another site that has its own name lead to this machine comes with that name.
_NAMES: Final = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # the next data set may be shown at the same address
}


class Server(ThreadingMixIn, TCPServer):
    """Serves the gallery of a data set at `url` while `serve_forever` runs; to be used in a `with`.

    On the way out whatever is under way is cut short, requests to the store too, and no thread remains.
    Answers GET alone, and browsers alone that name this machine. Raises `UsageError` where it cannot listen
    at the port; 0 is any that is free.
    """

    daemon_threads = False  # so that they are joined
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = _CONNECTIONS

    def __init__(self, dataset: Dataset, port: int = 0) -> None:
        self._token: Final = CancelToken()
        self._room: Final = threading.BoundedSemaphore(_CONNECTIONS)
        site = Site(dataset)
        try:
            super().__init__((HOST, port), partial(_Handler, site))
        except OSError as error:
            raise UsageError(
                f"nothing can be served at port {port} of {HOST}: {error.strerror}; give another as option "
                "'port', or none for one that is free"
            ) from error

    @property
    def url(self) -> str:
        """The address of its first page."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base's
        """Answer one request, so that it ends when the server does."""
        with use_token(self._token), self._room, self._token.on_cancel(partial(_cut, request)):
            super().process_request_thread(request, client_address)

    def server_close(self) -> None:
        """End what is under way, and every thread."""
        self._token.cancel()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server_version = "wds-imagenet"
    sys_version = ""

    def __init__(self, site: Site, *arguments: Any) -> None:  # noqa: ANN401 - the base's
        self._site: Final = site
        super().__init__(*arguments)

    def handle(self) -> None:
        """Answer; one who leaves before the end is no error."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def do_GET(self) -> None:
        """Answer a GET."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _NAMES.fullmatch(hosts[0].strip()):
            self.send_error(421, explain="This server is for the browsers of this machine.")
            return
        self._send(self._site.answer(self.path))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with a status alone. What is no GET ends here."""
        status = 405 if code == 501 else code
        text = explain or message or self.responses.get(status, ("",))[0]
        self._send(Response(status, "text/plain; charset=utf-8", f"{status} {text:.200}\n".encode()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base's
        """Say nothing: what goes wrong is on the page."""

    def _send(self, response: Response) -> None:
        self.close_connection = True
        self.send_response(response.status)
        headers = {"Content-Type": response.kind, "Content-Length": str(len(response.body)), **_HEADERS}
        if response.location is not None:
            headers["Location"] = response.location
        if response.status == 405:
            headers["Allow"] = "GET"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it may be closed by now
        connection.shutdown(socket.SHUT_RDWR)
