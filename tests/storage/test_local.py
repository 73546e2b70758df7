"""The local disk: no half-written file, no leftover, and a clear error for each failure."""

import errno
import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from wds_imagenet.errors import (
    DeniedError,
    ExistsError,
    FullError,
    NotFoundError,
    StoreError,
)
from wds_imagenet.storage import local, open_store, os_errors

WRITER = """
import sys
from wds_imagenet.storage import open_store
store = open_store(sys.argv[1])
print("go", flush=True)
while True:
    for letter in (b"a", b"b"):
        store.put("object", letter * 4_000_000)
"""


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def file_size_limit() -> Iterator[int]:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
    yield 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {mount.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_killed_writer_leaves_one_version_and_files_that_sweep_removes(tmp_path: Path) -> None:
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05)
            writer.send_signal(signal.SIGKILL)
    store = open_store(tmp_path)
    assert [info.path for info in store.list_objects()] == ["object"]
    assert store.read("object").data in {letter * 4_000_000 for letter in (b"a", b"b")}
    store.sweep()
    assert everything(tmp_path) == ["object"]


def test_a_reader_beside_a_writer_sees_whole_versions(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        store = open_store(tmp_path)
        while not (tmp_path / "object").exists():
            time.sleep(0.01)
        seen = {bytes(set(store.read("object", 0, 4_000_000).data)) for _ in range(50)}
        writer.kill()
    assert seen <= {b"a", b"b"}


def test_sweep_keeps_the_files_of_living_processes(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert store.staging is not None
    store.staging.mkdir(parents=True)
    (store.staging / "dead").write_bytes(b"1")
    with (store.staging / "alive").open("wb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        store.sweep()
        assert [path.name for path in store.staging.iterdir()] == ["alive"]
    store.sweep()
    assert everything(tmp_path) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(
    small_disk: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = open_store(small_disk)
    store.put("before", b"1")
    big = tmp_path_factory.mktemp("elsewhere") / "big"
    big.write_bytes(bytes(500_000))
    with pytest.raises(FullError, match="no space left"):
        store.put("big", bytes(500_000))
    with pytest.raises(FullError, match="no space left"):
        store.put_file("big", big)
    assert everything(small_disk) == ["before"]


def test_a_file_size_limit_is_a_full_disk(tmp_path: Path, file_size_limit: int) -> None:
    store = open_store(tmp_path)
    store.put("fits", bytes(file_size_limit))
    with pytest.raises(FullError, match="big: file too large"):
        store.put("big", bytes(file_size_limit + 1))
    assert everything(tmp_path) == ["fits"]


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_store(tmp_path).put("a", b"1")
    assert everything(tmp_path) == []


def test_a_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"")
    store = open_store(tmp_path / "x.tar")
    for call in (store.info, store.read, lambda path: store.put(path, b"")):
        with pytest.raises(StoreError, match="a part of this path is a file") as caught:
            call("a")
        assert not isinstance(caught.value, NotFoundError)
    with pytest.raises(StoreError, match="a part of this path is a file"):
        list(store.list_objects())


def test_a_folder_without_write_permission_is_denied() -> None:
    with pytest.raises(DeniedError, match="check that you may"):
        open_store("/sys").put("wds-imagenet", b"1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_denied(tmp_path: Path) -> None:
    (tmp_path / "a").touch(0)
    with pytest.raises(DeniedError):
        open_store(tmp_path).read("a")


def test_a_put_over_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder" / "a").mkdir(parents=True)
    with pytest.raises(StoreError):
        open_store(tmp_path).put("folder", b"1")
    assert everything(tmp_path) == []


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    usual = os.umask(0o027)
    try:
        open_store(tmp_path).put("a", b"1")
    finally:
        os.umask(usual)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_staged_file_is_renamed_and_others_are_copied(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    assert store.staging is not None
    store.staging.mkdir(parents=True)
    staged, other = store.staging / "shard", tmp_path / "other"
    for file in (staged, other):
        file.write_bytes(b"1")
    inode = staged.stat().st_ino
    store.put_file("a/b", staged)
    store.put_file("a/c", other)
    assert not staged.exists()
    assert (tmp_path / "store/a/b").stat().st_ino == inode
    assert other.read_bytes() == store.read("a/c").data


def test_links_are_followed_and_loops_have_a_fault(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_bytes(b"1")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "link").symlink_to(tmp_path / "elsewhere")
    store = open_store(tmp_path / "store")
    assert [info.path for info in store.list_objects()] == ["link/a"]
    assert store.read("link/a").data == b"1"
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "self").symlink_to(tmp_path / "store" / "self")
    assert [(info.path, (info.fault or "")[:21]) for info in store.list_objects()] == [
        ("link/a", ""),
        ("link/loop", "is a symbolic link to"),
        ("self", "is a symbolic link to"),
    ]


def test_a_broken_link_is_named_with_its_target(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "gone.jpg").symlink_to("/nowhere/at/all.jpg")
    (info,) = open_store(tmp_path).list_objects()
    assert (info.path, info.size) == ("sub/gone.jpg", 0)
    assert info.fault == "is a symbolic link to /nowhere/at/all.jpg, which does not exist; remove it"


def test_what_is_no_file_has_a_fault_and_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    (tmp_path / "zero").symlink_to("/dev/zero")
    store = open_store(tmp_path)
    assert {info.path: info.fault for info in store.list_objects()} == {
        "fifo": "is a FIFO, not a file; remove it",
        "socket": "is a socket, not a file; remove it",
        "zero": "is a device, not a file; remove it",
    }
    for name in ("fifo", "socket"):
        with pytest.raises(NotFoundError, match="not a file"):
            store.read(name)


def test_a_subfolder_that_may_not_be_read_is_named() -> None:
    nobody = 65534
    with TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        (Path(root) / "sub").mkdir(mode=0)
        if os.geteuid() == 0:
            os.seteuid(nobody)
        try:
            with pytest.raises(DeniedError, match=r"/sub: permission denied"):
                list(open_store(root).list_objects())
        finally:
            os.seteuid(os.getuid())


def test_without_hard_links_create_keeps_an_existing_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", unsupported)
    store = open_store(tmp_path)
    store.put("a", b"1", create=True)
    with pytest.raises(ExistsError):
        store.put("a", b"2", create=True)
    assert store.read("a").data == b"1"
    assert everything(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, FullError),
        (errno.EDQUOT, FullError),
        (errno.EROFS, DeniedError),
        (errno.EACCES, DeniedError),
        (errno.ENOENT, NotFoundError),
        (errno.EIO, StoreError),
        (errno.ESTALE, StoreError),
    ],
)
def test_each_error_of_the_system_raises_its_error(number: int, kind: type[StoreError]) -> None:
    error = os_errors.error_from_os(OSError(number, os.strerror(number)), Path("/disk/a"))
    assert type(error) is kind
    assert str(error).startswith("/disk/a: ")


@pytest.mark.timeout(20)
def test_a_fifo_is_rejected_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(StoreError, match="FIFO"):
        open_store(str(tmp_path)).read("pipe.jpg")


def test_a_put_survives_a_sweep_before_its_temporary_file_is_locked(tmp_path, monkeypatch):
    store, flock, swept = local.LocalStore(tmp_path), fcntl.flock, []

    def sweep_first(file, how):
        if not swept:
            swept.append(how)
            local.LocalStore(tmp_path).sweep()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    store.put("a", b"1")
    assert (store.read("a").data, [path.name for path in tmp_path.iterdir()]) == (b"1", ["a"])


def test_a_folder_in_the_place_of_a_file_is_named_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "README.md").mkdir()
    with pytest.raises(NotFoundError, match=r"README\.md: is a folder where a file must be"):
        open_store(tmp_path).read("README.md")
