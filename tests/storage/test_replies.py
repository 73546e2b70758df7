"""Replies that lie: of status 200 without success, too long, of other bytes, or that ask to wait."""

import gzip
import socket
import threading
import time
import traceback
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.scripted_server import DATE, ERROR, Reply, ScriptedServer, scripted_server

from wds_imagenet.errors import (
    ChangedError,
    CorruptError,
    DeniedError,
    NotFoundError,
    StoreError,
    TooLargeError,
    UnavailableError,
)
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.storage import Store, open_store, split_url
from wds_imagenet.storage.http_download import Download, Downloader
from wds_imagenet.storage.retry import seconds_to_wait

DATA = bytes(range(200))
S3 = ["obstore", "fsspec"]
ALL = [*S3, "http"]
HUGE = {"Content-Length": str(10**15), "Last-Modified": DATE, "ETag": '"x"'}
ERROR_200 = Reply(200, ERROR, {"Content-Type": "application/xml"})
EMPTY_200 = Reply(200, b"")


@pytest.fixture(scope="module")
def one_server():
    with scripted_server() as server:
        yield server


@pytest.fixture
def server(one_server: ScriptedServer) -> ScriptedServer:
    one_server.script.clear()
    one_server.asked.clear()
    one_server.objects.clear()
    one_server.always, one_server.only = None, lambda _method, _path: True
    one_server.objects["/b/x/a"] = DATA
    return one_server


def store_on(server: ScriptedServer, engine: str, **options: object) -> Store:
    usual = {"retries": 2, "timeout": 2, **options}
    if engine == "http":
        return open_store(f"{server.url}/b/x", usual)
    keys = {"key": "canary-key", "secret": "canary-secret", "region": "us-east-1"}
    return open_store("s3://b/x", {**keys, **usual, "engine": engine, "endpoint_url": server.url})


@pytest.mark.parametrize("engine", S3)
@pytest.mark.parametrize("reply", [ERROR_200, EMPTY_200])
class TestASuccessThatIsNone:
    def test_a_read_is_tried_again(self, server: ScriptedServer, engine: str, reply: Reply) -> None:
        store = store_on(server, engine)
        for call, right in [
            (lambda: store.read("a", 10, 20).data, DATA[10:20]),
            (lambda: store.read("a").data, DATA),
            (lambda: store.info("a").size, len(DATA)),
        ]:
            server.script.append(reply)
            assert call() == right
            assert not server.script

    def test_a_put_is_tried_again(
        self, server: ScriptedServer, engine: str, reply: Reply, tmp_path: Path
    ) -> None:
        store = store_on(server, engine)
        (tmp_path / "f").write_bytes(b"of a file")
        for call, right in [
            (lambda: store.put("a", b"new"), b"new"),
            (lambda: store.put_file("a", tmp_path / "f"), b"of a file"),
        ]:
            server.script.append(reply)
            call()
            assert server.objects["/b/x/a"] == right

    def test_one_that_stays_is_an_error_in_time(
        self, server: ScriptedServer, engine: str, reply: Reply
    ) -> None:
        server.always = reply
        for call in (lambda s: s.read("a"), lambda s: s.read("a", 1, 5), lambda s: s.put("a", b"1")):
            with pytest.raises(UnavailableError):
                call(store_on(server, engine, retries=1))


@pytest.mark.parametrize("engine", S3)
def test_an_object_that_holds_an_error_document_is_read(server: ScriptedServer, engine: str) -> None:
    server.objects |= {"/b/x/a": ERROR, "/b/x/empty": b""}
    assert store_on(server, engine).read("a").data == ERROR
    assert store_on(server, engine).read("empty").data == b""


@pytest.mark.parametrize("engine", ALL)
class TestTooManyBytes:
    def test_an_announced_length_takes_no_memory(self, server: ScriptedServer, engine: str) -> None:
        server.script.append(Reply(200, b"abc", HUGE))
        assert store_on(server, engine).read("a").data == DATA  # one lie is tried again
        server.only = lambda method, _: method == "GET"
        server.always = Reply(200, b"abc", HUGE)
        with pytest.raises(StoreError):
            store_on(server, engine, retries=0).read("a")
        server.only = lambda _method, _path: True
        with pytest.raises(TooLargeError, match=r"has 1,000,000,000,000,000 bytes, and at most"):
            store_on(server, engine, retries=0).read("a")

    def test_a_limit_holds_for_honest_objects(self, server: ScriptedServer, engine: str) -> None:
        store = store_on(server, engine)
        assert store.read("a", limit=len(DATA)).data == DATA
        for limits in ({"limit": len(DATA) - 1}, {"start": 0, "stop": 50, "limit": 49}):
            with pytest.raises(TooLargeError):
                store.read("a", **limits)

    def test_bytes_of_another_range_are_not_taken(self, server: ScriptedServer, engine: str) -> None:
        tags = {"Last-Modified": DATE, "ETag": '"x"'}
        other = Reply(206, DATA[50:60], {**tags, "Content-Range": "bytes 50-59/200"})
        server.script.append(other)
        assert store_on(server, engine).read("a", 10, 20).data == DATA[10:20]
        server.always = other
        with pytest.raises(UnavailableError):
            store_on(server, engine, retries=0).read("a", 10, 20)

    def test_a_reply_of_s3_without_a_length_is_no_object(self, server: ScriptedServer, engine: str) -> None:
        if engine == "http":  # may send a file without its length
            return
        tags = {"Last-Modified": DATE, "ETag": '"x"', "Content-Length": "", "Connection": "close"}
        server.script.append(Reply(200, b"abc", tags))
        assert store_on(server, engine).read("a").data == DATA


def test_a_file_behind_http_that_never_ends_is_read_to_the_limit(server: ScriptedServer) -> None:
    endless = Reply(200, bytes(4 << 20), {"Content-Length": "", "Connection": "close"})
    server.always = endless
    with pytest.raises(TooLargeError, match="has more than 100,000 bytes"):
        store_on(server, "http", retries=0).read("endless", limit=100_000)
    with pytest.raises(StoreError, match="does not send the object's size"):
        store_on(server, "http", retries=0).info("endless")


@pytest.mark.parametrize("engine", ALL)
def test_an_object_replaced_between_two_reads_is_noticed(server: ScriptedServer, engine: str) -> None:
    store = store_on(server, engine)
    first = store.read("a", 0, 10)
    assert first.info is not None
    server.objects["/b/x/a"] = DATA + b"more"
    with pytest.raises(ChangedError):
        store.read("a", 10, 20, etag=first.info.etag)
    server.objects["/b/x/a"] = bytes(len(DATA))
    with pytest.raises(ChangedError):
        store.read_into("a", 10, memoryview(bytearray(10)), etag=first.info.etag)
    assert len(server.asked) == 3


@pytest.mark.parametrize("engine", ALL)
def test_a_range_beyond_the_end_is_corrupt_and_one_reply_of_416_is_not(
    server: ScriptedServer, engine: str
) -> None:
    store = store_on(server, engine)
    for start, stop in [(190, 210), (200, 210), (500, 510)]:
        with pytest.raises(CorruptError, match="ends at byte 200"):
            store.read("a", start, stop)
    server.script.append(Reply(416, b"<Error><Code>InvalidRange</Code></Error>"))
    assert store.read("a", 10, 20).data == DATA[10:20]


@pytest.mark.parametrize("engine", ["fsspec", "http"])
@pytest.mark.parametrize("status", [503, 429])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(server: ScriptedServer, engine: str, status: int, form: str) -> None:
    when = datetime.now(UTC) + timedelta(seconds=2.5)  # a date has whole seconds
    text = "1" if form == "seconds" else format_datetime(when, usegmt=True)
    store = store_on(server, engine)
    store.info("a")
    server.script.append(Reply(status, b"", {"Retry-After": text}))
    began = time.monotonic()
    assert store.read("a", 0, 5).data == DATA[:5]
    assert time.monotonic() - began >= (1 if form == "seconds" else 0.9)


@pytest.mark.parametrize("engine", ["fsspec", "http"])
def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once(server: ScriptedServer, engine: str) -> None:
    server.always = Reply(503, b"", {"Retry-After": "3600"})
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        store_on(server, engine, deadline=30).read("a", 0, 5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("5", 5), (" 120 ", 120), ("0", 0), ("-5", 0), ("soon", 0), ("", 0), ("1.5", 0)],
        *[("Mon, 05 Jan 2026 10:00:30 GMT", 30), ("Mon, 05 Jan 2026 09:00:00 GMT", 0)],
        *[("Mon, 05 Jan 2026 10:00:30", 30), ("Mon, 99 Jan 2026 10:00:30 GMT", 0), ("٣", 0)],
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float) -> None:
    assert seconds_to_wait(text, datetime(2026, 1, 5, 10, tzinfo=UTC)) == seconds


def test_a_server_that_is_down_is_not_a_missing_file() -> None:
    store = open_store("http://127.0.0.1:9/data", {"retries": 1})
    for call in (lambda: store.info("a"), lambda: store.read("a"), lambda: store.read("a", 0, 4)):
        with pytest.raises(UnavailableError, match="could not be reached") as caught:
            call()
        assert "after attempt 2 of 2" in caught.value.__notes__[-1]


class TestQueries:
    """A signed URL's query goes with every request as it was written, and is never shown."""

    QUERY = "X-Amz-Credential=A%2FB%2Fs3&X-Amz-Signature=canary-signature&plus=a%2Bb+c"

    def store(self, server: ScriptedServer) -> tuple[Store, str]:
        folder, name = split_url(f"{server.url}/b/x/a?{self.QUERY}")
        return open_store(folder, {"retries": 0}), name

    def test_it_is_sent_with_head_range_and_whole(self, server: ScriptedServer) -> None:
        store, name = self.store(server)
        assert store.info(name).size == len(DATA)
        assert store.read(name, 5, 9).data == DATA[5:9]
        assert store.read(name).data == DATA
        assert {path for _, path, _ in server.asked} == {f"/b/x/a?{self.QUERY}"}

    def test_a_signature_for_get_alone_gives_the_size_too(self, server: ScriptedServer) -> None:
        server.only, server.always = lambda method, _: method == "HEAD", Reply(403, b"")
        store, name = self.store(server)
        assert store.info(name).size == len(DATA)

    def test_no_error_shows_it(self, server: ScriptedServer) -> None:
        store, name = self.store(server)
        shown = repr(store) + store.url
        for status in (403, 404, 500, 418):
            server.always = Reply(status, b"")
            for call in (lambda: store.info(name), lambda: store.read(name), lambda: store.read(name, 1, 2)):
                with pytest.raises(StoreError) as caught:
                    call()
                shown += "".join(traceback.format_exception(caught.value))
        assert "canary" not in shown


def test_a_password_in_the_url_is_sent_and_never_shown(server: ScriptedServer) -> None:
    url = server.url.replace("http://", "http://user:canary-password@")
    store = open_store(f"{url}/b/x", {"retries": 0})
    assert store.read("a", 0, 2).data == DATA[:2]
    assert server.asked[0][2]["Authorization"].startswith("Basic ")
    with pytest.raises(NotFoundError) as caught:
        store.read("no")
    assert "canary" not in "".join(traceback.format_exception(caught.value)) + repr(store) + store.url


@pytest.mark.parametrize("engine", ALL)
def test_a_content_encoding_is_not_undone(server: ScriptedServer, engine: str) -> None:
    packed = gzip.compress(DATA)
    tags = {"Last-Modified": DATE, "ETag": '"x"', "Content-Encoding": "gzip"}
    server.script.append(Reply(200, packed, tags))
    assert store_on(server, engine).read("a").data == packed


@pytest.mark.parametrize("engine", S3)
@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (403, "ExpiredToken", "renew them"),
        (400, "ExpiredToken", "renew them"),
        (403, "RequestTimeTooSkewed", "clock is wrong"),
        (301, "PermanentRedirect", "region"),
    ],
)
def test_an_answer_that_waiting_does_not_change_is_raised_at_once(
    server: ScriptedServer, engine: str, status: int, code: str, advice: str
) -> None:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    server.always = Reply(status, body, {"x-amz-bucket-region": "eu-west-1"})
    with pytest.raises(DeniedError, match=advice):
        store_on(server, engine).read("a", 0, 5)
    assert len(server.asked) <= 3


@pytest.mark.parametrize("field", ["url", "path"])
def test_characters_of_a_path_behind_http_are_quoted(server: ScriptedServer, field: str) -> None:
    names: dict[str, Any] = {"a b#1?.tar": b"1", "ä%.tar": b"22"}
    server.objects |= {f"/b/x/{name}": data for name, data in names.items()}
    store = store_on(server, "http")
    if field == "path":
        assert store.read("a b#1?.tar").data == b"1"
    else:
        folder, name = split_url(f"{server.url}/b/x/a#fragment")
        assert (folder, name) == (f"{server.url}/b/x", "a")


class _Echo(BaseHTTPRequestHandler):
    """Repeats the request in the reason and in the body of its reply, which HEAD must not have."""

    def do_GET(self) -> None:
        body = f"not found: {self.path}".encode()
        self.send_response(404, self.path)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


def test_a_reply_that_repeats_the_query_is_not_quoted() -> None:
    query = "token=SECRETVALUE&X-Amz-Signature=SECRETVALUE"
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/a.jpg?{query}"
        folder, name = split_url(url)
        store = open_store(folder, {"retries": 1, "timeout": 1})
        try:
            with Downloader({"retries": 1, "timeout": 1}) as downloader:
                for call in (
                    lambda: store.info(name),
                    lambda: store.read(name),
                    lambda: downloader(Download(url, private=True)),
                ):
                    with pytest.raises(StoreError) as caught:
                        call()
                    assert "SECRETVALUE" not in "".join(traceback.format_exception(caught.value))
        finally:
            server.shutdown()
            thread.join()


def test_a_manifest_that_never_ends_takes_the_memory_of_its_limit(server: ScriptedServer) -> None:
    server.always = Reply(200, bytes(300 << 20), {"Content-Length": "", "Connection": "close"})
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match=r"has more than 268,435,456 bytes"):
            Dataset.open(f"{server.url}/b/x", storage_options={"retries": 0})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * (256 << 20)


def test_a_body_without_a_length_is_held_once(server: ScriptedServer) -> None:
    server.always = Reply(200, bytes(64 << 20), {"Content-Length": "", "Connection": "close"})
    server.only = lambda method, _: method == "GET"
    store = store_on(server, "http", retries=0)
    tracemalloc.start()
    try:
        assert len(store.read("a").data) == 64 << 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * (64 << 20)


@pytest.mark.parametrize("engine", ALL)
def test_a_chunk_header_that_never_ends_ends_with_the_deadline(engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()
        thread = threading.Thread(target=_send_endless_chunk_headers, args=(listener, ended))
        thread.start()
        usual = {"retries": 0, "timeout": 1, "deadline": 2}
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        keys = {"key": "k", "secret": "s", "region": "us-east-1", "engine": engine, "endpoint_url": url}
        store = open_store(f"{url}/x", usual) if engine == "http" else open_store("s3://b/x", keys | usual)
        began = time.monotonic()
        try:
            with pytest.raises(UnavailableError):
                store.read("a")
        finally:
            ended.set()
            thread.join()
        assert time.monotonic() - began < 20


def _send_endless_chunk_headers(listener: socket.socket, ended: threading.Event) -> None:
    head = f'HTTP/1.1 200 OK\r\nETag: "x"\r\nLast-Modified: {DATE}\r\nTransfer-Encoding: chunked\r\n\r\n5;'
    listener.settimeout(0.1)
    while not ended.is_set():
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(1)
                connection.recv(1 << 16)
                connection.sendall(head.encode())
                while not ended.wait(0.002):
                    connection.sendall(b"a" * (1 << 14))
