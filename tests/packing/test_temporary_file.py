"""A shard is built in a file that is locked while it grows, and that is removed whatever happens."""

import errno
import fcntl
import os
from pathlib import Path
from uuid import uuid4

import pytest

from wds_imagenet.errors import StoreError
from wds_imagenet.packing.publish import temporary_file as module
from wds_imagenet.packing.publish.temporary_file import temporary_file
from wds_imagenet.storage import open_store


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    return open_store(str(tmp_path / "out") if request.param == "local" else f"memory://{uuid4().hex}")


def test_the_file_is_removed_when_it_is_left(store):
    with temporary_file(store, "a.tar") as path:
        assert "a.tar" in path.name
        path.write_bytes(b"x")
    assert not path.exists()


def test_the_file_is_removed_when_building_fails(store):
    with pytest.raises(KeyError), temporary_file(store, "a.tar") as path:
        raise KeyError(path.write_bytes(b"x"))
    assert not path.exists()


def test_two_builders_of_one_shard_have_two_files(store):
    with temporary_file(store, "a.tar") as first, temporary_file(store, "a.tar") as second:
        assert first != second


def test_a_sweep_leaves_a_file_that_is_being_built(tmp_path):
    store = open_store(str(tmp_path / "out"))
    with temporary_file(store, "a.tar") as path:
        store.sweep()
        assert path.exists()
        with path.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("moment", ["before it is opened", "before it is locked"])
def test_a_file_that_a_sweep_removes_too_early_is_made_again(tmp_path, monkeypatch, moment):
    store = open_store(str(tmp_path / "out"))
    removed = []

    def remove(path):
        if not removed:
            removed.append(path)
            path.unlink(missing_ok=True)
            path.parent.rmdir()

    opened, locked = Path.open, fcntl.flock

    def open_late(path, *arguments):
        if moment == "before it is opened" and "a.tar" in path.name:
            remove(path)
        return opened(path, *arguments)

    def lock_late(stream, how):
        if moment == "before it is locked":
            remove(Path(stream.name))
        return locked(stream, how)

    monkeypatch.setattr(Path, "open", open_late)
    monkeypatch.setattr(fcntl, "flock", lock_late)
    with temporary_file(store, "a.tar") as path:
        assert removed == [path]
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_is_named_with_its_folder(store, code):
    with pytest.raises(StoreError) as caught, temporary_file(store, "a.tar"):
        raise OSError(code, os.strerror(code))
    folder = store.staging or module.tempfile.gettempdir()
    assert caught.value.__notes__ == [f"shards are built in {folder} before they are put"]
    assert f"{folder}/a.tar" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
