"""Archives are streamed: neither their files nor anything of their size is ever written to disk."""

import io
import os
import resource
import subprocess
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
    """The paths that this process opens to write to."""
    global OPENED  # noqa: PLW0603 - an audit hook cannot be taken away
    if OPENED is None:
        sys.addaudithook(watch)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "empty")
    OPENED = []
    yield OPENED
    OPENED = []


@pytest.fixture
def small_files(archive):  # noqa: ARG001 - written before
    """No file becomes larger than four shards; but the archive, which is there."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * SHARD, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


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


@pytest.mark.usefixtures("small_files")
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


SMALL = 128 << 10


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """The temporary folder is a file system in which no image has room."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"a file system of its own cannot be mounted here: {error}")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield str(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def large(world):
    """A dozen photos by WNID, each larger than that file system; all lists know their classes."""
    listed = {*world.lines("imagenet-21k/imagenet21k_miil_w21_synsets.txt")}
    files = sorted((world.folder / "imagenet-sample").iterdir())
    files = [f for f in files if f.name[:9] in listed and f.stat().st_size > SMALL][:12]
    return {file.name[:9]: file.read_bytes() for file in files}


def imagenet_v2(_, large):
    folder = "imagenetv2-top-images-format-val"
    images = {f"{n:040x}": data for n, data in enumerate(large.values())}
    return {"x.tar": {f"{folder}/{int(key, 16)}/{key}.jpeg": d for key, d in images.items()}}, images, {}


def imagenet21k_p(world, large):
    folder, images = "imagenet21k_resized/imagenet21k_train", {f"{wnid}_1": d for wnid, d in large.items()}
    listed = world.read("imagenet-21k/imagenet21k_miil_w21_synsets.txt")
    files = {"x.tar": {f"{folder}/{key[:9]}/{key}.JPEG": d for key, d in images.items()}, "list": listed}
    return files, images, {"release": "winter21", "split": "train", "classes": "@list"}


def open_images(_, large):
    images = {f"{n:016x}": data for n, data in enumerate(large.values())}
    tars = {f"t/train_{n}.tar": {f"train_{n}/{k}.jpg": images[k] for k in [*images][n::2]} for n in (0, 1)}
    rows = "".join(f"{key},machine,/m/0,0.5\n" for key in images)
    files = {**tars, "labels.csv": f"ImageID,Source,LabelName,Confidence\n{rows}".encode()}
    return files, images, {"inputs": "t", "image_labels": "@labels.csv"}


def webdataset(_, large):
    images = {f"{n:06d}": data for n, data in enumerate(large.values())}
    members = {f"{key}.{of}": d for key, data in images.items() for of, d in (("cls", b"3"), ("jpg", data))}
    return {"x.tar": members}, images, {}


def imagefolder(_, large):
    images = {f"{wnid}_1": data for wnid, data in large.items()}
    return {"x.tar": {f"{key[:9]}/{key}.JPEG": data for key, data in images.items()}}, images, {}


def imagenet(world, large):
    """The nested train tar with ILSVRC's archive of boxes, which has no room either."""
    images = {f"{wnid}_1": data for wnid, data in large.items()}
    xml = "<annotation><size><width>9</width><height>9</height></size></annotation>".ljust(SMALL // 6)
    files = {
        "x.tar": {f"{key[:9]}.tar": {f"{key}.JPEG": data} for key, data in images.items()},
        "boxes.tgz": {f"{key[:9]}/{key}.xml": xml.encode() for key in images},
        "list": world.read("ilsvrc2012/imagenet_synsets.txt"),
    }
    return files, images, {"classes": "@list", "labels": {"boxes": "@boxes.tgz"}}


def relabel(world, large):
    """The same with the tar of ReLabel's maps."""
    torch = pytest.importorskip("torch")
    out = io.BytesIO()
    torch.save(torch.arange(5).half()[None, :, None, None].expand(2, 5, 15, 15).clone(), out)
    files, images, options = imagenet(world, large)
    maps = {f"relabel_imagenet/{key[:9]}/{key}.pt": out.getvalue() for key in images}
    maps |= {f"relabel_imagenet/n00000001/n00000001_{n}.pt": out.getvalue() for n in range(SMALL // 10_000)}
    return {**files, "maps": world.tar(maps)}, images, {**options, "labels": {"relabel": "@maps"}}


RELEASES = [imagenet_v2, imagenet21k_p, open_images, webdataset, imagenet, relabel]
CASES = [(release, form) for release in RELEASES for form in ("plain", "gzipped")]
SOURCES = {"imagenet_v2": "imagenet-v2", "imagenet21k_p": "imagenet21k-p", "open_images": "open-images"}


@pytest.mark.parametrize(("release", "form"), [*CASES, (imagefolder, "plain")])
def test_no_archive_is_unpacked_whatever_its_source(  # noqa: PLR0917 - pytest's
    world, large, opened, small_disk, tmp_path, release, form
):
    files, images, options = release(world, large)
    at = f"{tmp_path}/in/"
    for name, content in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(archived(world, content, form))
    opened.clear()
    labels = {name: at + file[1:] for name, file in options.pop("labels", {}).items()}
    inputs = at + options.pop("inputs", "x.tar")
    options = {n: at + v[1:] if v[:1] == "@" else v for n, v in options.items()}
    source = SOURCES.get(release.__name__, "imagenet" if release is relabel else release.__name__)
    pack(source, inputs, dest=f"{tmp_path}/out", workers=1, labels=labels, samples_per_shard=4, **options)
    assert {s.key: s.image for s in Dataset.open(f"{tmp_path}/out").samples()} == images
    written = [path for path in opened if not path.startswith("/dev/")]
    assert written, "the hook has seen nothing"
    assert all(path.startswith((f"{tmp_path}/out", small_disk)) for path in written)
    assert not any(path.lower().endswith((".jpeg", ".jpg", ".pt", ".xml", "x.tar")) for path in written)


def archived(world, content, form):
    """Return bytes unchanged, and a mapping as an archive; a mapping within becomes an archive within."""
    if isinstance(content, bytes):
        return content
    inside = {n: world.tar(data) if isinstance(data, dict) else data for n, data in content.items()}
    return world.gz(inside) if form == "gzipped" else world.tar(inside)


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
