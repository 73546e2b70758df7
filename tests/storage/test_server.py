"""The S3 server of the demo, the tests and the benchmarks: it starts, stops and leaves nothing."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from wds_imagenet.demo import s3_server as module
from wds_imagenet.demo.s3_server import S3Server, serve
from wds_imagenet.errors import MissingExtraError, StoreError
from wds_imagenet.storage import open_store

HOLDER = """
import time
from wds_imagenet.demo.s3_server import serve
with serve() as server:
    print(server.endpoint, flush=True)
    time.sleep(60)
"""


def is_alive(endpoint: str) -> bool:
    return module._status(endpoint.removeprefix("http://"), "GET", "/") != 0


def test_data_in_a_folder_is_there_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with serve(tmp_path / "data") as server:
            for name, value in server.environment().items():
                monkeypatch.setenv(name, value)
            server.make_bucket("kept")
            store = open_store("s3://kept")
            with suppress(StoreError):
                found = store.read("a").data
            store.put("a", b"1")
        assert not is_alive(server.endpoint)
        assert not list(Path("/tmp").glob(f"seaweedfs-*{server.endpoint.rpartition(':')[2]}.sock"))  # noqa: S108
    assert found == b"1"


def test_two_servers_run_side_by_side(s3_server: S3Server) -> None:
    with serve() as other:
        assert other.endpoint != s3_server.endpoint
        assert other.access_key != s3_server.access_key
        assert is_alive(other.endpoint)
        assert is_alive(s3_server.endpoint)


def test_making_a_bucket_twice_is_no_error(s3_server: S3Server) -> None:
    s3_server.make_bucket("twice")
    s3_server.make_bucket("twice")


def test_its_secret_is_not_shown(s3_server: S3Server) -> None:
    assert s3_server.secret_key not in repr(s3_server)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_dies_with_a_process_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # its folder stays, when nobody can remove it
    ) as holder:
        assert holder.stdout is not None
        endpoint = holder.stdout.readline().strip()
        assert is_alive(endpoint)
        holder.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while is_alive(endpoint) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(endpoint)
    first = int(endpoint.rpartition(":")[2]) - 3
    module._remove_sockets(range(first, first + 5))


def test_one_that_does_not_start_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weed = tmp_path / "weed"
    weed.write_text("#!/bin/sh\necho something is amiss >&2\nexit 1\n")
    weed.chmod(0o755)
    monkeypatch.setattr(module, "find_weed", lambda: weed)
    with pytest.raises(StoreError, match="something is amiss"), serve():
        pass


def test_without_seaweedfs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: os.devnull)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtraError, match=r"wds-imagenet\[demo\]"), serve():
        pass
