"""Stores behind HTTP are read: SeaweedFS's own HTTP interface, and a server without ranges."""

import functools
import http.server
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from wds_imagenet.demo.s3_server import S3Server
from wds_imagenet.errors import ChangedError, CorruptError, NotFoundError, StoreError, UsageError
from wds_imagenet.storage import open_store, split_url


@pytest.fixture
def url(s3_server: S3Server, s3_url: str) -> str:
    open_store(s3_url).put("a b.tar", b"0123456789")
    return f"http://{s3_server.filer}/buckets/{s3_url.removeprefix('s3://')}"


def test_ranges_are_read(url: str) -> None:
    store = open_store(url)
    assert store.read("a b.tar", 2, 5).data == b"234"
    assert store.read("a b.tar").data == b"0123456789"
    assert store.read("a b.tar", 7).data == b"789"
    assert store.info("a b.tar").size == 10
    buffer = bytearray(3)
    store.read_into("a b.tar", 2, memoryview(buffer))
    assert buffer == b"234"
    with pytest.raises(CorruptError):
        store.read("a b.tar", 5, 20)
    with pytest.raises(NotFoundError):
        store.read("b")


def test_a_replaced_file_is_noticed(url: str, s3_url: str) -> None:
    etag = open_store(url).info("a b.tar").etag
    assert etag
    assert open_store(url).read("a b.tar", 0, 4, etag=etag).data == b"0123"
    open_store(s3_url).put("a b.tar", b"9876543210")
    with pytest.raises(ChangedError):
        open_store(url).read("a b.tar", 0, 4, etag=etag)


def test_nothing_is_written(url: str) -> None:
    store = open_store(url)
    assert (store.writable, store.listable) == (False, False)
    with pytest.raises(UsageError, match="can only be read"):
        store.put("x", b"1")
    with pytest.raises(UsageError, match="can only be read"):
        store.delete("a b.tar")
    assert store.info("a b.tar").size == 10


def test_a_query_is_sent_and_never_shown(url: str) -> None:
    folder, name = split_url(f"{url}/missing?signature=canary-signature")
    store = open_store(folder, {"retries": 0})
    with pytest.raises(StoreError) as caught:
        store.read(name)
    told = "".join(traceback.format_exception(caught.value)) + repr(store) + store.url
    assert "canary" not in told
    folder, name = split_url(f"{url}/a b.tar?signature=canary-signature")
    assert open_store(folder).read(name, 0, 2).data == b"01"


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "a").write_bytes(b"0123456789")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_server_without_ranges_is_not_mistaken_for_a_short_file(plain_server: str) -> None:
    store = open_store(plain_server)
    assert store.read("a").data == b"0123456789"
    for start, stop in [(0, 5), (3, 6), (3, None)]:
        with pytest.raises(StoreError, match="ignores ranges"):
            store.read("a", start, stop)
