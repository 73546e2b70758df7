"""The proxy of `benchmarks/stream`: bytes, faults and counters. Its speed is measured, not tested."""

import asyncio
import http.client
import random
import shutil
import sys
import time
from contextlib import closing
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None, reason="only Linux with a C compiler has the proxy"
)


@pytest.fixture(scope="module")
def proxies():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from stream import proxy
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return proxy


@pytest.fixture(scope="module")
def program(proxies, tmp_path_factory):
    return proxies.build(tmp_path_factory.mktemp("proxy"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    (root / "bucket").mkdir()
    (root / "bucket" / "a b.bin").write_bytes(random.Random(0).randbytes(1 << 20))
    return root


def ask(connection, headers=(), method="GET", path="/bucket/a%20b.bin"):
    connection.request(method, path, headers=dict(headers))
    reply = connection.getresponse()
    return reply, reply.read()


def connect(proxy):
    return closing(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("bytes=0-0", slice(0, 1)), ("bytes=5-1004", slice(5, 1005)), ("bytes=-7", slice(-7, None))],
)
def test_a_folder_is_served_in_ranges_over_one_connection(proxies, program, folder, asked, expected):
    content = (folder / "bucket" / "a b.bin").read_bytes()
    with proxies.running(program, proxies.Network(), folder) as proxy, connect(proxy) as connection:
        assert ask(connection, {"Range": asked})[1] == content[expected]
        assert ask(connection)[1] == content
        assert ask(connection, method="HEAD")[0].headers["Content-Length"] == str(len(content))
        assert ask(connection, path="/bucket/none")[0].status == http.client.NOT_FOUND
        assert ask(connection, path="/../proxy/proxy")[0].status == http.client.NOT_FOUND
        assert proxy.counters()["requests"] == 5


def faults_of(proxies, program, folder, network, requests):
    """Return the kind of each reply: `whole`, `refused` or `cut`."""
    kinds = []
    with proxies.running(program, network, folder) as proxy:
        for _ in range(requests):
            with connect(proxy) as connection:
                try:
                    reply, body = ask(connection)
                except (http.client.IncompleteRead, ConnectionResetError):
                    kinds.append("cut")
                    continue
            kinds.append("whole" if reply.status == http.client.OK else "refused")
            assert reply.status == http.client.OK or b"<Code>SlowDown</Code>" in body
        return kinds, proxy.counters()


def test_a_seed_repeats_its_faults_and_the_counters_count_them(proxies, program, folder):
    network = proxies.Network(refused_share=0.2, cut_share=0.2, seed=3)
    kinds, counters = faults_of(proxies, program, folder, network, 100)
    assert kinds == faults_of(proxies, program, folder, network, 100)[0]
    assert (kinds.count("refused"), kinds.count("cut")) == (counters["refused"], counters["cut"])
    assert 10 <= counters["refused"] <= 30
    assert 10 <= counters["cut"] <= 30
    assert counters["requests"] == 100


def test_a_slow_request_is_counted_and_answered(proxies, program, folder):
    network = proxies.Network(latency_ms=1, jitter_ms=1, slow_share=1, slow_times=20, connection_mbs=400)
    with proxies.running(program, network, folder) as proxy, connect(proxy) as connection:
        began = time.monotonic()
        assert len(ask(connection)[1]) == 1 << 20
        assert (
            time.monotonic() - began >= 0.02 + (1 << 20) / 20e6 - 0.01
        )  # a lower bound holds under load, too
        assert proxy.counters()["slow"] == 1


def test_signed_requests_and_large_uploads_pass_unchanged(proxies, program, s3_server):
    s3_server.make_bucket("proxied")
    content = random.Random(1).randbytes(12 << 20)
    network = proxies.Network(latency_ms=2, total_mbs=2000)
    port = int(s3_server.endpoint.rpartition(":")[2])
    with proxies.running(program, network, port) as proxy:
        store = S3Store(
            "proxied",
            endpoint=proxy.endpoint,
            access_key_id=s3_server.access_key,
            secret_access_key=s3_server.secret_key,
            region="us-east-1",
            client_options={"allow_http": True},
        )
        obstore.put(store, "one", content, use_multipart=True, chunk_size=5 << 20)

        async def many():
            ranges = range(0, len(content), 1 << 19)
            return await asyncio.gather(
                *(obstore.get_range_async(store, "one", start=at, length=1 << 19) for at in ranges)
            )

        assert b"".join(map(bytes, asyncio.run(many()))) == content
        assert [meta["path"] for page in obstore.list(store) for meta in page] == ["one"]
        counters = proxy.counters()
    assert counters["bytes_received"] > len(content) < counters["bytes_sent"]
    assert counters["most_connections"] > 1
    assert counters["refused"] == counters["cut"] == 0
