"""Fixtures of several rooms: photographs, released lists, archives, and a real S3 server."""

import io
import signal
import tarfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from real_data import draw_once, find_real_data

from wds_imagenet.demo.s3_server import S3Server, serve
from wds_imagenet.errors import MissingExtraError

pytest_plugins = ["skip_report", "coverage_report", "audit_hook"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background, whose children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the real data, or of the drawn data that stand in for it.

    Tests of facts that drawn data do not have are marked `genuine`.
    """
    folder = find_real_data()
    if folder is not None:
        return folder
    cache = getattr(pytestconfig, "cache", None)
    try:
        return draw_once(tmp_path_factory.mktemp("stand-in") if cache is None else cache.mkdir("stand-in"))
    except LookupError as error:
        pytest.skip(f"no photographs: {error}")


@pytest.fixture(scope="session")
def photos(data_folder: Path) -> Path:
    """Return the folder of the data; `images` and its tests have photographs by this name."""
    return data_folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A SeaweedFS of this test process, with its endpoint and key."""
    try:
        with serve() as server:
            yield server
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture
def s3_url(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty prefix, and the environment that opens it without options."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    s3_server.make_bucket("tests")
    return f"s3://tests/{uuid4().hex}"


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
    """Return a context that fails if more than `most` bytes are allocated; references are not cached."""
    from wds_imagenet.inputs.spilled import references

    monkeypatch.setattr(references, "_MAX_CACHED", 0)
    monkeypatch.setattr(references, "_SORTED_RUN", 512)
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


@pytest.fixture(scope="session")
def ilsvrc(photos):
    """Return the folder with the genuine devkit."""
    return photos / "ilsvrc2012"


@pytest.fixture(scope="session")
def devkit_tar(ilsvrc):
    return ilsvrc / "ILSVRC2012_devkit_t12.tar.gz"
