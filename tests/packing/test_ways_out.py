"""Packing that is killed, interrupted, out of disk or run elsewhere ends with the same bytes."""

import errno
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from wds_imagenet import Dataset
from wds_imagenet.errors import FullError, ManifestError
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.findings.blocks import verify_blocks
from wds_imagenet.storage import open_store

Run = tuple[int, str, dict[str, str]]
HashFiles = Callable[[Path], dict[str, str]]
OPTIONS: dict[str, Any] = {
    "name": "photos",
    "samples_per_shard": 20,
    "block_bytes": 300_000,
}
"""The options of `packer.py`."""
MANIFEST = ".wds-imagenet/manifest.json"
TEMPORARY = re.compile(r"/staging/|-tmp$")


class Packers:
    """Starts packers and returns their exit codes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def start(self, source: Path, dest: Path | str, workers: int) -> int:
        assert self._process.stdin
        self._process.stdin.write(f"{source} {dest} {workers}\n")
        self._process.stdin.flush()
        return self._answer()

    def exit_code(self) -> int:
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


@contextmanager
def packers(*arguments: str, **environment: str) -> Iterator[Packers]:
    program = [sys.executable, str(Path(__file__).with_name("packer.py")), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        program, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=os.environ | environment
    ) as process:
        yield Packers(process)


def group_members(leader: int) -> list[int]:
    """Return the processes that the packer began, itself included, which still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = stat.read_text().rpartition(") ")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(group) == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until_gone(leader: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while group_members(leader):
        assert time.monotonic() < deadline, f"{group_members(leader)} still run"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def source(photo_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 real photos in three class folders."""
    folder = tmp_path_factory.mktemp("source")
    for i, photo in enumerate(photo_files[:120]):
        (folder / "abc"[i % 3]).mkdir(exist_ok=True)
        shutil.copyfile(photo, folder / "abc"[i % 3] / photo.name)
    return folder


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory, hash_files: HashFiles) -> dict[str, str]:
    """Every file of an undisturbed run."""
    dest = tmp_path_factory.mktemp("undisturbed")
    pack("imagefolder", str(source), dest=str(dest), workers=1, **OPTIONS)
    return hash_files(dest)


@pytest.mark.parametrize(
    "run",
    [
        (1, "000", {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1", "LC_ALL": "C"}),
        (2, "027", {"TZ": "America/Lima", "PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8"}),
        (4, "022", {"TZ": "UTC", "PYTHONHASHSEED": "3", "OPENBLAS_NUM_THREADS": "1"}),
    ],
)
def test_the_bytes_are_the_same_everywhere(
    source: Path, expected: dict[str, str], tmp_path: Path, hash_files: HashFiles, run: Run
) -> None:
    workers, umask, environment = run
    with packers(umask, **environment) as found:
        found.start(source, tmp_path, workers)
        assert found.exit_code() == 0
    assert hash_files(tmp_path) == expected


def test_a_packer_killed_at_any_moment_is_finished_by_the_next(
    source: Path, expected: dict[str, str], tmp_path: Path, hash_files: HashFiles
) -> None:
    draw = random.Random(1)
    unfinished = 0
    with packers() as found:
        for trial in range(20):
            dest = tmp_path / str(trial)
            with watched(str(dest)) as seen:
                packer = found.start(source, dest, workers=1 + trial % 2)
                wait_for_files(dest, draw.randrange(len(expected)), packer)
                time.sleep(draw.uniform(0, 0.01))
                kill(packer, trial)
                found.exit_code()
                wait_until_gone(packer, 5)
                held = hash_files(dest)
                visible = {path: digest for path, digest in held.items() if not TEMPORARY.search(path)}
                assert visible.items() <= expected.items()
                assert MANIFEST not in held or visible == expected
                unfinished += MANIFEST not in held
                pack("imagefolder", str(source), dest=str(dest), workers=1, **OPTIONS)
                assert hash_files(dest) == expected
            check_seen(seen)
            shutil.rmtree(dest)
    assert unfinished >= 10


def kill(packer: int, trial: int) -> None:
    with suppress(ProcessLookupError):  # it was quicker
        (os.killpg if trial % 4 < 2 else os.kill)(packer, signal.SIGKILL)


def test_no_reader_of_an_object_store_sees_what_a_killed_packer_left(small_folder: Path, s3_url: str) -> None:
    draw = random.Random(2)
    unfinished = 0
    with packers() as found:
        for name in ("cold", "whole"):  # the server's first data set takes longest
            began = time.monotonic()
            found.start(small_folder, f"{s3_url}/{name}", workers=1)
            assert found.exit_code() == 0
            whole = time.monotonic() - began
        manifest = open_store(f"{s3_url}/whole").read(MANIFEST).data
        for trial in range(20):
            dest = f"{s3_url}/{trial}"
            with watched(dest) as seen:
                packer = found.start(small_folder, dest, workers=1 + (trial % 5 == 0))
                time.sleep(draw.uniform(0, whole))
                kill(packer, trial)
                found.exit_code()
                wait_until_gone(packer, 5)
                unfinished += not list(open_store(dest).list_objects(MANIFEST))
                pack("imagefolder", str(small_folder), dest=dest, workers=1, **OPTIONS)
                assert open_store(dest).read(MANIFEST).data == manifest
            check_seen(seen)
    assert unfinished >= 5


@contextmanager
def watched(url: str) -> Iterator[list[str]]:
    """Read a data set repeatedly until the end of the block, and collect the results."""
    seen: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005) and "all" not in seen:  # once it is there, the end will tell
            seen.append(look(url))
        seen.append(look(url))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield seen
        finally:
            ended.set()
        watching.result()


def look(url: str) -> str:
    try:
        dataset = Dataset.open(url)
    except ManifestError as error:
        return "nothing" if "is no data set" in str(error) else repr(error)
    findings = [str(finding) for checked in verify_blocks(dataset, threads=1) for finding in checked.findings]
    keys = list(dataset.keys())
    whole = len(keys) == len(dataset) in {60, 120} and dataset[keys[-1]].image[:2] == b"\xff\xd8"
    return "all" if whole and not findings else f"{len(keys)} keys, {findings}"


def check_seen(seen: list[str]) -> None:
    """Check that a reader saw no data set, and from some moment on the whole."""
    assert seen == sorted(seen, reverse=True)
    assert set(seen) <= {"nothing", "all"}
    assert seen[-1] == "all"


def wait_for_files(folder: Path, count: int, packer: int) -> None:
    # Not rglob, which fails where a folder goes while it looks.
    while sum(len(names) for *_, names in os.walk(folder)) < count and group_members(packer):
        time.sleep(0.001)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("everyone", [False, True], ids=["packer", "group"])
def test_an_interrupted_packer_cleans_up_and_is_gone_in_seconds(
    source: Path, tmp_path: Path, number: signal.Signals, *, everyone: bool
) -> None:
    with packers() as found:
        for workers in (1, 2):
            dest = tmp_path / str(workers)
            packer = found.start(source, dest, workers)
            while not list(dest.glob(".wds-imagenet/staging/*")):
                time.sleep(0.002)
            (os.killpg if everyone else os.kill)(packer, number)
            began = time.monotonic()
            assert found.exit_code() != 0
            wait_until_gone(packer, 5)
            assert time.monotonic() - began < 5
            assert not (dest / MANIFEST).exists()
            assert list((dest / ".wds-imagenet").glob("staging/*")) == []


def test_a_killed_worker_leaves_no_file(source: Path, tmp_path: Path) -> None:
    with packers() as found:
        packer = found.start(source, tmp_path, 2)
        while not (workers := [one for one in group_members(packer) if builds_a_shard(one)]):
            time.sleep(0.002)
        os.kill(workers[0], signal.SIGKILL)
        assert found.exit_code() == 1
        wait_until_gone(packer, 5)
    assert not (tmp_path / MANIFEST).exists()
    assert list((tmp_path / ".wds-imagenet").glob("staging/*")) == []


def builds_a_shard(process: int) -> bool:
    with suppress(FileNotFoundError):
        return any("/staging/" in str(file.readlink()) for file in Path(f"/proc/{process}/fd").iterdir())
    return False


def test_a_script_without_main_guard_packs_once(small_folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"source, dest = {str(small_folder)!r}, {str(tmp_path / 'packed')!r}\n"
        "from wds_imagenet.packing.api import pack\n"
        "print(pack('imagefolder', source, dest=dest, samples_per_shard=9, workers=2).shards)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("7\n", "")


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file may grow larger in this process: as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("where", ["local", "memory"])
def test_a_full_disk_is_an_error_and_the_next_run_continues(
    source: Path, expected: dict[str, str], tmp_path: Path, hash_files: HashFiles, where: str
) -> None:
    dest = str(tmp_path / "dest") if where == "local" else f"memory://{tmp_path.name}"
    with file_size_limit(250_000), pytest.raises(FullError, match="make room") as caught:
        pack("imagefolder", str(source), dest=dest, workers=1, **OPTIONS)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EFBIG
    assert "photos-train-000000.tar" in str(caught.value)
    report = pack("imagefolder", str(source), dest=dest, workers=1, **OPTIONS)
    assert report.samples == 120
    if where == "local":
        assert hash_files(tmp_path / "dest") == expected
