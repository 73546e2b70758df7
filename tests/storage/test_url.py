"""URLs are parsed; those that could reach more than a store are rejected."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import UsageError
from wds_imagenet.storage import open_store, split_url
from wds_imagenet.storage.url import SCHEMES, check_path, parse_found_url, parse_url


@pytest.mark.parametrize(
    ("url", "scheme", "root", "shown"),
    [
        ("/data/in1k/", "file", "/data/in1k", "/data/in1k"),
        ("file:///data/50%20off", "file", "/data/50%20off", "/data/50%20off"),
        ("file://localhost/data", "file", "/data", "/data"),
        ("memory://a/b", "memory", "a/b", "memory://a/b"),
        ("memory://", "memory", "", "memory://"),
        ("s3://bucket", "s3", "bucket", "s3://bucket"),
        ("s3://bucket/in 1k/#1?/", "s3", "bucket/in 1k/#1?", "s3://bucket/in 1k/#1?"),
        ("S3A://bucket/x", "s3", "bucket/x", "s3a://bucket/x"),
        ("gcs://b/x", "gs", "b/x", "gcs://b/x"),
        ("abfs://c@acct.dfs.core.windows.net/x", "az", "c/x", "abfs://c@acct.dfs.core.windows.net/x"),
        ("https://host/a/b/", "https", "https://host/a/b", "https://host/a/b"),
        ("https://me:pw@host/a?sig=1", "https", "https://me:pw@host/a", "https://host/a"),
    ],
)
def test_a_url_is_parsed(url: str, scheme: str, root: str, shown: str) -> None:
    location = parse_url(url)
    assert (location.scheme, location.root, location.url) == (scheme, root, shown)


def test_a_relative_path_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("x/y").url == str(tmp_path / "x" / "y")
    assert open_store(".").url == str(tmp_path)
    assert open_store(Path("x")).url == str(tmp_path / "x")
    monkeypatch.setenv("HOME", "/home/me")
    assert open_store("~/x").url == "/home/me/x"


def test_an_azure_url_names_its_account() -> None:
    assert parse_url("abfss://c@acct.dfs.core.windows.net/x").account == "acct"
    assert parse_url("az://c/x").account == ""


@pytest.mark.parametrize(
    "url",
    [
        *("zip://a.zip", "tar://x", "reference://x", "git://x", "github://x", "ssh://h/x", "sftp://h/x"),
        *("data://x", "ftp://h/x", "smb://h/x", "dask://x", "jupyter://x", "webhdfs://x", "libarchive://x"),
        *("simplecache::s3://b/x", "filecache::http://h/x", "blockcache::/x", "zip::s3://b/a.zip"),
        *("s3://", "s3:///", "gs://", "https://", "http:///x", "http://[x/y", "https://a]b/x", "", "a\0b"),
        *("https:/u:SECRETVALUE@h/x", "s3:/bucket/x"),
        *("s3://KEY:SECRETVALUE@bucket/x", "gs://me:SECRETVALUE@bucket"),
    ],
)
def test_a_url_that_could_reach_more_than_a_store_is_rejected(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(url)
    assert "SECRETVALUE" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "named", "followed"),
    [
        *[
            (url, "/data", True)
            for url in ("s3://b/x", "gs://b/x", "az://c/x", "http://h/x", "file:///data/x")
        ],
        *[("az://c@mine/x", f"az://c@{account}/t.csv", account == "mine") for account in ("mine", "other")],
        ("az://c@mine.evil.example/x", "az://c@mine/t.csv", False),
        *[(f"hf://{kind}/a/x", "hf://datasets/a", kind == "datasets") for kind in ("datasets", "spaces")],
        *[("memory://a/x", f"memory://{name}", name == "a") for name in ("a", "b")],
        ("adl://store/x", "az://store/x", False),
    ],
)
def test_a_url_in_a_data_set_reaches_only_what_the_user_named(
    url: str, named: str, *, followed: bool
) -> None:
    if followed:
        assert parse_found_url(url, [parse_url(named)]) == parse_url(url)
    else:
        with pytest.raises(UsageError, match="did not name"):
            parse_found_url(url, [parse_url(named)])


def test_most_schemes_of_fsspec_are_rejected() -> None:
    from fsspec.registry import known_implementations

    opened = set()
    for protocol in known_implementations:
        try:
            parse_url(f"{protocol}://host/path")
        except UsageError:
            continue
        opened.add(protocol)
    assert opened <= set(SCHEMES)
    assert len(opened) < len(known_implementations) / 2


@pytest.mark.parametrize(
    ("url", "folder", "name"),
    [
        ("/data/x.tar", "/data", "x.tar"),
        ("/x.tar", "/", "x.tar"),
        ("x.tar", ".", "x.tar"),
        ("sub/x.tar", "sub", "x.tar"),
        ("file:///data/x.tar", "file:///data", "x.tar"),
        ("s3://bucket/x?.tar", "s3://bucket", "x?.tar"),
        ("memory://a/b/c", "memory://a/b", "c"),
        ("https://h/d/x.tar?sig=a/b", "https://h/d?sig=a/b", "x.tar"),
    ],
)
def test_an_objects_url_is_split(url: str, folder: str, name: str) -> None:
    assert split_url(url) == (folder, name)


@pytest.mark.parametrize(
    "url", ["", "/", "/data/", "s3://bucket", "s3://bucket/", "..", "a/..", "https://host"]
)
def test_a_url_that_names_no_object_is_not_split(url: str) -> None:
    with pytest.raises(UsageError, match="names no object"):
        split_url(url)


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_a_split_url_opens_the_object(name: str) -> None:
    if name in {".", ".."} or "::" in name:
        return
    folder, found = split_url(f"/data/{name}")
    assert (open_store(folder).url, found) == ("/data", name)


@given(st.text())
def test_a_checked_path_stays_below(path: str) -> None:
    try:
        check_path(path)
    except UsageError:
        return
    assert (Path("/root") / path).resolve().is_relative_to("/root")
    assert not path.startswith("/")
