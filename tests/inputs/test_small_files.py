import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs import small_files
from wds_imagenet.inputs.small_files import inflate, join_url, read_file


@given(st.binary(max_size=5000), st.integers(0, 3))
def test_gzipped_bytes_are_unpacked(data, zeros):
    assert inflate(gzip.compress(data) + bytes(512 * zeros)) == data


def test_members_of_one_gzip_file_are_joined():
    assert inflate(gzip.compress(b"ab") + gzip.compress(b"cd")) == b"abcd"


def test_unpacking_stops_at_the_cap():
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        inflate(gzip.compress(bytes(1001)), 1000)
    assert inflate(gzip.compress(bytes(1000)), 1000) == bytes(1000)


@pytest.mark.parametrize(
    "damage", [lambda z: z[:-1], lambda z: z[:20] + b"\xff" + z[21:], lambda z: z + b"x"]
)
def test_damaged_gzip_data_is_refused(damage):
    packed = gzip.compress(bytes(range(256)) * 9)
    assert zlib.decompress(packed, 31)
    with pytest.raises(ValueError, match="gzip data is"):
        inflate(damage(packed))


def test_a_file_is_gunzipped_by_its_first_bytes_and_not_by_its_name(tmp_path):
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"packed"))
    (tmp_path / "b.gz").write_bytes(b"plain")
    assert read_file(str(tmp_path / "a.txt"), {}) == b"packed"
    assert read_file(str(tmp_path / "b.gz"), {}) == b"plain"


def test_a_file_too_large_or_missing_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"12345")
    with pytest.raises(SourceError, match="has 5 bytes; at most 4 are allowed"):
        read_file(str(tmp_path / "a.txt"), {}, max_bytes=4)
    with pytest.raises(UsageError, match="there is no file"):
        read_file(str(tmp_path / "b.txt"), {})
    with pytest.raises(UsageError, match="is a folder, not a file"):
        read_file(f"{tmp_path}/", {})


def test_an_address_keeps_the_query_of_http_at_its_end():
    assert join_url("/", "a") == "/a"
    assert join_url("/data/b?c", "a") == "/data/b?c/a"
    assert join_url("https://host/b?signed", "a/d") == "https://host/b/a/d?signed"


def test_an_archive_too_large_for_memory_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(small_files, "MAX_BYTES", 10)
    (tmp_path / "a.tar").write_bytes(bytes(10240))
    with pytest.raises(SourceError, match="at most 10 are"):
        small_files.read_files(str(tmp_path / "a.tar"), {}, lambda _: True)
