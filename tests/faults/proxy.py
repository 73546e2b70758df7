"""A scripted HTTP proxy in front of an S3 server: its rules give chosen requests a fault.

Requests pass unchanged, with the Host header that the client signed, so that signatures hold. Every
thread ends with the `with` of `Proxy.running`.
"""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from io import BufferedReader
from typing import Final

from faults.answers import Answer, changed, in_place_of
from faults.rules import BEFORE, Operation, Rule, operation_of

Headers = list[tuple[str, str]]

_DROPPED: Final = frozenset(
    {"connection", "expect", "transfer-encoding", "content-length", "proxy-connection"}
)
_BREAKS: Final = frozenset({"headers only", "early reset", "early end", "stall", "drip"})
_PAUSE: Final = 0.05
"""Seconds between the pieces of a dripping answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request of a client."""

    method: str
    target: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Met:
    """A request that passed, and the fault that it met; an empty fault is none."""

    operation: Operation
    fault: str


class Proxy:
    """A proxy on a free port of this machine.

    Attributes:
        endpoint: the URL for clients.
        rules: the rules; the first that applies to a request gives its fault.
        met: every request so far.
        on_kill: called for the faults `kill before` and `kill after`.
    """

    def __init__(self, upstream: str, unsigned: str = "") -> None:
        """Take the URL of the server, and for whole objects that of one without signatures."""
        host, _, port = upstream.removeprefix("http://").partition(":")
        self._upstream = (host, int(port))
        self._unsigned = unsigned
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()
        self._counts: list[int] = []
        self.endpoint: Final = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.rules: tuple[Rule, ...] = ()
        self.met: list[Met] = []
        self.on_kill: Callable[[], object] = lambda: None
        self.retry_after = 1
        self.delay = 0.5

    @property
    def faults(self) -> int:
        """The number of requests that met a fault."""
        return sum(bool(met.fault) for met in self.met)

    def script(self, rules: Sequence[Rule]) -> None:
        """Take new rules, forget what was met, and close every connection that a client has kept."""
        with self._lock:
            self.rules, self.met, self._counts = tuple(rules), [], [0] * len(rules)
            sockets = list(self._open)
        for one in sockets:
            _end(one)

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        accepting = threading.Thread(target=self._accept, name="proxy")
        with ExitStack() as stack:
            stack.callback(self._join)
            stack.callback(accepting.join)
            accepting.start()
            stack.callback(self._close)
            yield self

    def _close(self) -> None:
        self._ended.set()
        with self._lock:
            sockets = [self._listener, *self._open]
        for one in sockets:
            _end(one)
        self._listener.close()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    if self._ended.is_set():
                        client.close()
                        return
                    self._open.add(client)
                    thread = threading.Thread(target=self._serve, args=(client,), name="proxy connection")
                    self._threads = [one for one in self._threads if one.is_alive()] + [thread]
                    thread.start()

    def _serve(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            # A client that goes away at any moment is no fault of the proxy.
            with suppress(OSError, http.client.HTTPException, ValueError), client.makefile("rb") as stream:
                while (request := _read_request(stream, client)) is not None:
                    operation = operation_of(request.method, request.target)
                    if not self._reply(client, request, self._fault_of(operation)):
                        break
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()

    def _fault_of(self, operation: Operation) -> str:
        with self._lock:
            fault = ""
            for index, rule in enumerate(self.rules):
                if rule.is_for(operation):
                    self._counts[index] += 1
                    if not fault and rule.is_met(self._counts[index]):
                        fault = rule.fault
            self.met.append(Met(operation, fault))
        return fault

    def _reply(self, client: socket.socket, request: Request, fault: str) -> bool:
        """Answer a request; return False if the connection ends with it."""
        if fault == "kill before":
            self.on_kill()
            return False
        if fault in BEFORE:
            return self._refuse(client, request, fault)
        answer = self._forward(request)
        if fault == "whole object" and answer.status == 206:
            answer = self._whole(request, answer)
        if fault == "kill after":
            self.on_kill()
            return False
        if fault == "lost reply":
            return _reset(client)
        if fault == "delay":
            self._ended.wait(self.delay)
        answer = changed(fault, answer)
        body = b"" if request.method == "HEAD" else answer.body
        if fault in _BREAKS:
            return self._break(client, answer, body, fault)
        client.sendall(answer.head() + body)
        return fault not in {"long length", "huge length"}

    def _refuse(self, client: socket.socket, request: Request, fault: str) -> bool:
        if fault == "reset":
            return _reset(client)
        if fault == "swallow":
            self._wait_for_end(client)
            return False
        answer = in_place_of(fault, self.retry_after)
        client.sendall(answer.head() + (b"" if request.method == "HEAD" else answer.body))
        return True

    def _break(self, client: socket.socket, answer: Answer, body: bytes, fault: str) -> bool:
        """Send an answer that breaks off or trickles; return True if the connection is still good."""
        whole = answer.head() + body
        middle = len(answer.head()) + len(body) // 2 if body else len(answer.head()) // 2
        match fault:
            case "headers only":
                client.sendall(answer.head())
                _reset(client)
            case "early reset":
                client.sendall(whole[:middle])
                time.sleep(_PAUSE)  # else the reset overtakes the bytes
                _reset(client)
            case "early end":
                client.sendall(whole[:middle])
                _end(client)
            case "stall":
                client.sendall(whole[:middle])
                self._wait_for_end(client)
                _end(client)
            case "drip":
                step = max(1, len(whole) // 8)
                for at in range(0, len(whole), step):
                    client.sendall(whole[at : at + step])
                    self._ended.wait(_PAUSE)
        return fault == "drip"

    def _wait_for_end(self, client: socket.socket) -> None:
        """Wait until the client gives up, or the proxy ends."""
        while client.recv(65536):
            pass

    def _whole(self, request: Request, answer: Answer) -> Answer:
        """Return the answer of a server that ignores ranges. They are signed, so another server gives it."""
        path = request.target.partition("?")[0]
        whole = self._forward(Request("GET", path, [("Host", "whole")], b""), self._unsigned or None)
        headers = tuple(pair for pair in answer.headers if pair[0].lower() != "content-range")
        return replace(answer, status=200, reason="OK", headers=headers, body=whole.body, length=whole.length)

    def _forward(self, request: Request, unsigned: str | None = None) -> Answer:
        host, port = self._upstream
        if unsigned:
            place, _, prefix = unsigned.partition("/")
            request = replace(request, target=f"/{prefix}{request.target}")
            host, _, port = place.partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body or None)
            found = connection.getresponse()
            body = found.read()
            length = int(found.getheader("Content-Length") or 0) if request.method == "HEAD" else len(body)
            return Answer(found.status, found.reason, tuple(found.getheaders()), body, length)
        finally:
            connection.close()


def _read_request(stream: BufferedReader, client: socket.socket) -> Request | None:
    line = stream.readline(65536).decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    method, target, _ = line.split(" ")
    headers: Headers = []
    while field := stream.readline(65536).decode("latin-1").rstrip("\r\n"):
        name, _, value = field.partition(":")
        headers.append((name, value.strip()))
    known = {name.lower(): value for name, value in headers}
    if known.get("expect", "").lower() == "100-continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if known.get("transfer-encoding", "").lower() == "chunked":
        body = _read_chunks(stream)
    else:
        body = stream.read(int(known.get("content-length", "0")))
    return Request(method, target, [pair for pair in headers if pair[0].lower() not in _DROPPED], body)


def _read_chunks(stream: BufferedReader) -> bytes:
    chunks = []
    while size := int(stream.readline().split(b";")[0], 16):
        chunks.append(stream.read(size))
        stream.readline()
    while stream.readline().strip():  # trailers
        pass
    return b"".join(chunks)


def _reset(connection: socket.socket) -> bool:
    """Close a connection with a TCP reset; return False."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # `makefile` holds the descriptor; a detached one closes at once.
        socket.close(connection.detach())
    return False


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
