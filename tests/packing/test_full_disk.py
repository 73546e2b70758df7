"""A full disk is an error of one line, publishes nothing half-written, and the next run resumes."""

import errno
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wds_imagenet import Dataset
from wds_imagenet.cli.commands import exit_code
from wds_imagenet.errors import FullError
from wds_imagenet.indexing.shard_entries import index_shards
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.findings.blocks import verify_blocks
from wds_imagenet.storage import open_store

OPTIONS: dict[str, Any] = {"name": "small", "samples_per_shard": 20, "workers": 1}
MANIFEST = ".wds-imagenet/manifest.json"
Resize = Callable[[str], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Resize]]:
    """A file system of 64 KiB, and the way to give it another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"a file system of its own cannot be mounted here: {error}")

    def resize(size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

    try:
        yield folder, resize
    finally:
        # Lazily: the error that a test caught still holds a listing, whose nameless file lies there.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def check_whole(url: str) -> None:
    dataset = Dataset.open(url)
    assert len(dataset) == 60
    assert [finding for checked in verify_blocks(dataset) for finding in checked.findings] == []


def check_full(error: FullError) -> None:
    assert isinstance(error.__cause__, OSError)
    assert error.__cause__.errno == errno.ENOSPC
    assert "make room and start again" in str(error)
    assert exit_code(error) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_destination_without_room(
    small_folder: Path, small_disk: tuple[Path, Resize], workers: int
) -> None:
    disk, resize = small_disk
    dest = str(disk / "dest")
    with pytest.raises(FullError, match="small-train-00000") as caught:
        pack("imagefolder", str(small_folder), dest=dest, **{**OPTIONS, "workers": workers})
    assert workers > 1 or check_full(caught.value) is None
    staged = list((disk / "dest" / ".wds-imagenet" / "staging").glob("*"))
    assert staged == []
    assert not (disk / "dest" / MANIFEST).exists()
    resize("4m")
    pack("imagefolder", str(small_folder), dest=dest, **OPTIONS)
    check_whole(dest)


def test_a_temporary_folder_without_room_for_what_goes_to_an_object_store(
    small_folder: Path, small_disk: tuple[Path, Resize], s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, resize = small_disk
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    with pytest.raises(FullError, match=r"small-train-000000\.tar") as caught:
        pack("imagefolder", str(small_folder), dest=s3_url, **{**OPTIONS, "samples_per_shard": 60})
    check_full(caught.value)
    assert f"shards are built in {disk}" in " ".join(caught.value.__notes__)
    assert list(disk.iterdir()) == []
    assert not list(open_store(s3_url).list_objects())
    resize("4m")
    pack("imagefolder", str(small_folder), dest=s3_url, **{**OPTIONS, "samples_per_shard": 60})
    check_whole(s3_url)
    assert list(disk.iterdir()) == []


def test_a_temporary_folder_without_room_to_index(
    small_folder: Path, small_disk: tuple[Path, Resize], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, resize = small_disk
    pack(
        "imagefolder",
        str(small_folder),
        dest=str(tmp_path / "packed"),
        **{**OPTIONS, "samples_per_shard": 60},
    )
    shutil.rmtree(tmp_path / "packed" / ".wds-imagenet")
    store = open_store(tmp_path / "packed")
    names = [info.path for info in store.list_objects() if info.path.endswith(".tar")]
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    with pytest.raises(FullError) as caught:
        index_shards(store, names, name="small", split="train")
    check_full(caught.value)
    assert str(disk) in str(caught.value)
    assert "small-train-000000.tar" in " ".join(caught.value.__notes__)
    assert not (tmp_path / "packed" / MANIFEST).exists()
    resize("4m")
    manifest, _ = index_shards(store, names, name="small", split="train")
    assert manifest.samples == 60


def test_the_command_ends_with_1_and_one_line(small_folder: Path, small_disk: tuple[Path, Resize]) -> None:
    disk, _ = small_disk
    command = [
        sys.executable,
        "-m",
        "wds_imagenet",
        "pack",
        "imagefolder",
        str(small_folder),
        str(disk / "dest"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    *_, line = result.stderr.splitlines()
    assert line.startswith(f"error: {disk}/dest/")
    assert "no space left on device; make room and start again" in line
    assert "Traceback" not in result.stderr
