import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError, WdsImagenetError
from wds_imagenet.imagenet import read_classes
from wds_imagenet.inputs.compression import HEAD, compression_of, open_unpacked, unpack
from wds_imagenet.inputs.csv_files import read_csv_files
from wds_imagenet.inputs.large_files import read_chunks
from wds_imagenet.inputs.small_files import read_file, read_files
from wds_imagenet.sources import table


def zipped(data, name="inner.txt"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._inner.txt", b"not this")
        archive.writestr(name, data)
    return out.getvalue()


PACK = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}


@pytest.mark.parametrize("kind", PACK)
@given(parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=3), zeros=st.integers(0, 3))
@settings(max_examples=40)
def test_streams_are_unpacked_and_joined(kind, parts, zeros):
    packed = b"".join(map(PACK[kind], parts)) + bytes(512 * zeros)
    assert compression_of(packed[:HEAD]) == kind
    assert unpack(packed) == b"".join(parts)


@pytest.mark.parametrize("kind", PACK)
def test_unpacking_stops_at_the_cap(kind):
    with pytest.raises(ValueError, match=f"the {kind} data unpacks to more than 1,000 bytes"):
        unpack(PACK[kind](bytes(10_000_000)), 1000)
    assert unpack(PACK[kind](bytes(1000)), 1000) == bytes(1000)


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize(
    "damage",
    [
        lambda z: z[:-1],
        lambda z: z[:40] + bytes([z[40] ^ 255]) + z[41:],
        lambda z: z + b"x",
        lambda z: z[:12],
    ],
)
def test_damaged_data_is_refused(kind, damage):
    with pytest.raises(ValueError, match=f"the {kind} data is damaged or cut off"):
        unpack(damage(PACK[kind](bytes(range(256)) * 9)))


@settings(max_examples=200)
@given(st.sampled_from([b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh9", b"PK\x03\x04", b""]), st.binary(max_size=200))
def test_any_bytes_give_bytes_or_a_value_error(head, rest):
    with suppress(ValueError):
        unpack(head + rest)


def test_xz_that_asks_for_gigabytes_of_memory_is_refused():
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    packed = bytearray(lzma.compress(b"x" * 1000, filters=filters))
    with pytest.raises(ValueError, match="Memory usage limit"):
        unpack(bytes(packed))


@pytest.mark.parametrize("kind", PACK)
def test_a_file_can_be_read_from_any_position(kind):
    data = bytes(range(256)) * 2000
    file = open_unpacked(io.BytesIO(PACK[kind](data)), kind)
    for start in (100_000, 3, 400_000, 0):
        file.seek(start)
        assert file.read(70_000) == data[start : start + 70_000]


@pytest.mark.parametrize("kind", [*PACK, "zip"])
def test_every_reader_of_labels_reads_every_compression(kind, tmp_path):
    packed = {**PACK, "zip": zipped}[kind]

    def written(data, name):
        (tmp_path / name).write_bytes(packed(data))
        return str(tmp_path / name)

    assert read_file(written(b"text", "a"), {}, unzips=True) == b"text"
    assert b"".join(read_chunks(written(b"[1]", "b"), {}, "")) == b"[1]"
    assert read_classes(written(b"cat\ndog", "c")).classes == ({"name": "cat"}, {"name": "dog"})
    (tmp_path / "x.jpg").write_bytes(b"x")
    url = written(b"path,label\nx.jpg,3\n", f"t.csv.{ {'gzip': 'gz', 'bzip2': 'bz2'}.get(kind, kind) }")
    assert [reference.label for reference in table(url).references] == [3]
    if kind != "zip":
        (file,) = read_csv_files(url, {}, lambda _: True)
        assert list(file.rows) == [(2, ["x.jpg", "3"])]


@pytest.mark.parametrize("kind", [*PACK, "zip", "plain"])
def test_an_archive_of_small_files_may_have_any_compression(kind, tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("d/a.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    pack = {**PACK, "plain": bytes}.get(kind)
    data = zipped(b"hello", "d/a.txt") if pack is None else pack(out.getvalue())
    (tmp_path / "kit").write_bytes(data)
    assert read_files(str(tmp_path / "kit"), {}, lambda name: name == "d/a.txt") == {"d/a.txt": b"hello"}


@pytest.mark.parametrize("read", [lambda url: read_file(url, {}), lambda url: list(read_chunks(url, {}, ""))])
@pytest.mark.parametrize(
    ("head", "name"),
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"7z\xbc\xaf\x27\x1c", "7z")],
)
def test_other_compressions_are_named(read, head, name, tmp_path):
    (tmp_path / "a").write_bytes(head + bytes(100))
    with pytest.raises(SourceError, match=f"compressed by {name}, which is not read: unpack it first"):
        read(str(tmp_path / "a"))


def test_a_zip_of_several_files_is_refused_with_their_names(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.csv", b"1")
        archive.writestr("two.csv", b"2")
    with pytest.raises(WdsImagenetError, match=r"2 files '\*' where one is expected: \['one"):
        read_file(str(tmp_path / "a.zip"), {}, unzips=True)
