"""Gzipped tars as streams: no byte is lost, memory is bounded, and every damage is an error."""

import gzip
import os
import random
import tarfile
import tracemalloc
import zlib
from contextlib import closing
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest

from wds_imagenet.errors import ChangedError, CorruptError, SourceError, UsageError
from wds_imagenet.inputs.archives import compressed_tar
from wds_imagenet.inputs.archives.compressed_tar import is_compressed, stream_files
from wds_imagenet.storage import open_store


@pytest.fixture
def put(tmp_path):
    """Return a function that writes a file and returns its URL."""

    def write(data, name="archive.tar.gz"):
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


@pytest.fixture(scope="session")
def inner(train_images, make_tar):
    """Three inner tars of real photos."""
    photos = list(train_images.items())
    return {
        f"whole/n0000000{i}.tar": make_tar(dict(photos[5 * i : 5 * i + 5]), tarfile.GNU_FORMAT)
        for i in range(3)
    }


@pytest.fixture(scope="session")
def nested(inner, make_tar):
    return make_tar({**inner, "whole/readme.txt": b"flat"}, tarfile.USTAR_FORMAT)


def everything(url):
    return {file.path: data for file, data in stream_files(url, {})}


def all_notes(error):
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def expected(nested):
    """Return the files that Python's tarfile finds, inner tars as folders."""
    found = {}
    with tarfile.open(fileobj=BytesIO(nested)) as outer:
        for member in outer:
            data = outer.extractfile(member).read()
            if not member.name.endswith(".tar"):
                found[member.name] = data
                continue
            with tarfile.open(fileobj=BytesIO(data)) as archive:
                for file in archive:
                    found[f"{member.name[:-4]}/{file.name}"] = archive.extractfile(file).read()
    return found


def test_every_file_comes_with_its_bytes_in_the_archives_order(put, nested):
    found = everything(put(gzip.compress(nested, 1)))
    assert list(found.items()) == list(expected(nested).items())


def test_offsets_refer_to_the_unpacked_archive(put, nested):
    found = list(stream_files(put(gzip.compress(nested, 1)), {}))
    assert len(found) == len(expected(nested))
    for file, data in found:
        assert nested[file.offset : file.offset + file.size] == data


def test_it_is_the_same_on_a_store_over_the_network(s3_url, nested, put):
    packed = gzip.compress(nested, 1)
    open_store(s3_url).put("a.tar.gz", packed)
    assert everything(f"{s3_url}/a.tar.gz") == everything(put(packed))


@pytest.mark.parametrize("cuts", [[], [1], [511, 512, 513], [1 << 20, 3 << 20]])
def test_several_gzip_members_are_one_stream(put, nested, cuts):
    bounds = [0, *cuts, len(nested)]
    parts = [gzip.compress(nested[a:b], 1) for a, b in pairwise(bounds)]
    assert everything(put(b"".join(parts))) == expected(nested)
    assert everything(put((bytes(700)).join(parts) + bytes(1024))) == expected(nested)


@pytest.mark.parametrize("fetch", [1, 2, 7, 4096])
def test_the_chunk_size_does_not_matter(put, make_tar, monkeypatch, fetch):
    files = {f"{i}.txt": random.Random(i).randbytes(i * 37) for i in range(9)}
    monkeypatch.setattr(compressed_tar, "_FETCH", fetch)
    monkeypatch.setattr(compressed_tar, "_CHUNK", fetch)
    packed = gzip.compress(make_tar(files))
    assert everything(put(packed)) == files


def test_gzip_is_known_by_its_bytes(put, nested, tmp_path):
    assert is_compressed(put(gzip.compress(nested, 1), "a.tar"), {})
    assert not is_compressed(put(nested, "b.tar.gz"), {})
    assert not is_compressed(put(b"\x1f", "c.gz"), {})
    assert not is_compressed(put(b"", "d.gz"), {})
    assert not is_compressed(str(tmp_path), {})
    assert not is_compressed(str(tmp_path / "none"), {})


def test_a_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="there is no file"):
        everything(str(tmp_path / "none.tar.gz"))


def test_a_cut_anywhere_is_an_error(put, make_tar):
    packed = gzip.compress(
        make_tar({"a.jpg": os.urandom(900), "n1.tar": make_tar({"b.jpg": os.urandom(600)})})
    )
    for length in range(2, len(packed), 13):
        url = put(packed[:length])
        with pytest.raises(CorruptError, match="gzip data is cut off") as caught:
            everything(url)
        assert url in all_notes(caught.value)


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit_anywhere_is_an_error(put, make_tar, seed):
    draw = random.Random(seed)
    tar = make_tar({"a.jpg": draw.randbytes(300), "n1.tar": make_tar({"b.jpg": draw.randbytes(300)})})
    packed = gzip.compress(tar)
    for at in [*range(3), *draw.sample(range(10, len(packed)), 150)]:  # flags and time between decide nothing
        damaged = bytearray(packed)
        damaged[at] ^= 1 << draw.randrange(8)
        if unzipped(damaged) == tar:  # a bit that fills up the last byte before the checksum
            continue
        url = put(damaged)
        with pytest.raises((CorruptError, SourceError)) as caught:
            everything(url)
        assert url in all_notes(caught.value)


def unzipped(data):
    """Return the bytes that Python's gzip unpacks; None for damaged data."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def test_a_tar_that_was_cut_before_it_was_gzipped_is_an_error(put, nested):
    for length in range(512, len(nested) - 10240, 199_999):
        with pytest.raises(CorruptError, match=r"cut off|should reach|stops at") as caught:
            everything(put(gzip.compress(nested[:length], 1)))
        assert "whole/" in all_notes(caught.value) or length < 1024
        assert "offset" in str(caught.value)


def test_a_damaged_header_in_an_inner_tar_names_archive_member_and_offset(put, nested):
    files = list(stream_files(put(gzip.compress(nested, 1)), {}))
    damaged = bytearray(nested)
    damaged[files[6][0].offset - 512 + 3] ^= 1
    url = put(gzip.compress(damaged, 1))
    with pytest.raises(
        CorruptError, match=f"header at offset {files[6][0].offset - 512:,} is damaged"
    ) as caught:
        everything(url)
    notes = all_notes(caught.value)
    assert url in notes
    assert "'whole/n00000001.tar'" in notes
    assert files[5][0].path.rsplit("/", 1)[1] in notes


def test_garbage_after_the_gzip_data_is_an_error(put, nested):
    with pytest.raises(CorruptError, match="damaged"):
        everything(put(gzip.compress(nested, 1) + b"garbage"))


def test_gzip_within_gzip_is_an_error(put, nested):
    with pytest.raises(SourceError, match="is a gzip file"):
        everything(put(gzip.compress(gzip.compress(nested, 1), 1)))


def test_a_file_too_large_to_be_an_image_is_refused(put, make_tar, monkeypatch):
    monkeypatch.setattr(compressed_tar, "MAX_FILE_BYTES", 1000)
    with pytest.raises(
        SourceError, match=r"'big\.jpg' at offset 2,048 has 1,001 bytes; at most 1,000 are read"
    ):
        everything(
            put(
                gzip.compress(make_tar({"ok.jpg": bytes(1000), "big.jpg": bytes(1001)}, tarfile.USTAR_FORMAT))
            )
        )


def test_an_archive_that_is_replaced_meanwhile_is_an_error(put, nested, monkeypatch):
    monkeypatch.setattr(compressed_tar, "_FETCH", 1 << 12)
    monkeypatch.setattr(compressed_tar, "_CHUNK", 1 << 12)
    packed = gzip.compress(nested, 1)
    url = put(packed)
    with pytest.raises(ChangedError), closing(stream_files(url, {})) as files:  # noqa: PT012 - begun, then changed
        next(files)
        Path(put(packed[:-1] + b"x", "other")).replace(url)
        list(files)


def test_closing_ends_every_thread(put, nested):
    import threading

    before = threading.active_count()
    with closing(stream_files(put(gzip.compress(nested, 1)), {})) as files:
        next(files)
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_an_inner_tar_much_larger_than_the_memory_is_walked(tmp_path):
    noise = random.Random(0).randbytes(1 << 20)
    path = tmp_path / "large.tar.gz"
    with gzip.open(path, "wb", 0) as out, tarfile.open(fileobj=out, mode="w|") as outer:
        info = tarfile.TarInfo("n1.tar")
        head = tarfile.TarInfo("x")
        head.size = len(noise)
        info.size = 120 * (512 + len(noise)) + 1024
        outer.addfile(info, LargeTar(noise, info.size))
    tracemalloc.start()
    try:
        assert sum(len(data) for _, data in stream_files(str(path), {})) == 120 << 20
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


class LargeTar:
    """A tar of 120 files with the same content, made during the read."""

    def __init__(self, noise, size):
        self.parts = self.make(noise)
        self.rest = b""
        self.size = size

    def make(self, noise):
        for i in range(120):
            head = tarfile.TarInfo(f"n1_{i}.JPEG")
            head.size = len(noise)
            yield head.tobuf(tarfile.USTAR_FORMAT)
            yield noise
        yield bytes(1024)

    def read(self, size):
        while len(self.rest) < size and (part := next(self.parts, None)):
            self.rest += part
        out, self.rest = self.rest[:size], self.rest[size:]
        return out
