"""Serve the gallery over HTTP, to browsers on this machine."""

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
from wds_imagenet.view.gallery import Gallery, Response

HOST: Final = "127.0.0.1"
_REQUEST_SECONDS: Final = 20
"""Longest time in which a browser sends a request."""
_CONNECTIONS: Final = 64
# Guards against DNS rebinding: a foreign page whose name resolves to this machine sends that name.
_HOST_NAMES: Final = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # the next data set may have the same address
}


class GalleryServer(ThreadingMixIn, TCPServer):
    """Serves the gallery of a data set at `url` while `serve_forever` runs. Use it in a `with`.

    At the end, all requests are cancelled, those to the store too, and no thread remains. The server answers
    only GET requests, whose Host names this machine.

    Args:
        dataset: The data set.
        port: Port on 127.0.0.1; 0 is any free port.

    Raises:
        UsageError: The port is not free.
    """

    daemon_threads = False  # closing the server joins them
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = _CONNECTIONS

    def __init__(self, dataset: Dataset, port: int = 0) -> None:
        self._token: Final = CancelToken()
        self._slots: Final = threading.BoundedSemaphore(_CONNECTIONS)
        gallery = Gallery(dataset)
        try:
            super().__init__((HOST, port), partial(_Handler, gallery))
        except OSError as error:
            raise UsageError(
                f"port {port} of {HOST} cannot be used: {error.strerror}; give another with option 'port', "
                "or leave it out for a free one"
            ) from error

    @property
    def url(self) -> str:
        """The address of the first page."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base's
        """Answer one request. Closing the server cancels it."""
        with use_token(self._token), self._slots, self._token.on_cancel(partial(_disconnect, request)):
            super().process_request_thread(request, client_address)

    def server_close(self) -> None:
        """Cancel all requests, and join all threads."""
        self._token.cancel()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = _REQUEST_SECONDS
    server_version = "wds-imagenet"
    sys_version = ""

    def __init__(self, gallery: Gallery, *arguments: Any) -> None:  # noqa: ANN401 - the base's
        self._gallery: Final = gallery
        super().__init__(*arguments)

    def handle(self) -> None:
        """Answer. A browser that disconnects early is no error."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def do_GET(self) -> None:
        """Answer a GET."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _HOST_NAMES.fullmatch(hosts[0].strip()):
            self.send_error(421, explain="This server answers only browsers on this machine.")
            return
        self._send(self._gallery.respond(self.path))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with a status and one line. Every method but GET ends here."""
        status = 405 if code == 501 else code
        text = explain or message or self.responses.get(status, ("",))[0]
        self._send(Response(status, "text/plain; charset=utf-8", f"{status} {text:.200}\n".encode()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base's
        """Log nothing: the page shows every error."""

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


def _disconnect(connection: socket.socket) -> None:
    with suppress(OSError):  # it may be closed already
        connection.shutdown(socket.SHUT_RDWR)
