"""Keys of a bucket that are no paths: passed over in listings, and read where they are named."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import pytest
from support.scripted_server import Reply, ScriptedServer, scripted_server

from wds_imagenet.errors import NotFoundError, UsageError
from wds_imagenet.storage import Store, open_store, split_url

ENGINES = ["obstore", "fsspec"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


def options(server: ScriptedServer, engine: str) -> dict[str, object]:
    keys = {"key": "a" * 8, "secret": "b" * 8, "region": "us-east-1"}
    return {**keys, "engine": engine, "endpoint_url": server.url, "retries": 0}


def listing(server: ScriptedServer, engine: str, keys: Sequence[str], size: int = 3) -> Store:
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{size if not key.endswith('/') else 0}</Size>"
        "<LastModified>2026-01-05T10:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag></Contents>"
        for key in keys
    )
    body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
    server.only = lambda _, path: "list-type" in path
    server.always = Reply(200, body.encode(), {"Content-Type": "application/xml"})
    return open_store("s3://b/x", options(server, engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("odd", ["x//b.jpg", "x/c//b.jpg", "x/./b.jpg", "x/../b.jpg", "x//", "x/c/.//b"])
def test_one_key_that_is_no_path_stops_no_listing(
    server: ScriptedServer, engine: str, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = listing(server, engine, ["x/a.jpg", odd, "x/z b.jpg"])
    assert [info.path for info in store.list_objects()] == ["a.jpg", "z b.jpg"]
    assert "passed over 1 object" in caplog.text or odd.endswith("/")


@pytest.mark.parametrize("engine", ENGINES)
def test_empty_objects_that_mark_folders_are_no_files(server: ScriptedServer, engine: str) -> None:
    store = listing(server, engine, ["x/", "x/a/", "x/a/1.jpg", "x/b/"])
    assert [info.path for info in store.list_objects()] == ["a/1.jpg"]


def test_an_empty_file_is_one(server: ScriptedServer) -> None:
    server.objects["/b/x/empty"] = b""
    store = listing(server, "obstore", ["x/a.jpg", "x/empty", "x/e.jpg"], size=0)
    assert [info.path for info in store.list_objects()] == ["a.jpg", "e.jpg", "empty"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("key", ["x//b.csv", "/b.csv", "x/y//z//b.csv"])
def test_a_key_with_empty_parts_is_read_where_it_is_named(
    server: ScriptedServer, engine: str, key: str
) -> None:
    server.objects[f"/b/{key}"] = b"right"
    server.objects[f"/b/{key.replace('//', '/').lstrip('/')}"] = b"wrong"
    folder, name = split_url(f"s3://b/{key}")
    store = open_store(folder, options(server, engine))
    assert store.read(name).data == b"right"
    assert store.read(name, 1, 3).data == b"ig"
    assert store.info(name).size == 5
    with pytest.raises(NotFoundError):
        store.read(name.replace("b.csv", "c.csv"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_folder_with_an_empty_part_is_a_store(server: ScriptedServer, engine: str) -> None:
    server.objects["/b/x//train/a"] = b"right"
    assert open_store("s3://b/x//train", options(server, engine)).read("a").data == b"right"


@pytest.mark.parametrize("path", ["../a", "a/../b", "./a", "a//../b", "\0"])
def test_no_path_leads_out_of_a_bucket(server: ScriptedServer, path: str) -> None:
    with pytest.raises(UsageError, match="not a path within a store"):
        open_store("s3://b/x", options(server, "obstore")).read(path)
    assert not server.asked


def test_elsewhere_a_path_has_no_empty_parts(server: ScriptedServer, tmp_path) -> None:
    for url in (str(tmp_path), "memory://x", server.url):
        with pytest.raises(UsageError, match="not a path within a store"):
            open_store(url).read("a//b")
