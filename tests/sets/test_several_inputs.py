"""Data sets that come in several files: packed as one."""

import subprocess
import sys

import pytest

from wds_imagenet import Dataset, pack
from wds_imagenet.errors import SourceError, UsageError


@pytest.fixture
def parts(world, tmp_path):
    """Three tars of two photos each, their class list, and their contents."""
    images = {f"{wnid}_{i}": (wnid, data) for i, (wnid, data) in enumerate(world.photos[:6])}
    for part in range(3):
        keys = list(images)[part::3]
        (tmp_path / f"{part}.tar").write_bytes(world.tar({f"{key}.JPEG": images[key][1] for key in keys}))
    (tmp_path / "list.txt").write_text("\n".join(world.wnids))
    return tmp_path, {key: (data, world.wnids.index(wnid)) for key, (wnid, data) in images.items()}


def run(*arguments):
    command = [sys.executable, "-m", "wds_imagenet", "pack", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_takes_several_archives(parts):
    folder, images = parts
    done = run(
        "imagenet", *(folder / f"{i}.tar" for i in range(3)), folder / "out", "--classes", folder / "list.txt"
    )
    assert done.returncode == 0, done.stderr
    assert {s.key: (s.image, s.label) for s in Dataset.open(f"{folder}/out").samples()} == images


def test_the_order_of_the_archives_changes_nothing(parts):
    folder, _ = parts
    plans = {
        pack(
            "imagenet", *(f"{folder}/{i}.tar" for i in order), dest=f"{folder}/{order}",
            name="x", workers=1, classes=f"{folder}/list.txt",
        ).plan
        for order in ("012", "201")
    }  # fmt: skip
    assert len(plans) == 1


def test_one_image_in_two_of_them_is_an_error(parts):
    folder, _ = parts
    (folder / "3.tar").write_bytes((folder / "0.tar").read_bytes())
    with pytest.raises(SourceError, match=r"0\.tar: .* and .*3\.tar: .* have the same key"):
        pack(
            "imagenet",
            f"{folder}/0.tar",
            f"{folder}/3.tar",
            dest=f"{folder}/out",
            classes=f"{folder}/list.txt",
        )


def test_a_gzipped_one_among_plain_ones_is_refused(parts, world):
    folder, _ = parts
    (folder / "1.tar").write_bytes(world.gz({"n01440764_1.JPEG": world.photos[0][1]}))
    with pytest.raises(SourceError, match=r"of .*0\.tar and .*1\.tar one is compressed and one is not"):
        pack(
            "imagenet",
            f"{folder}/0.tar",
            f"{folder}/1.tar",
            dest=f"{folder}/out",
            classes=f"{folder}/list.txt",
        )


def test_sources_of_one_input_refuse_more_and_all_refuse_none(parts):
    folder, _ = parts
    with pytest.raises(UsageError, match="the source imagefolder takes one input, not 2"):
        pack("imagefolder", "a", "b", dest=f"{folder}/out")
    with pytest.raises(UsageError, match="not 0"):
        pack("imagenet", dest=f"{folder}/out")
    assert run("imagefolder", "a", "b", folder / "out").returncode == 2
    assert run("imagenet", folder / "out").returncode == 2
