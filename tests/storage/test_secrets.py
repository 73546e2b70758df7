"""Credentials of the environment, and replies of servers that give credentials, are in no error."""

import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted_server import Reply, ScriptedServer, scripted_server

from wds_imagenet.cli.commands import print_traceback
from wds_imagenet.errors import DeniedError, StoreError
from wds_imagenet.storage import open_store
from wds_imagenet.storage.secrets import environment_secrets

SECRET = "canaryCANARY0123"
DEAD = "http://127.0.0.1:9"
ENGINES = ["obstore", "fsspec"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def failure(url: str, **options: object) -> str:
    """Return Python's own traceback of a failed read."""
    with pytest.raises(StoreError) as caught:
        open_store(url, {"retries": 0, **options}).read("a")
    return "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_reply_of_a_credentials_server_is_not_shown(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    server.always = Reply(403, f"GET /c?k=q{SECRET} {SECRET}".encode())
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/c?k=q{SECRET}")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", SECRET)
    shown = failure("s3://b/x", engine=engine)
    assert SECRET in str(server.asked)
    assert SECRET not in shown
    assert "GET /c" not in shown
    assert "no credentials were had from 'container-role': status 403" in shown


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("code", [0, 3])
def test_the_output_of_a_credential_process_is_not_shown(tmp_path: Path, engine: str, code: int) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys\nprint('{SECRET}')\nprint('{SECRET}', file=sys.stderr)\nsys.exit({code})\n"
    )
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    shown = failure("s3://b/x", engine=engine, timeout=20 + code)  # fsspec keeps one client for equal options
    assert SECRET not in shown
    if code:
        assert "the program of credential_process failed" in shown
    elif engine == "obstore":
        assert "the program's output, cannot be read" in shown


@pytest.mark.parametrize("name", ["GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"])
def test_a_key_in_place_of_its_file_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv(name, json.dumps({"private_key": f"-----BEGIN\n{SECRET}", "x": [f"more {SECRET}"]}))
    assert SECRET not in failure("gs://b/x")
    error = DeniedError(f"cannot open {SECRET} more {SECRET} -----BEGIN\\n{SECRET}")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", SECRET)
    print_traceback(type(error), error)
    assert SECRET not in capsys.readouterr().err


def test_keys_and_tokens_of_the_environment_are_secret_and_paths_are_not():
    text = '{"type": "service_account", "private_key": "line\\nmore"}'
    environ = {
        "AWS_SECRET_ACCESS_KEY": "/ab/cd.json",
        "AWS_SESSION_TOKEN": "token1",
        "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=2",
        "AZURE_CLIENT_SECRET": "secret",
        "HF_TOKEN": "hf_123456",
        "GOOGLE_APPLICATION_CREDENTIALS": text,
        "GOOGLE_SERVICE_ACCOUNT": "/home/me/key.json",
        "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
        "AWS_REGION": "us-east-1",
        "AWS_PROFILE": "default",
        "AWS_ENDPOINT_URL": "http://host:1",
        "AZURE_STORAGE_ENDPOINT": "https://host:1",
        "AZURE_ENDPOINT": "sig=123",
        "SECRET_SANTA": "nobody",
    }
    assert environment_secrets(environ) == {
        *("/ab/cd.json", "token1", "sv=1&sig=2", "secret", "hf_123456", "sig=123"),
        *(text, json.dumps(text)[1:-1], "line\nmore", "line\\nmore"),
    }
