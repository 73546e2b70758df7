"""An endpoint that is no URL, and missing credentials, are errors before any request."""

import pytest

from wds_imagenet.errors import DeniedError, StoreError, UsageError
from wds_imagenet.storage import open_store
from wds_imagenet.storage.failures import Failure, error_from_failure


@pytest.mark.parametrize(
    "value", ["127.0.0.1:9000", "minio.example.org", "ftp://h", "http://", "http://h:x", " "]
)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"])
def test_an_endpoint_of_the_environment_without_scheme_or_host_is_rejected(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=r"write http://HOST:PORT or https://HOST.*AWS_ENDPOINT_URL"):
        open_store("s3://bucket/x")


@pytest.mark.parametrize("option", ["endpoint", "endpoint_url"])
def test_an_endpoint_among_the_options_is_rejected_without_showing_its_password(option: str) -> None:
    with pytest.raises(UsageError, match="'h:9000' is no URL") as caught:
        open_store("s3://bucket/x", {option: "user:secret@h:9000"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "h:90/secret",
            "//h:90/secret",
            "http:h:90/secret",
            "http:/h:90/secret",
            "ftp://u:secret@h:90/secret",
        ),
        *("http:\\\\h:90\\secret", "u:secret/more@h:90?secret", "h:90#secret", "h:90;a=secret"),
    ],
)
def test_of_a_wrong_endpoint_the_host_alone_is_shown(value: str) -> None:
    with pytest.raises(UsageError, match="the endpoint 'h:90' is no URL") as caught:
        open_store("s3://bucket/x", {"endpoint_url": value})
    assert "secret" not in str(caught.value)


def test_the_other_clouds_addresses_are_checked_too() -> None:
    for url, option in [("gs://b/x", "base_url"), ("az://c@a/x", "endpoint")]:
        with pytest.raises(UsageError, match=f"or the storage option {option}"):
            open_store(url, {option: "h:1"})


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9000", "https://h", "http://[::1]:9000", "https://h/path"]
)
def test_valid_endpoints_are_accepted(endpoint: str) -> None:
    open_store("s3://bucket/x", {"endpoint_url": endpoint})


@pytest.mark.parametrize(
    ("where", "advice", "foreign"),
    [
        ("s3://b/x", "AWS_ACCESS_KEY_ID", "GOOGLE"),
        ("gs://b/x", "GOOGLE_APPLICATION_CREDENTIALS", "AWS"),
        ("abfs://c/x", "AZURE_STORAGE_ACCOUNT_KEY", "AWS"),
        ("hf://c/x", "fsspec class", "AWS"),
    ],
)
def test_missing_credentials_give_the_advice_of_the_same_cloud(where: str, advice: str, foreign: str) -> None:
    error = error_from_failure(Failure("none", code="NoCredentials"), where)
    assert isinstance(error, DeniedError)
    assert advice in str(error)
    assert foreign not in str(error)


def test_google_without_credentials_gives_googles_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:9")
    with pytest.raises(DeniedError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        open_store("gs://bucket/x", {"retries": 0}).read("a")


def test_azure_without_an_account_gives_the_place_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(StoreError, match=r"AZURE_STORAGE_ACCOUNT_NAME.*CONTAINER@ACCOUNT"):
        open_store("az://container/x").read("a")
