"""Endpoint and region come from the AWS configuration in the order of botocore's documentation."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted_server import ScriptedServer, scripted_server

from wds_imagenet.errors import DeniedError, UsageError
from wds_imagenet.storage import open_store
from wds_imagenet.storage.credentials import find_credentials
from wds_imagenet.storage.store_options import parse_options

ENGINES = ["obstore", "fsspec"]
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.objects["/b/x/a"] = b"right"
        yield server


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes the configuration, of a machine with keys in its environment."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a" * 8)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b" * 8)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def write(text: str) -> None:
        (tmp_path / "config").write_text(text)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    return write


SERVICES = """[default]
region = eu-west-1
services = local
endpoint_url = {own}
[services local]
s3 =
  endpoint_url = {service}
dynamodb =
  endpoint_url = http://127.0.0.1:8
"""


@pytest.mark.parametrize("engine", ENGINES)
class TestTheOrder:
    def read(self, engine: str, **options: object) -> bytes:
        return open_store("s3://b/x", {"engine": engine, "retries": 0, **options}).read("a").data

    def test_the_services_section_precedes_the_profile(
        self, server: ScriptedServer, configure, engine: str
    ) -> None:
        configure(SERVICES.format(own=DEAD, service=server.url))
        assert self.read(engine) == b"right"

    def test_the_profile_has_an_endpoint_of_its_own(
        self, server: ScriptedServer, configure, engine: str
    ) -> None:
        configure(f"[default]\nregion = eu-west-1\nendpoint_url = {server.url}\n")
        assert self.read(engine) == b"right"

    def test_the_environment_precedes_both(
        self, server: ScriptedServer, configure, engine: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(SERVICES.format(own=DEAD, service=DEAD))
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        assert self.read(engine) == b"right"
        monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        assert self.read(engine) == b"right"

    def test_an_option_precedes_all(
        self, server: ScriptedServer, configure, engine: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(SERVICES.format(own=DEAD, service=DEAD))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", DEAD)
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        assert self.read(engine, endpoint_url=server.url) == b"right"

    def test_public_data_uses_the_endpoint_too(self, server: ScriptedServer, configure, engine: str) -> None:
        configure(SERVICES.format(own=DEAD, service=server.url))
        assert self.read(engine, anon="true") == b"right"
        assert "Authorization" not in server.asked[-1][2]


@pytest.mark.parametrize("where", ["environment", "configuration"])
def test_configured_endpoints_are_ignored_on_request(
    configure, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    ignore = "ignore_configured_endpoint_urls = true\n" if where == "configuration" else ""
    configure(f"[default]\n{ignore}endpoint_url = {DEAD}\n")
    if not ignore:
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert "endpoint" not in find_credentials({"access_key_id": "a"}, "s3://b").settings
    environ = {"AWS_ENDPOINT_URL": DEAD, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}
    assert "endpoint" not in parse_options("s3", {}, environ).config


def test_a_services_section_that_is_missing_is_named(configure) -> None:
    configure("[default]\nservices = nowhere\n")
    with pytest.raises(UsageError, match=r"no section \[services nowhere\]"):
        find_credentials({"access_key_id": "a"}, "s3://b")


def test_an_endpoint_of_the_configuration_without_a_scheme_is_rejected(configure) -> None:
    configure("[default]\nendpoint_url = minio:9000\n")
    with pytest.raises(UsageError, match="'minio:9000' is no URL"):
        find_credentials({"access_key_id": "a"}, "s3://b")


def test_a_key_needs_no_profile(configure, monkeypatch: pytest.MonkeyPatch) -> None:
    configure("")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert find_credentials({"access_key_id": "a"}, "s3://b").settings == {}


def test_credentials_of_a_session_come_with_their_token(configure, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"access_key_id": "a", "secret_access_key": "b", "session_token": "c"}
    configure("")
    provider = find_credentials(options, "s3://b").provider
    assert provider is not None
    assert provider() == {
        "access_key_id": "a", "secret_access_key": "b", "token": "c", "expires_at": None,
    }  # fmt: skip
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of the environment")
    found = find_credentials({}, "s3://b").provider
    assert found is not None
    renewed = found()
    assert (renewed["access_key_id"], renewed["token"]) == ("a" * 8, "of the environment")
    assert renewed["expires_at"] is not None


def test_a_configuration_that_cannot_be_parsed_is_an_error(configure) -> None:
    configure("[default\nregion")
    with pytest.raises(DeniedError, match="config"):
        find_credentials({}, "s3://b")


def test_without_botocore_a_key_is_enough(configure, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(f"[default]\nendpoint_url = {DEAD}\n")
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    assert find_credentials({"access_key_id": "a"}, "s3://b").settings == {}
    assert find_credentials({}, "s3://b").provider is None
