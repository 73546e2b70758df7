import gzip
import io
import zipfile

import fsspec
import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs import large_files
from wds_imagenet.inputs.large_files import read_chunks, read_lines

DATA = b"".join(b"line %d\n" % number for number in range(500_000))


def zipped(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


FORMS = {
    "plain": DATA,
    "gzip": gzip.compress(DATA, 1),
    "zip": zipped({"captions.json": DATA, "readme.txt": b"no"}),
    "stored": zipped({"in/a.JSON": DATA, "__MACOSX/in/a.json": b"no"}, zipfile.ZIP_STORED),
}


def read(path, suffix=".json"):
    return b"".join(read_chunks(str(path), {}, suffix))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bytes_whatever_the_name(form, tmp_path):
    (tmp_path / "captions.bin").write_bytes(FORMS[form])
    assert read(tmp_path / "captions.bin") == DATA


@pytest.mark.parametrize("form", FORMS)
def test_a_remote_file_is_read_chunk_by_chunk(form):
    fsspec.filesystem("memory").pipe_file(f"/chunks/{form}", FORMS[form])
    parts = list(read_chunks(f"memory://chunks/{form}", {}, ".json"))
    assert b"".join(parts) == DATA
    assert max(map(len, parts)) <= 1 << 20


@pytest.mark.parametrize("form", ["gzip", "zip", "stored"])
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_damaged_compression_is_an_error(form, damage, tmp_path):
    data = bytearray(FORMS[form])
    middle = len(data) // 2
    if damage == "cut":
        del data[middle:]
    else:
        data[middle : middle + 4] = bytes(4)
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(SourceError, match="cannot be unpacked"):
        read(tmp_path / "a")


def test_a_bomb_is_defused(tmp_path, monkeypatch):
    monkeypatch.setattr(large_files, "_MAX_BYTES", 3 << 20)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    (tmp_path / "a.zip").write_bytes(zipped({"a.json": bytes(64 << 20)}))
    for name in ("a.gz", "a.zip"):
        with pytest.raises(SourceError, match="unpacks to more than 3,145,728"):
            read(tmp_path / name)


def test_an_index_of_millions_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(large_files, "_MAX_READ", 2000)
    (tmp_path / "a.zip").write_bytes(zipped({f"f{i}.json": b"" for i in range(100)}))
    with pytest.raises(SourceError, match=r"a read of [0-9,]+ bytes"):
        read(tmp_path / "a.zip")


def test_a_zip_has_exactly_one_such_file(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"a.json": b"", "b.json": b""}))
    with pytest.raises(SourceError, match=r"2 files '\*\.json' where one is expected"):
        read(tmp_path / "a.zip")
    with pytest.raises(SourceError, match=r"0 files '\*\.csv'"):
        read(tmp_path / "a.zip", ".csv")
    with pytest.raises(UsageError, match="there is no file"):
        read(tmp_path / "b.zip")


def test_an_encrypted_file_is_refused(tmp_path):
    data = bytearray(zipped({"a.json": b"x"}))
    for magic in (b"PK\x03\x04", b"PK\x01\x02"):
        data[data.index(magic) + (6 if magic[2] == 3 else 8)] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(SourceError, match="is encrypted"):
        read(tmp_path / "a.zip")


def test_lines_are_split_across_chunks(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + DATA + "ü".encode())
    lines = list(read_lines(str(tmp_path / "a.csv"), {}, ".csv"))
    assert "".join(lines) == DATA.decode() + "ü"
    assert (lines[0], len(lines)) == ("line 0\n", 500_001)


@pytest.mark.parametrize(
    ("data", "message"), [(b"a\n\xff\n", "line 2 is not UTF-8"), (b"a\n" + bytes(2 << 20), "line 2")]
)
def test_a_line_that_cannot_be_read_is_named(data, message, tmp_path):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(SourceError, match=message):
        list(read_lines(str(tmp_path / "a.csv"), {}, ".csv"))
