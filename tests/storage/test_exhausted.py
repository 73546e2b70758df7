"""A process that may open no further file, or start no further thread, gets one line that says so."""

import errno
import io
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wds_imagenet import pack
from wds_imagenet.demo.s3_server import S3Server
from wds_imagenet.errors import StoreError, WdsImagenetError
from wds_imagenet.storage import open_store
from wds_imagenet.storage.os_errors import lacks_files
from wds_imagenet.util.threads import map_ahead


def test_few_files_are_enough_or_the_error_names_the_limit(
    s3_server: S3Server, s3_url: str, tmp_path: Path
) -> None:
    for number in range(40):
        folder = tmp_path / "in" / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        file = io.BytesIO()
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(file, "PNG")
        (folder / f"{number}.png").write_bytes(file.getvalue())
    pack("imagefolder", str(tmp_path / "in"), dest=s3_url, workers=1, samples_per_shard=1)
    command = [sys.executable, "-m", "wds_imagenet", "verify", s3_url]
    environment = {**os.environ, **s3_server.environment()}
    codes = {}
    for limit in (20, 40, 256):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False,
            preexec_fn=lambda most=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
        )  # fmt: skip
        codes[limit] = done.returncode
        if done.returncode:
            assert done.stderr.count("\n") == 1, done.stderr
            assert "too many files are open: raise the limit with 'ulimit -n 4096'" in done.stderr
    assert codes[20] == 1
    assert codes[256] == 0


def test_pack_with_few_files_works_or_prints_one_line(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / "in" / f"c{number % 2}").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "in" / f"c{number % 2}" / f"{number}.png")
    codes = []
    for limit in (12, 15, 16, 17, 18, 64):
        out = tmp_path / f"out{limit}"
        command = [sys.executable, "-m", "wds_imagenet", "pack", "imagefolder", tmp_path / "in", out]
        done = subprocess.run(
            [*command, "--workers", "2", "--samples-per-shard", "2"],
            capture_output=True, text=True, check=False,
            preexec_fn=lambda most=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
        )  # fmt: skip
        codes.append(done.returncode)
        if done.returncode:
            assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
                f"listing {tmp_path / 'in'}",
                "error",
            ]
            assert "too many files are open: raise the limit" in done.stderr
    assert (codes[0], codes[-1]) == (1, 0)


def test_a_local_store_names_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"1")

    def fail(*_: object) -> int:
        raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(StoreError, match="too many files are open"):
        open_store(tmp_path).read("a")


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (OSError(errno.EMFILE, "x"), True),
        (OSError(errno.ENFILE, "x"), True),
        (Exception("dns error: Too many open files (os error 24)"), True),
        (Exception("os error 241"), False),
        (OSError(errno.EACCES, "x"), False),
        (None, False),
    ],
)
def test_the_cause_is_found_in_any_clients_exception(error: BaseException | None, *, lacks: bool) -> None:
    outer = ValueError("outer")
    outer.__cause__ = error
    assert lacks_files(outer) is lacks


def test_a_thread_that_cannot_start_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(WdsImagenetError, match=r"no further thread can be started.*ulimit -u"):
        list(map_ahead(str, [1, 2], threads=2, name="test"))
