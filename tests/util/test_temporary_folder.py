"""A temporary folder goes with its process: at once, or with the next sweep if the process was killed."""

import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.util.temporary_folder import sweep_temporary_folders, temporary_folder

HOLD = """
from wds_imagenet.util.temporary_folder import temporary_folder
with temporary_folder() as folder:
    (folder / "half").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A temporary folder of the machine that no other test uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder():
    """A process that holds a temporary folder, and the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


@pytest.mark.parametrize("fails", [False, True])
def test_it_is_removed_at_the_end(machine, fails):
    with pytest.raises(ZeroDivisionError) if fails else nullcontext(), temporary_folder() as folder:
        (folder / "file").write_bytes(b"x")
        assert list(machine.iterdir()) == [folder]
        assert 1 // (not fails)
    assert list(machine.iterdir()) == []


def test_it_may_be_removed_before_its_end():
    with temporary_folder() as folder:
        folder.rmdir()


def test_a_sweep_keeps_the_folder_of_a_living_process_and_removes_that_of_a_killed_one(holder):
    process, folder = holder
    sweep_temporary_folders()
    assert (folder / "half").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert folder.exists()
    sweep_temporary_folders()
    assert not folder.exists()


def test_the_next_run_to_another_store_removes_what_a_killed_packer_left(holder, small_listing):
    process, folder = holder
    process.kill()
    process.wait()
    pack_listing(small_listing, "memory://temporary-folder", PackOptions("x"), workers=1)
    assert not folder.exists()


def test_a_sweep_removes_no_folder_of_another_name_and_follows_no_link(machine):
    precious = machine / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    (machine / "wds-imagenet-shard-link").symlink_to(precious)
    (machine / "wds-imagenet-shard-file").write_bytes(b"x")
    sweep_temporary_folders()
    assert len(list(machine.iterdir())) == 3
    assert (precious / "file").exists()


@pytest.fixture
def small_listing(tmp_path_factory):
    from PIL import Image

    from wds_imagenet.inputs.listing import Listing
    from wds_imagenet.inputs.reference import Reference

    path = tmp_path_factory.mktemp("pictures") / "a.png"
    Image.new("RGB", (8, 8)).save(path)
    return Listing([Reference("a", str(path), 0, path.stat().st_size, "a.png")], ())
