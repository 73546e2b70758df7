"""URLs and descriptions of references contain no secret."""

import pytest

from wds_imagenet.packing.plan.source_urls import common_folder, describe, locate, plain, relative
from wds_imagenet.sources import Reference

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
