"""The proxy: signed requests pass, each fault is what its name says, and rules choose requests."""

import http.client
import threading
import time
from collections.abc import Iterator

import pytest
from faults.proxy import Proxy
from faults.rules import FAULTS, Operation, Rule, operation_of

from wds_imagenet.demo.s3_server import S3Server
from wds_imagenet.storage import open_store

DATA = bytes(range(256)) * 100


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with Proxy(s3_server.endpoint).running() as running:
        yield running
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("proxy")]


def get(proxy: Proxy, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(proxy.endpoint.removeprefix("http://"), timeout=1)
    try:
        connection.request("GET", path, headers=headers)
        found = connection.getresponse()
        return found.status, dict(found.getheaders()), found.read()
    finally:
        connection.close()


@pytest.fixture
def plain(s3_server: S3Server) -> Iterator[tuple[Proxy, str]]:
    """A proxy in front of SeaweedFS's filer, which needs no signatures, and the path of an object."""
    upload = http.client.HTTPConnection(s3_server.filer)
    upload.request("PUT", "/plain.tar", DATA)
    assert upload.getresponse().status == 201
    upload.close()
    with Proxy(f"http://{s3_server.filer}").running() as running:
        yield running, "/plain.tar"


@pytest.mark.parametrize("engine", ["obstore", "fsspec"])
def test_signed_requests_pass(proxy: Proxy, s3_url: str, engine: str, tmp_path) -> None:
    proxy.script(())
    store = open_store(s3_url, {"endpoint": proxy.endpoint, "engine": engine})
    (tmp_path / "big").write_bytes(bytes(40 << 20))
    store.put("a b/1.txt", DATA)
    store.put_file("big.tar", tmp_path / "big")
    assert store.read("a b/1.txt", 3, 400).data == DATA[3:400]
    assert sorted(info.path for info in store.list_objects()) == ["a b/1.txt", "big.tar"]
    assert store.info("big.tar").size == 40 << 20
    store.delete("big.tar")
    seen = {str(met.operation) for met in proxy.met}
    assert {"put other", "get other", "create shard", "part shard", "complete shard", "head shard"} <= seen
    assert {"list other"} <= seen
    assert proxy.faults == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset", ConnectionResetError),
        ("swallow", TimeoutError),
        ("lost reply", ConnectionResetError),
        ("headers only", ConnectionResetError),
        ("early reset", ConnectionResetError),
        ("early end", http.client.IncompleteRead),
        ("stall", TimeoutError),
        ("long length", http.client.IncompleteRead),
    ],
)
def test_faults_that_break_the_connection(plain: tuple[Proxy, str], fault: str, error: type) -> None:
    proxy, path = plain
    proxy.script([Rule(fault)])
    with pytest.raises(error):
        get(proxy, path)
    assert get(proxy, path)[2] == DATA
    assert [met.fault for met in proxy.met] == [fault, ""]


@pytest.mark.parametrize(
    ("fault", "status", "same"),
    [
        ("503", 503, False),
        ("429", 429, False),
        ("500", 500, False),
        ("200 error", 200, False),
        ("200 empty", 200, False),
        ("expired token", 400, False),
        ("delay", 206, True),
        ("drip", 206, True),
        ("short length", 206, False),
        ("flipped byte", 206, False),
        ("whole object", 200, False),
        ("other range", 206, False),
        ("shifted bytes", 206, False),
        ("replaced", 206, False),
    ],
)
def test_faults_that_answer(plain: tuple[Proxy, str], fault: str, status: int, *, same: bool) -> None:
    proxy, path = plain
    proxy.delay = 0.2
    good = get(proxy, path, Range="bytes=10-999")
    proxy.script([Rule(fault)])
    began = time.monotonic()
    found = get(proxy, path, Range="bytes=10-999")
    took = time.monotonic() - began
    assert found[0] == status
    assert (found[2] == good[2]) is same
    assert (took >= 0.2) is (fault in {"delay", "drip"})
    assert ("Retry-After" in found[1]) is (fault in {"503", "429"})
    assert (found[1].get("Etag") == good[1].get("Etag")) is (status == 206 and fault != "replaced") or (
        fault == "whole object"
    )


def test_every_fault_is_tried_here() -> None:
    marks = [test_faults_that_break_the_connection, test_faults_that_answer]
    tried = {case[0] for test in marks for case in test.pytestmark[0].args[1]}
    assert tried | {"huge length"} == {*FAULTS}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_comes_before_or_after_the_effect(proxy: Proxy, s3_url: str, moment: str) -> None:
    direct = open_store(s3_url)
    seen: list[int] = []
    proxy.on_kill = lambda: seen.append(len(list(direct.list_objects())))
    proxy.script([Rule(f"kill {moment}", "put", first=2)])
    store = open_store(s3_url, {"endpoint": proxy.endpoint, "retries": 1, "timeout": 2})
    store.put("a", DATA)
    store.put("b", DATA)
    assert seen == [1 if moment == "before" else 2]


def test_rules_choose_by_verb_target_and_number() -> None:
    rule = Rule("503", "get", "shard", first=2, times=3)
    assert [n for n in range(1, 9) if rule.is_met(n)] == [2, 3, 4]
    assert Rule("503", times=None, first=5).is_met(1000)
    assert rule.is_for(Operation("get", "shard", "/b/x.tar"))
    assert not rule.is_for(Operation("get", "keys", "/b/keys.txt"))
    with pytest.raises(ValueError, match="no such"):
        Rule("typo")


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("GET", "/b/p/x-000000.tar", "get shard"),
        ("GET", "/b/p/.wds-imagenet/manifest.json", "get manifest"),
        ("GET", "/b/p/.wds-imagenet/keys.txt", "get keys"),
        ("GET", "/b?list-type=2&prefix=p", "list other"),
        ("PUT", "/b/p/.wds-imagenet/receipts/x-000000.tar.json", "put receipt"),
        ("PUT", "/b/p/x.tar?partNumber=1&uploadId=7", "part shard"),
        ("POST", "/b/p/x.tar?uploads", "create shard"),
        ("POST", "/b/p/x.tar?uploadId=7", "complete shard"),
        ("DELETE", "/b/p/x.tar?uploadId=7", "abort shard"),
        ("DELETE", "/b/p/.wds-imagenet/plan.json", "delete plan"),
        ("HEAD", "/b/p/x.tar", "head shard"),
    ],
)
def test_the_kind_of_a_request(method: str, target: str, kind: str) -> None:
    assert str(operation_of(method, target)) == kind
