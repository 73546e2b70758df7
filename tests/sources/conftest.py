"""The real photos and devkit, and released layouts built from them."""

import io
import tarfile
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def devkit(photos):
    return str(photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz")


@pytest.fixture(scope="session")
def wnids(photos):
    """Return the thousand WNIDs by label."""
    return (photos / "ilsvrc2012" / "imagenet_synsets.txt").read_text().split()


@pytest.fixture(scope="session")
def train_images(photos):
    """Return the 1000 photos, one a class, by names such as those that were released."""
    paths = sorted((photos / "imagenet-sample").glob("*.JPEG"))
    return {f"{path.name[:9]}_{10026 + i}.JPEG": path.read_bytes() for i, path in enumerate(paths)}


def add(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="session")
def make_tar():
    """Return a function that makes a tar archive of contents by name, as bytes."""

    def make(files, form=tarfile.PAX_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for name, content in files.items():
                add(archive, name, content)
        return out.getvalue()

    return make


@pytest.fixture
def make_tree(tmp_path):
    """Return a function that writes contents by path below a new folder, and returns the folder."""

    def make(files, name="tree"):
        for path, content in files.items():
            full = tmp_path / name / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(tmp_path / name)

    return make


@pytest.fixture(scope="session")
def read_back():
    """Return a function that reads the bytes of a reference, as a packer would, but with open()."""

    def read(reference):
        with Path(reference.url).open("rb") as file:
            file.seek(reference.offset)
            return file.read(reference.size)

    return read


@pytest.fixture
def little_memory(monkeypatch):
    """Return a context that fails where more memory is taken than asked; spools hold little in it."""
    from wds_imagenet.inputs.spilled import references

    monkeypatch.setattr(references, "_HELD", 0)
    monkeypatch.setattr(references, "_RUN", 512)
    monkeypatch.setattr(references, "_CHUNK", 16)

    @contextmanager
    def watch(most):
        tracemalloc.start()
        try:
            yield
            assert tracemalloc.get_traced_memory()[1] < most
        finally:
            tracemalloc.stop()

    return watch
