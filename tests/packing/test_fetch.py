"""The bytes of a reference are fetched from any store."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from wds_imagenet.errors import CorruptError, NotFoundError, SourceError
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.sources import Listing, Reference
from wds_imagenet.storage import open_store

DATA = bytes(range(256)) * 8
WHOLE = Reference("a", "", 0, len(DATA), "a.jpg")
PART = Reference("b", "", 512, 100, "b.jpg")


class FetchContract:
    """Inherit this class, and override `url` with an empty folder."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def at(self, url: str) -> Callable[[Reference], Reference]:
        """Write a file, and return a function that points a reference at it."""
        open_store(url).put("x/data.bin", DATA)
        return lambda reference: replace(reference, url=f"{url}/x/data.bin")

    def test_a_file_and_a_part_of_one_are_read(self, at: Callable[[Reference], Reference]) -> None:
        references = [at(WHOLE), at(PART), at(replace(WHOLE, size=None)), at(replace(PART, size=None))]
        assert list(Fetch({}).all(references)) == [DATA, DATA[512:612], DATA, DATA[512:]]

    def test_many_are_read_in_their_order(self, at: Callable[[Reference], Reference]) -> None:
        references = [at(replace(PART, offset=i)) for i in range(1, 100)]
        assert list(Fetch({}).all(references)) == [DATA[i : i + 100] for i in range(1, 100)]

    @pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
    def test_a_file_of_another_size_than_was_listed_is_an_error(
        self, at: Callable[[Reference], Reference], size: int
    ) -> None:
        with pytest.raises(SourceError, match=r"data\.bin has 2,048 bytes, but .* were listed"):
            Fetch({})(at(replace(WHOLE, size=size)))

    def test_an_archive_that_became_shorter_is_an_error(self, at: Callable[[Reference], Reference]) -> None:
        with pytest.raises(CorruptError) as caught:
            Fetch({})(at(replace(PART, offset=2000)))
        assert any("member 'b.jpg' at offset 2,000" in note for note in caught.value.__notes__)

    def test_a_file_that_is_gone_is_named(self, at: Callable[[Reference], Reference]) -> None:
        gone = at(WHOLE)
        with pytest.raises(NotFoundError, match="gone") as caught:
            Fetch({})(replace(gone, url=gone.url.replace("data.bin", "gone.jpg")))
        assert any(note.endswith("gone.jpg") for note in caught.value.__notes__)

    def test_it_reaches_other_processes(self, at: Callable[[Reference], Reference]) -> None:
        fetch = Fetch({})
        assert fetch(at(PART)) == pickle.loads(pickle.dumps(fetch))(at(PART))


class TestLocal(FetchContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path)


class TestMemory(FetchContract):
    @pytest.fixture
    def url(self) -> str:
        return f"memory://{uuid4().hex}"


class TestS3(FetchContract):
    @pytest.fixture
    def url(self, s3_url: str) -> str:
        return s3_url


def test_only_stores_that_other_processes_see_are_shared(small: Listing) -> None:
    urls = [reference.url for reference in small.references]
    assert Fetch({}).shared(urls)
    assert not Fetch({}).shared([*urls, "memory://x/a.jpg"])


def test_signed_urls_do_not_pile_up() -> None:
    fetch = Fetch({})
    fetch.shared(f"https://host/a.jpg?sig={i}" for i in range(5000))
    assert len(fetch._stores) <= 4096
