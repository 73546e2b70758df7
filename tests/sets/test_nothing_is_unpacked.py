"""Nested archives pass through: no file of theirs, and nothing of their size, is ever on disk."""

import os
import resource
import sys
import tempfile

import pytest

from wds_imagenet import Dataset, pack
from wds_imagenet.cli.commands import commands
from wds_imagenet.storage import open_store

OPENED: list[str] | None = None
SHARD = 96 << 10


def watch(event, arguments):
    if event == "open" and OPENED is not None:
        path, _, flags = arguments
        if isinstance(path, str) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            OPENED.append(path)


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """The paths that this process opens to write to; more than four shards' bytes fit in no file."""
    global OPENED  # noqa: PLW0603 - an audit hook cannot be taken away
    if OPENED is None:
        sys.addaudithook(watch)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "empty")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    OPENED = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * SHARD, limits[1]))
    yield OPENED
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    OPENED = []


@pytest.fixture
def archive(world, tmp_path):
    """Two inner tars, each larger than any file may become."""
    photos = world.photos * 2
    classes = [world.wnids[3], world.wnids[9]]
    images = {w: {f"{w}_{i}.JPEG": data for i, (_, data) in enumerate(photos)} for w in classes}
    inner = {f"{wnid}.tar": world.tar(files) for wnid, files in images.items()}
    assert min(map(len, inner.values())) > 4 * SHARD
    (tmp_path / "train.tar").write_bytes(world.tar(inner))
    (tmp_path / "train.tar.gz").write_bytes(world.gz(inner))
    (tmp_path / "list.txt").write_text("\n".join(world.wnids))
    return tmp_path, {name[:-5]: data for files in images.values() for name, data in files.items()}


@pytest.mark.parametrize("name", ["train.tar", "train.tar.gz"])
@pytest.mark.parametrize("source", ["imagenet", "imagenet21k"])
def test_nested_archives_are_never_unpacked(archive, opened, source, name, s3_url):
    folder, images = archive
    options = {"classes": str(folder / "list.txt"), "shard_bytes": SHARD, "window_bytes": SHARD}
    for dest in (str(folder / "out"), s3_url):
        pack(source, str(folder / name), dest=dest, workers=1, **options)
        assert {s.key: s.image for s in Dataset.open(dest).samples()} == images
    written = [path for path in opened if not path.startswith("/dev/")]
    assert written, "the hook has seen nothing"
    inside = (str(folder / "out"), str(folder / "temporary"))
    assert all(path.startswith(inside) for path in written)
    assert not any(path.lower().endswith((".jpeg", "train.tar")) for path in written)
    assert not any("/n0" in path for path in written)
    assert not list((folder / "empty").iterdir())
    assert not list((folder / "temporary").iterdir())


def test_the_command_packs_from_disk_to_s3_and_from_s3_to_disk(world, tmp_path, s3_url):
    images = {f"{wnid}_7": (wnid, data) for wnid, data in world.photos[:6]}
    files = {f"{wnid}.tar": world.tar({f"{key}.JPEG": data}) for key, (wnid, data) in images.items()}
    (tmp_path / "t.tar").write_bytes(world.tar(files))
    open_store(s3_url).put("in/t.tar", world.tar(files))
    (tmp_path / "list.txt").write_text("\n".join(world.wnids))
    common = ["--classes", str(tmp_path / "list.txt"), "--json"]
    for url, dest in (
        (str(tmp_path / "t.tar"), f"{s3_url}/out"),
        (f"{s3_url}/in/t.tar", str(tmp_path / "out")),
    ):
        commands.main(["pack", "imagenet", url, dest, *common, "--workers", "1"], standalone_mode=False)
        commands.main(["verify", dest, "--deep"], standalone_mode=False)
        expected = {key: (data, world.wnids.index(wnid)) for key, (wnid, data) in images.items()}
        assert {s.key: (s.image, s.label) for s in Dataset.open(dest).samples()} == expected
