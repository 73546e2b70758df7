"""A user's mistake raises an error soon, with the remedy and without a secret."""

import http.server
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wds_imagenet.demo.s3_server import S3Server
from wds_imagenet.errors import DeniedError, NotFoundError, StoreError, UnavailableError
from wds_imagenet.storage import Store, open_store

ENGINES = ["obstore", "fsspec"]
KEY, SECRET, TOKEN = "AKIACANARYCANARY", "canary/secret+canary", "canary-session-token"

CALLS = [
    lambda store: store.read("a"),
    lambda store: store.info("a"),
    lambda store: store.put("a", b"1"),
    lambda store: list(store.list_objects()),
    lambda store: store.delete("a"),
]


def failures(store: Store) -> Iterator[StoreError]:
    for call in CALLS:
        with pytest.raises(StoreError) as caught:
            call(store)  # type: ignore[no-untyped-call]
        yield caught.value


@pytest.mark.usefixtures("s3_url")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_bucket_that_is_not_there(engine: str) -> None:
    store = open_store("s3://no-such-bucket/x", {"engine": engine})
    with pytest.raises(NotFoundError, match="no such bucket; create it"):
        store.read("a")
    with pytest.raises(NotFoundError, match="no such bucket"):
        store.put("a", b"1")
    with pytest.raises(NotFoundError, match="no such bucket"):
        list(store.list_objects())
    for call in (store.info, store.delete):
        with pytest.raises(NotFoundError, match="no such bucket"):
            call("a")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wrong", [{"secret": SECRET}, {"key": KEY, "secret": SECRET}, {"anon": "true"}])
def test_wrong_credentials(s3_server: S3Server, s3_url: str, engine: str, wrong: dict[str, object]) -> None:
    if "secret" in wrong:
        wrong = {"key": s3_server.access_key, **wrong}
    for error in failures(open_store(s3_url, {"engine": engine, **wrong})):
        assert isinstance(error, DeniedError)
        assert "check that the credentials are right" in str(error)


@pytest.fixture
def no_credentials(s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A machine without credentials, whose instance metadata service never answers."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as hole:
        address = f"http://127.0.0.1:{hole.getsockname()[1]}"
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", address)
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", address)
        yield s3_url


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_credentials_fail_soon(no_credentials: str, engine: str) -> None:
    began = time.monotonic()
    with pytest.raises(DeniedError, match="no credentials were found; set AWS_ACCESS_KEY_ID"):
        open_store(no_credentials, {"engine": engine}).read("a")
    assert time.monotonic() - began < 8


def test_obstore_without_botocore_fails_too(no_credentials: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(DeniedError, match="no credentials were found; set AWS_ACCESS_KEY_ID"):
        open_store(no_credentials, {"engine": "obstore", "timeout": 1}).read("a")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_profile_is_used(
    s3_server: S3Server, no_credentials: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str
) -> None:
    file = tmp_path / "credentials"
    file.write_text(
        f"[local]\naws_access_key_id = {s3_server.access_key}\n"
        f"aws_secret_access_key = {s3_server.secret_key}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    open_store(no_credentials, {"engine": engine, "profile": "local"}).put("a", b"by option")
    monkeypatch.setenv("AWS_PROFILE", "local")
    assert open_store(no_credentials, {"engine": engine}).read("a").data == b"by option"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_unknown_profile_is_named(no_credentials: str, engine: str) -> None:
    with pytest.raises(StoreError, match="nobody"):
        open_store(no_credentials, {"engine": engine, "profile": "nobody"}).read("a")


class Gossip(http.server.BaseHTTPRequestHandler):
    """Answers a wrong signature as AWS does, with the complete signed text."""

    status, code = 403, "SignatureDoesNotMatch"

    def answer(self) -> None:
        told = f"<Error><Code>{self.code}</Code><Message>no: {KEY}</Message>"
        told += f"<AWSAccessKeyId>{KEY}</AWSAccessKeyId><StringToSign>{TOKEN} {SECRET}</StringToSign></Error>"
        self.send_response(self.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told.encode())
        self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 - names that http.server looks for

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def gossiping(status: int, code: str) -> Iterator[str]:
    handler = type("Handler", (Gossip,), {"status": status, "code": code})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("status", "code", "kind", "advice"),
    [
        (403, "SignatureDoesNotMatch", DeniedError, "check that the credentials are right"),
        (403, "RequestTimeTooSkewed", DeniedError, "clock"),
        (400, "ExpiredToken", DeniedError, "renew"),
        (400, "AuthorizationHeaderMalformed", DeniedError, "AWS_REGION"),
        (400, "EntityTooLarge", StoreError, "no: "),
        (503, "SlowDown", UnavailableError, "no: "),
    ],
)
def test_no_message_shows_a_secret(
    engine: str, status: int, code: str, kind: type[StoreError], advice: str
) -> None:
    with gossiping(status, code) as endpoint:
        secrets = {"key": KEY, "secret": SECRET, "token": TOKEN}
        store = open_store(
            "s3://bucket/x", {"engine": engine, "endpoint_url": endpoint, "retries": 0, **secrets}
        )
        with pytest.raises(kind, match=advice) as caught:
            store.read("a", 0, 5)
        told = "".join(traceback.format_exception(caught.value)) + repr(store) + store.url
        for error in failures(store):
            told += "".join(traceback.format_exception(error))
    assert not [secret for secret in (KEY, SECRET, TOKEN) if secret in told]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_option_precedes_the_environment(
    s3_server: S3Server, s3_url: str, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another key")
    key = {"key": s3_server.access_key, "secret": s3_server.secret_key}
    store = open_store(s3_url, {"engine": engine, "endpoint_url": s3_server.endpoint, "retries": 0, **key})
    store.put("a", b"1")
    assert store.read("a").data == b"1"
