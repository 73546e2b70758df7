"""What tests of several rooms share: the real photos, and a real S3 server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from wds_imagenet.demo.server import Server, serve
from wds_imagenet.errors import MissingExtraError

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background, whose children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of the real data: `../shared/data`, or `$WDS_IMAGENET_DATA`."""
    folder = Path(os.environ.get("WDS_IMAGENET_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real photos are not at {folder}; set WDS_IMAGENET_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    """A SeaweedFS of this test process, with its endpoint and key."""
    try:
        with serve() as server:
            yield server
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture
def s3_url(s3_server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty prefix, and the environment that opens it without options."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    s3_server.make_bucket("tests")
    return f"s3://tests/{uuid4().hex}"
