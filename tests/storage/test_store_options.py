"""Storage options are parsed, and translated for each engine."""

import os
from collections.abc import Mapping

import pytest

from wds_imagenet.errors import UsageError
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store_options import fsspec_config, obstore_config, parse_options

ENVIRON = {
    "AWS_ACCESS_KEY_ID": "env-key",
    "AWS_SECRET_ACCESS_KEY": "env-secret",
    "AWS_SESSION_TOKEN": "env-token",
    "AWS_ENDPOINT_URL": "http://env:1",
    "AWS_DEFAULT_REGION": "eu-north-1",
}


def s3(options: Mapping[str, object], environ: Mapping[str, str] | None = None) -> dict[str, object]:
    config = obstore_config("s3", parse_options("s3", options, environ or {}))
    assert config is not None
    return config


@pytest.mark.parametrize(
    "options",
    [
        {
            "key": "k",
            "secret": "s",
            "token": "t",
            "endpoint_url": "http://e",
            "client_kwargs": '{"region_name": "r"}',
        },
        {
            "access_key_id": "k",
            "secret_access_key": "s",
            "session_token": "t",
            "endpoint": "http://e",
            "region": "r",
        },
        {
            "client_kwargs": {
                "aws_access_key_id": "k",
                "aws_secret_access_key": "s",
                "aws_session_token": "t",
                "endpoint_url": "http://e",
                "region_name": "r",
            }
        },
    ],
)
def test_names_of_s3fs_and_obstore_are_equivalent(options: dict[str, object]) -> None:
    parsed = parse_options("s3", options, {})
    assert obstore_config("s3", parsed) == {
        "access_key_id": "k",
        "secret_access_key": "s",
        "session_token": "t",
        "endpoint": "http://e",
        "region": "r",
    }
    assert fsspec_config("s3", parsed) == {
        "key": "k",
        "secret": "s",
        "token": "t",
        "endpoint_url": "http://e",
        "client_kwargs": {"region_name": "r"},
        "config_kwargs": {},
    }


def test_the_environment_supplies_missing_options() -> None:
    assert s3({}, ENVIRON) == {
        "access_key_id": "env-key",
        "secret_access_key": "env-secret",
        "session_token": "env-token",
        "endpoint": "http://env:1",
        "region": "eu-north-1",
    }
    assert s3({"endpoint": "http://mine"}, ENVIRON)["endpoint"] == "http://mine"
    assert s3({}, {**ENVIRON, "AWS_ENDPOINT_URL_S3": "http://for-s3"})["endpoint"] == "http://for-s3"
    assert s3({}, {**ENVIRON, "AWS_REGION": "us-west-2"})["region"] == "us-west-2"


@pytest.mark.parametrize("options", [{"key": "k", "secret": "s"}, {"anon": "true"}, {"profile": "p"}])
def test_credentials_of_two_origins_are_not_mixed(options: dict[str, object]) -> None:
    assert not {"env-key", "env-secret", "env-token"} & set(map(str, s3(options, ENVIRON).values()))


def test_a_key_of_the_environment_precedes_its_profile() -> None:
    assert s3({}, {"AWS_PROFILE": "p"}) == {"profile": "p"}
    assert "profile" not in s3({}, {"AWS_PROFILE": "p", **ENVIRON})


def test_strings_are_parsed_as_on_a_command_line() -> None:
    assert s3({"anon": "True", "requester_pays": "no"}) == {"skip_signature": True, "request_payer": False}
    parsed = parse_options("s3", {"retries": "3", "timeout": "2.5", "deadline": "60", "engine": "fsspec"}, {})
    assert (parsed.retry.attempts, parsed.timeout, parsed.retry.deadline) == (4, 2.5, 60)
    assert parsed.engine == "fsspec"


def test_an_option_that_one_engine_lacks_selects_the_other() -> None:
    only_s3fs = parse_options("s3", {"client_kwargs": {"verify": False}}, {})
    assert obstore_config("s3", only_s3fs) is None
    assert fsspec_config("s3", only_s3fs) == {"client_kwargs": {"verify": False}, "config_kwargs": {}}
    only_obstore = parse_options("s3", {"unsigned_payload": "true"}, {})
    assert fsspec_config("s3", only_obstore) is None
    assert obstore_config("s3", only_obstore) == {"unsigned_payload": "true"}


def test_the_style_of_addressing_is_translated() -> None:
    parsed = parse_options("s3", {"virtual_hosted_style_request": "true", "allow_http": "true"}, {})
    assert fsspec_config("s3", parsed) == {
        "client_kwargs": {},
        "config_kwargs": {"s3": {"addressing_style": "virtual"}},
    }


@pytest.mark.parametrize(("scheme", "name"), [("gs", "service_account"), ("az", "account_name")])
def test_other_clouds_have_names_of_their_own(scheme: str, name: str) -> None:
    assert obstore_config(scheme, parse_options(scheme, {name: "x"}, {})) == {name: "x"}
    other = parse_options(scheme, {"only_fsspec_knows": "x"}, {})
    assert obstore_config(scheme, other) is None
    assert fsspec_config(scheme, other) == {"only_fsspec_knows": "x"}


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"engine": "curl"},
            {"retries": "-1"},
            {"retries": "many"},
            {"timeout": "nan"},
            {"deadline": "inf"},
        ),
        *({"scret": "x"}, {"anon": "perhaps"}, {"client_kwargs": "[1]"}, {"client_kwargs": "{"}),
    ],
)
def test_unknown_options_are_rejected(options: dict[str, object]) -> None:
    with pytest.raises(
        UsageError, match="_kwargs is a JSON" if "client_kwargs" in options else next(iter(options))
    ):
        open_store("s3://bucket", options)


def test_an_engine_without_the_option_is_rejected_when_it_connects() -> None:
    cases: list[tuple[str, dict[str, object]]] = [
        ("memory://x", {"engine": "obstore"}),
        ("s3://x", {"engine": "obstore", "client_kwargs": {"verify": False}}),
        ("s3://x", {"engine": "fsspec", "unsigned_payload": "true"}),
    ]
    for url, options in cases:
        with pytest.raises(UsageError, match=r"engine|obstore's alone"):
            open_store(url, options).info("a")


def test_a_local_path_ignores_the_options_of_other_stores() -> None:
    open_store(os.curdir, {"key": "k", "endpoint_url": "http://e"})


@pytest.mark.parametrize("url", ["/data/x", "file:///data/x", "memory://x"])
def test_a_store_without_options_rejects_unknown_options(url: str) -> None:
    with pytest.raises(UsageError, match=r"no storage option 'bogus'; there are deadline, engine, retr"):
        open_store(url, {"bogus": 1})
    with pytest.raises(UsageError, match=r"'retires' \(did you mean 'retries'\?\)"):
        open_store(url, {"retires": 1})
    open_store(
        url,
        {
            "endpoint_url": "http://localhost:1",
            "token": "t",
            "retries": 1,
            "account_name": "a",
            "anon": "true",
        },
    )


def test_a_misspelt_option_of_s3_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'endpoint_uri' \(did you mean 'endpoint_url'\?\); there are "):
        open_store("s3://b", {"endpoint_uri": "http://e"})


@pytest.mark.parametrize("value", ["Authorization: x", "[1]", 5])
def test_headers_that_are_no_object_are_refused_by_name(value):
    with pytest.raises(UsageError, match=r'storage option headers is a JSON object: write \{"name": value\}'):
        open_store("http://127.0.0.1/x", {"headers": value})
