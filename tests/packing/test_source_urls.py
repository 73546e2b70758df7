"""URLs and descriptions of references contain no secret."""

import pytest

from wds_imagenet.packing.plan.source_urls import (
    common_folder,
    describe,
    identity,
    locate,
    plain,
    relative,
)
from wds_imagenet.sources import Reference
from wds_imagenet.storage.signatures import identifying_queries

SIGNED = "https://user:pass@host/a/b.jpg?X-Amz-Signature=secret"


@pytest.mark.parametrize(
    ("url", "store", "path"),
    [
        ("/data/a/b.jpg", "/data/a", "b.jpg"),
        ("/b.jpg", "/", "b.jpg"),
        ("file:///data/b.jpg", "file:///data", "b.jpg"),
        ("s3://bucket/a/b?c.jpg", "s3://bucket", "a/b?c.jpg"),
        ("memory://a/b.jpg", "memory://", "a/b.jpg"),
        ("memory://b.jpg", "memory://", "b.jpg"),
        ("https://host/a/b.jpg", "https://host", "a/b.jpg"),
        ("https://host/a/b.jpg?sig=1", "https://host?sig=1", "a/b.jpg"),
    ],
)
def test_a_url_is_that_of_a_store_and_a_path_on_it(url: str, store: str, path: str) -> None:
    assert locate(url) == (store, path)


def test_a_description_holds_no_secret() -> None:
    assert plain(SIGNED) == "https://host/a/b.jpg"
    assert describe(Reference("b", SIGNED, 0, 1, "b.jpg")) == "https://host/a/b.jpg"


def test_a_description_names_member_and_offset() -> None:
    description = describe(Reference("b", "/x/train.tar", 1024, 1, "n1/b.JPEG"))
    assert description == "/x/train.tar, member 'n1/b.JPEG' at offset 1,024"


@pytest.mark.parametrize(
    ("urls", "folder"),
    [
        (["/a/b/1.jpg", "/a/b/2.jpg"], "/a/b/"),
        (["/a/ba/1.jpg", "/a/bb/1.jpg"], "/a/"),
        (["s3://x/1", "s3://y/1"], "s3://"),
        (["/a/1.tar"], "/a/"),
        (["1.jpg"], ""),
    ],
)
def test_the_common_folder_is_whole(urls: list[str], folder: str) -> None:
    assert common_folder(urls) == folder
    assert all(folder + relative(url, folder) == url for url in urls)


@pytest.mark.parametrize(
    ("url", "bytes_of"),
    [
        ("https://me:secret@host/a.png?id=1", "https://host/a.png?id=1"),
        ("https://host/a.png?b=2&a=%31&&a", "https://host/a.png?b=2&a=%31&&a"),
        ("https://host/a.png?id=1#part", "https://host/a.png?id=1"),
        ("https://host/a.png?X-Amz-Signature=s&id=1&x-amz-date=2", "https://host/a.png?id=1"),
        ("https://host/a.png?Expires=9&Signature=s&Key-Pair-Id=k&Policy=p", "https://host/a.png"),
        ("https://host/a.png?X-Goog-Credential=c&GoogleAccessId=g&AWSAccessKeyId=a", "https://host/a.png"),
        ("https://host/a.png?sv=1&st=2&se=3&sr=b&sp=r&spr=https&skoid=4&sig=s&v=5", "https://host/a.png?v=5"),
        ("https://host/a.png?se=3&sp=4", "https://host/a.png?se=3&sp=4"),
        ("https://host/a.png?token=s", "https://host/a.png"),
        ("fetch+https://host/a.jpg?id=1#md5=CY9rzUYh03PK3k6DJie09g%3D%3D&private=yes",
         "https://host/a.jpg?id=1#md5=CY9rzUYh03PK3k6DJie09g=="),
        ("s3://bucket/a?id=1", "s3://bucket/a?id=1"),
        ("/data/a.png?token=1", "/data/a.png?token=1"),
    ],
)  # fmt: skip
def test_an_identity_has_the_query_without_its_signature(url: str, bytes_of: str) -> None:
    assert identity(url) == bytes_of


def test_a_stream_is_identified_by_its_queries_if_it_has_any() -> None:
    signed = "https://host/a.tar.gz?sig=1"
    assert identifying_queries([signed, "/data/b.tar.gz"]) == {}
    assert identifying_queries([signed, "https://host/a.tar.gz?id=7&sig=1"]) == {"queries": ["", "id=7"]}
