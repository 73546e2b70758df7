"""The tar writer and the strict reader, against Python's `tarfile` and against damage."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import CorruptError, DataError
from wds_imagenet.format.tar import (
    RECORD,
    archive_end,
    member_header,
    member_padding,
    padded_size,
    walk,
    walk_bytes,
)

FILES = {
    "n01440764_10026.cls": b"0",
    "n01440764_10026.jpg": bytes(range(256)) * 3,
    "n01440764_10026.json": b'{"label":0}',
    "b/deep/key.txt": b"",
}
names = st.text("abcXYZ019_-/", min_size=1, max_size=96).map(lambda text: text.strip("/") + "x.jpg")
contents = st.binary(max_size=2000)


def build(files: dict[str, bytes]) -> bytes:
    parts = [
        part
        for name, data in files.items()
        for part in (member_header(name, len(data)), data, member_padding(len(data)))
    ]
    body = b"".join(parts)
    return body + archive_end(len(body))


def read(data: bytes) -> dict[str, bytes]:
    return {m.name: data[m.offset : m.offset + m.size] for m in walk_bytes(data)}


def by_tarfile(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


def written_by_tarfile(files: dict[str, bytes], form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def flip(data: bytes, start: int, bit: int) -> bytes:
    damaged = bytearray(data)
    damaged[start + bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


ARCHIVE = build(FILES)
END = max(member.end for member in walk_bytes(ARCHIVE))


@given(st.dictionaries(names, contents, max_size=5))
def test_tarfile_reads_written_archives(files: dict[str, bytes]) -> None:
    assert by_tarfile(build(files)) == files == read(build(files))


@given(
    st.dictionaries(names, contents, max_size=5),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_archives_of_tarfile_are_read(files: dict[str, bytes], form: int) -> None:
    assert read(written_by_tarfile(files, form)) == files


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_longer_than_ustar_has_room_for_are_read(form: int) -> None:
    files = {"long/" * 60 + "name.jpg": b"1", "größe.jpg": b"2", "plain.jpg": b"3"}
    assert read(written_by_tarfile(files, form)) == files


def test_ustar_names_are_joined_from_prefix_and_name() -> None:
    files = {"p" * 90 + "/" + "n" * 60 + ".jpg": b"1"}
    assert read(written_by_tarfile(files, tarfile.USTAR_FORMAT)) == files


def test_the_bytes_are_those_that_tarfile_would_write() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o444
            archive.addfile(info, io.BytesIO(data))
    assert buffer.getvalue() == ARCHIVE


def test_an_archive_is_a_multiple_of_twenty_records() -> None:
    sizes = range(0, 30_000, RECORD)
    assert {(size + len(archive_end(size))) % 10_240 for size in sizes} == {0}
    assert min(len(archive_end(size)) for size in sizes) == 1024


def test_every_truncation_is_an_error() -> None:
    for cut in range(END + 2 * RECORD):
        with pytest.raises(CorruptError, match="offset"):
            read(ARCHIVE[:cut])


def test_zeros_missing_after_the_end_marker_are_harmless() -> None:
    for cut in range(END + 2 * RECORD, len(ARCHIVE)):
        assert read(ARCHIVE[:cut]) == FILES


def test_every_flipped_bit_of_a_header_is_an_error_or_harmless() -> None:
    found = 0
    for member in walk_bytes(ARCHIVE):
        for bit in range(8 * RECORD):
            damaged = flip(ARCHIVE, member.start, bit)
            try:
                assert read(damaged) == FILES, f"{member}, bit {bit}"
            except CorruptError:
                found += 1
    assert found > 0.99 * 8 * RECORD * len(FILES)


def test_a_flipped_bit_of_any_byte_of_the_ending_is_an_error() -> None:
    for bit in range(0, 8 * (len(ARCHIVE) - END), 7):
        with pytest.raises(CorruptError, match="offset"):
            read(flip(ARCHIVE, END, bit))


@given(st.binary(max_size=3000), st.integers(0, len(ARCHIVE)))
def test_foreign_bytes_are_an_error_and_nothing_worse(noise: bytes, at: int) -> None:
    data = ARCHIVE[:at] + noise + ARCHIVE[at + len(noise) :]
    try:
        sizes = [m.size for m in walk_bytes(data)]
    except CorruptError:
        return
    assert sum(sizes) <= len(data)


def test_a_part_that_ends_at_a_member_is_read_without_end_marker() -> None:
    members = list(walk_bytes(ARCHIVE))
    part = ARCHIVE[: members[1].end]
    assert list(walk_bytes(part, ended=False)) == members[:2]
    with pytest.raises(CorruptError, match="without its end marker"):
        list(walk_bytes(part))


def test_a_range_of_a_larger_file_is_walked_in_place() -> None:
    outer = build({"inner.tar": ARCHIVE, "next": b"1"})
    inner = next(walk_bytes(outer))
    found = walk(lambda at, size: outer[at : at + size], inner.offset, inner.offset + inner.size)
    assert {m.name: outer[m.offset : m.offset + m.size] for m in found} == FILES


def test_folders_are_skipped() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        archive.addfile(tarfile.TarInfo("folder/file"))
    assert read(buffer.getvalue()) == {"folder/file": b""}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_rejected(kind: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("passwd")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(CorruptError, match="is no file"):
        read(buffer.getvalue())


def test_a_size_in_base_256_is_rejected() -> None:
    head = bytearray(member_header("a", 0))
    head[124:136] = (-1536).to_bytes(12, "big", signed=True)  # tarfile would walk backwards for ever
    head[148:156] = b"%06o\0 " % (sum(head) - sum(head[148:156]) + 8 * 32)
    with pytest.raises(CorruptError, match="octal"):
        read(bytes(head) + archive_end(RECORD))


@pytest.mark.parametrize("name", ["", "x" * 101, "größe.jpg"])
def test_a_name_without_ustar_form_is_rejected(name: str) -> None:
    with pytest.raises(DataError, match="ASCII"):
        member_header(name, 1)


@pytest.mark.parametrize("size", [-1, 8 << 30])
def test_a_size_without_ustar_form_is_rejected(size: int) -> None:
    with pytest.raises(DataError, match="8 GiB"):
        member_header("a", size)


@given(st.integers(0, 1 << 40))
def test_padding_fills_the_last_record(size: int) -> None:
    assert (size + len(member_padding(size))) == padded_size(size)
    assert padded_size(size) % RECORD == 0
    assert 0 <= padded_size(size) - size < RECORD


@pytest.mark.parametrize(
    "name", ["a\u202fb.jpg", "\u202ea.jpg", "a\nb.jpg", "a\x07\x1b[31m.jpg", "Icon\r", "é 猫"]
)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_name_may_have_any_character(name, form):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        archive.addfile(tarfile.TarInfo(name))
    assert [member.name for member in walk_bytes(file.getvalue())] == [name]
