"""Listed and streamed archives hold what Python's tarfile finds in them, whatever the files."""

import bz2
import gzip
import io
import lzma
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.inputs.archives.compressed_tar import is_compressed, stream_files
from wds_imagenet.inputs.archives.tar_listing import list_archive
from wds_imagenet.inputs.file_listing import list_files

PARTS = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters="/\\"),
    min_size=1,
    max_size=12,
)
PATHS = (
    st.lists(PARTS, min_size=1, max_size=4)
    .map("/".join)
    .filter(lambda path: not {".", ".."} & set(path.split("/")) and not path.lower().endswith(".tar"))
)
CONTENTS = st.dictionaries(PATHS, st.binary(max_size=1100), max_size=6)
FORMATS = st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
COMPRESSIONS = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}


def make_tar(files: dict[str, bytes], form: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def found_by_tarfile(data: bytes) -> list[tuple[str, bytes]]:
    """Return the files of an archive in order, those of inner tars in the place of the tar."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            content = tar.extractfile(member).read()
            if member.name.lower().endswith(".tar") and not is_ignored(member.name):
                with tarfile.open(fileobj=io.BytesIO(content)) as inner:
                    found += [(f"{member.name[:-4]}/{m.name}", inner.extractfile(m).read()) for m in inner]
            else:
                found.append((member.name, content))
    return found


@settings(max_examples=60, deadline=None)
@given(outer=CONTENTS, inner=CONTENTS, name=PARTS, form=FORMATS)
def test_a_tar_of_tars_lists_what_tarfile_finds(outer, inner, name, form):
    data = make_tar({**outer, f"{name}.tar": make_tar(inner, form)}, form)
    listed = list_archive(lambda start, size: data[start : start + size], len(data), "x")
    assert [(f.path, data[f.offset : f.offset + f.size]) for f in listed] == [
        (path.lstrip("/"), content) for path, content in found_by_tarfile(data)
    ]


@settings(max_examples=30, deadline=None)
@given(files=CONTENTS, form=FORMATS, compression=st.sampled_from(sorted(COMPRESSIONS)), cut=st.integers(0, 4))
def test_a_compressed_tar_streams_what_tarfile_finds(tmp_path_factory, files, form, compression, cut):
    data = make_tar(files, form)
    at = len(data) * cut // 4
    # Several streams one after another are one file, as `cat` makes them.
    packed = COMPRESSIONS[compression](data[:at]) + COMPRESSIONS[compression](data[at:])
    path = tmp_path_factory.mktemp("packed") / "x.bin"
    path.write_bytes(packed)
    assert is_compressed(str(path), {})
    assert [(file.path, content) for file, content in stream_files(str(path), {})] == found_by_tarfile(data)


@settings(max_examples=40, deadline=None)
@given(compression=st.sampled_from(sorted(COMPRESSIONS)), place=st.floats(0, 1), flip=st.integers(0, 255))
def test_damage_of_a_compressed_tar_is_an_error(tmp_path_factory, compression, place, flip):
    data = make_tar({"a.jpg": bytes(range(256)) * 4, "b.jpg": b"b" * 1000}, tarfile.GNU_FORMAT)
    packed = bytearray(COMPRESSIONS[compression](data))
    path = tmp_path_factory.mktemp("damaged") / "x.bin"
    at = min(int(place * len(packed)), len(packed) - 1)
    if flip:
        packed[at] ^= flip
    else:
        del packed[at:]
    path.write_bytes(packed)
    expected = found_by_tarfile(data)
    try:
        found = [(file.path, content) for file, content in stream_files(str(path), {})]
    except (CorruptError, SourceError):
        return
    assert found == expected  # such as a flipped bit in the time of gzip's header


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"PK\x03\x04", "a zip file, .*: unzip it first"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z file, .*: 7z x it first"),
        (b"Rar!\x1a\x07", "a rar file, .*: unrar x it first"),
        (b"\x28\xb5\x2f\xfd", "a zstd file, .*: unzstd it first"),
        (b"\x1f\x8b\x08", "a gzip file, .*: gunzip it first"),
        (b"<!DOCTYPE html>", "no archive, but a web page"),
        (b"\n<?xml version='1.0'?><Error>", "no archive, but a web page or XML"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    ],
)
@pytest.mark.parametrize("name", ["x.tar", "x"])
def test_a_file_that_is_no_tar_is_called_by_its_bytes(tmp_path: Path, head, message, name):
    path = tmp_path / name
    path.write_bytes(head + bytes(2000))
    with pytest.raises(SourceError, match=message):
        list(list_files(str(path), {}))


@pytest.mark.parametrize(
    "name",
    [
        *("x.tar.aa", "x.tar.partaa", "x.tar.part-01", "x.tar.001", "x.tar_ab", "x.tar.gz.aa", "x.tgz.00"),
        *("x.zip.001", "x.z01", "x.part1.rar", "x.r00", "x.7z.002", "xaa"),
    ],
)
def test_a_part_of_an_archive_is_called_one(tmp_path: Path, name):
    (tmp_path / name).write_bytes(make_tar({"a.jpg": bytes(5000)}, tarfile.GNU_FORMAT)[:3000])
    for check in (list_files, is_compressed):
        with pytest.raises(SourceError, match=f"{name} is one part of a split archive: join its parts"):
            list(check(f"{tmp_path}/{name}", {}))
    if name != "xaa":
        with pytest.raises(SourceError, match="is one part of a split archive"):
            list(list_files(str(tmp_path), {}))


@pytest.mark.parametrize(
    "name", ["x.tar.gz", "x.tar.xz", "x.tar.bz2", "x.tgz", "x-2012.tar", "n01440764_10.jpg", "a.gz"]
)
def test_a_whole_file_is_no_part(tmp_path: Path, name):
    (tmp_path / name).write_bytes(b"x")
    assert [file.path for file in list_files(str(tmp_path), {})] == [name]
