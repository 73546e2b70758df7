"""A connection that breaks in any way gives exact bytes or one clear error, in bounded time."""

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from wds_imagenet.demo.s3_server import S3Server
from wds_imagenet.errors import ExistsError, UnavailableError
from wds_imagenet.storage import ObjectInfo, Store, open_store

DATA = bytes(range(256)) * 120
MIDDLE = 10_000
ENGINES = ["obstore", "fsspec"]
FAULTS = ["reset", "early reset", "end", "early end", "stall", "swallow", "503"]


class Proxy:
    """A TCP proxy whose next connections each meet the next of `faults`, and the rest `always`."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.removeprefix("http://").partition(":")
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.faults: deque[str] = deque()
        self.always = ""
        self.forbidden = b""
        """Any connection on which the client sends this is reset."""

    def start_anew(self) -> None:
        """Forget all faults, and every connection that a client may have kept."""
        self.faults.clear()
        self.always, self.forbidden = "", b""
        self._close(self._open[1:])
        del self._open[1:]

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        with ExitStack() as stack:
            accepting = self._thread(self._accept)
            stack.callback(accepting.join)
            stack.callback(lambda: self._close(self._open))
            yield self

    def _close(self, sockets: list[socket.socket]) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _thread(self, target: Any, *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                self._thread(self._serve, client, self.faults.popleft() if self.faults else self.always)

    def _serve(self, client: socket.socket, fault: str) -> None:
        with suppress(OSError):
            if fault == "503":
                client.recv(65536)
                client.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                client.close()
            elif fault == "swallow":
                while client.recv(65536):
                    pass
            else:
                server = socket.create_connection(self._upstream)
                self._open.append(server)
                self._thread(self._up, client, server)
                self._down(client, server, fault)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self.forbidden and self.forbidden in data:
                    reset(client)
                    break
                server.sendall(data)

    def _down(self, client: socket.socket, server: socket.socket, fault: str) -> None:
        room = 10 if "early" in fault else MIDDLE
        while data := server.recv(65536):
            if fault == "lost reply":
                return reset(client)
            if fault and len(data) > room:
                client.sendall(data[:room])
                if "reset" in fault:
                    reset(client)
                elif "end" in fault:
                    client.shutdown(socket.SHUT_RDWR)
                return None  # a stall: the connection stays, and nothing comes
            client.sendall(data)
            room -= len(data)
        return client.close()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # wakes the other thread, which would keep it open
    connection.close()


@pytest.fixture(scope="module")
def one_proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with Proxy(s3_server.endpoint).running() as running:
        yield running


@pytest.fixture
def proxy(one_proxy: Proxy) -> Proxy:
    one_proxy.start_anew()  # one for all, since a new endpoint costs s3fs half a second
    return one_proxy


def direct(url: str) -> Store:
    return open_store(url)


def through(proxy: Proxy, url: str, engine: str, **options: object) -> Store:
    usual = {"retries": 4, "timeout": 0.4, "deadline": 8}
    return open_store(url, {"endpoint": proxy.endpoint, "engine": engine, **usual, **options})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_that_fails_twice_gives_the_exact_bytes(
    proxy: Proxy, s3_url: str, fault: str, engine: str
) -> None:
    direct(s3_url).put("a", DATA)
    proxy.faults.extend([fault, fault])
    store = through(proxy, s3_url, engine)
    assert store.read("a", 7, 30_000).data == DATA[7:30_000]
    assert not proxy.faults


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_that_always_fails_is_one_error_in_time(
    proxy: Proxy, s3_url: str, fault: str, engine: str
) -> None:
    direct(s3_url).put("a", DATA)
    proxy.always = fault
    began = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        through(proxy, s3_url, engine, retries=2).read("a", 0, 30_000)
    assert time.monotonic() - began < 8
    assert str(caught.value).startswith(f"{s3_url}/a: ")
    assert "gave up after attempt 3 of 3" in caught.value.__notes__[-1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", ["early reset", "503"])
@pytest.mark.parametrize("call", [lambda store: store.info("a"), lambda store: next(store.list_objects())])
def test_other_calls_are_retried_too(
    proxy: Proxy, s3_url: str, fault: str, engine: str, call: Callable[[Store], ObjectInfo]
) -> None:
    direct(s3_url).put("a", DATA)
    proxy.faults.append(fault)
    assert call(through(proxy, s3_url, engine)) == call(direct(s3_url))
    assert not proxy.faults


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fault", ["lost reply", "swallow", "503"])
def test_a_put_whose_reply_is_lost_is_made_once(proxy: Proxy, s3_url: str, fault: str, engine: str) -> None:
    proxy.faults.append(fault)
    through(proxy, s3_url, engine).put("a", DATA, create=True)
    assert not proxy.faults
    assert direct(s3_url).read("a").data == DATA


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lost_reply_does_not_claim_the_object_of_another(proxy: Proxy, s3_url: str, engine: str) -> None:
    direct(s3_url).put("a", b"another's")
    proxy.faults.append("lost reply")
    with pytest.raises(ExistsError):
        through(proxy, s3_url, engine).put("a", DATA, create=True)
    assert direct(s3_url).read("a").data == b"another's"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_large_upload_that_fails_in_a_part_leaves_nothing(
    proxy: Proxy, s3_url: str, engine: str, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(bytes(40 << 20))
    proxy.forbidden = b"partNumber=2"
    store = through(proxy, s3_url, engine, retries=0, timeout=5, deadline=10)
    with pytest.raises(UnavailableError):
        store.put_file("big", tmp_path / "big")
    assert list(direct(s3_url).list_objects()) == []
    assert not open_uploads(s3_url)
    proxy.forbidden = b""
    store.put_file("big", tmp_path / "big")
    assert direct(s3_url).info("big").size == 40 << 20


def open_uploads(url: str) -> list[Any]:
    import os

    import s3fs

    fs = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return [upload for upload in fs.list_multipart_uploads(bucket) if upload["Key"].startswith(prefix)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_that_is_not_there_is_unavailable(s3_url: str, engine: str) -> None:
    for endpoint in ("http://127.0.0.1:9", "http://no-such-host.invalid"):
        with pytest.raises(UnavailableError) as caught:
            open_store(s3_url, {"endpoint": endpoint, "engine": engine, "retries": 1}).info("a")
        assert "after attempt 2 of 2" in caught.value.__notes__[-1]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_endpoint_without_tls_is_not_asked_again(s3_server: S3Server, s3_url: str, engine: str) -> None:
    endpoint = s3_server.endpoint.replace("http:", "https:")
    with pytest.raises(Exception, match="check that the endpoint speaks https") as caught:
        open_store(s3_url, {"endpoint": endpoint, "engine": engine}).info("a")
    assert not isinstance(caught.value, UnavailableError)
