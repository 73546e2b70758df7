import gzip
import zipfile

import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs import small_files
from wds_imagenet.inputs.small_files import join_url, read_file, read_files


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


def test_all_files_of_a_zip_together_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(small_files, "MAX_UNPACKED", 10)
    for size in (5, 6):
        with zipfile.ZipFile(tmp_path / f"{size}.zip", "w") as archive:
            archive.writestr("a", bytes(5))
            archive.writestr("b", bytes(size))
    assert read_files(f"{tmp_path}/5.zip", {}, lambda _: True) == {"a": bytes(5), "b": bytes(5)}
    with pytest.raises(SourceError, match="'b' unpacks to more than 5 bytes"):
        read_files(f"{tmp_path}/6.zip", {}, lambda _: True)
