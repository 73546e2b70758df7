"""The walk in C against the one in Python: the same members, or none at all."""

import gc
import io
import re
import tarfile
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wds_imagenet.errors import CorruptError
from wds_imagenet.format import samples as module
from wds_imagenet.format.samples import ArchiveSamples, group_members, key_label_image
from wds_imagenet.format.tar import archive_end, member_header, member_padding, walk_bytes
from wds_imagenet.sample import IMAGE_SUFFIXES

native = pytest.importorskip("wds_imagenet.format._walk", reason="the C walk was not built")

FILES = {
    "n01440764_1.cls": b"0",
    "n01440764_1.jpg": bytes(range(256)) * 5,
    "a/b.json": b"",
    "c.txt": b"x" * 512,
}


def build(files):
    body = b"".join(
        member_header(name, len(data)) + data + member_padding(len(data)) for name, data in files.items()
    )
    return body, body + archive_end(len(body))


BODY, ARCHIVE = build(FILES)


def in_c(data, *, ended):
    """Return the samples of the walk in C, one tuple each, or None if it leaves the archive to Python."""
    found = native.walk(data, ended, IMAGE_SUFFIXES)
    if found is None:
        return None
    keys, suffixes, heads, spans = found
    firsts = memoryview(heads).cast("q")[3::4].tolist()
    ends = memoryview(spans).cast("q").tolist()
    samples = []
    for key, names, first in zip(keys, suffixes, firsts, strict=True):
        spans = (ends[2 * i : 2 * i + 2] for i in range(first, first + len(names)))
        samples.append((key, *chain.from_iterable((n, *span) for n, span in zip(names, spans, strict=True))))
    assert 2 * sum(map(len, suffixes)) == len(ends)
    return samples


def in_python(data, *, ended):
    """Return the samples of the walk in Python, or None if it refuses the archive."""
    try:
        samples = list(group_members(walk_bytes(data, ended=ended)))
    except CorruptError:
        return None
    return [
        (key, *chain.from_iterable((suffix, m.offset, m.offset + m.size) for suffix, m in members.items()))
        for key, members in samples
    ]


@given(
    st.dictionaries(
        st.from_regex(r"(f/)?(|_|k)[a-z0-9]([a-z0-9_]{0,40}|)\.(jpg|JSON|seg\.png|cls)", fullmatch=True),
        st.binary(max_size=1500),
    )
)
def test_written_archives_are_read_in_c(files):
    body, archive = build(files)
    assert in_c(archive, ended=True) == in_python(archive, ended=True)
    assert in_c(body, ended=False) == in_python(body, ended=False)


@given(st.lists(st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_c_and_python_agree_on_damaged_archives(changes):
    data = bytearray(ARCHIVE)
    for at, value in changes:
        data[at] = value
    for ended in (True, False):
        found = in_c(bytes(data), ended=ended)
        assert found is None or found == in_python(bytes(data), ended=ended)


def test_every_flipped_bit_of_a_header_is_left_to_python():
    for bit in range(512 * 8):
        data = bytearray(ARCHIVE)
        data[bit // 8] ^= 1 << bit % 8
        found = in_c(bytes(data), ended=True)
        assert found is None or found == in_python(bytes(data), ended=True)
        if found is None:
            with pytest.raises(CorruptError):
                list(ArchiveSamples(bytes(data)))


@pytest.mark.parametrize(
    "names",
    [
        *(["__meta__.json"], ["a/.jpg"], [".jpg"], ["a"], ["a."], ["a.jpg", "a.JPG"]),
        *([f"a.{i}" for i in range(17)], ["@eaDir/a.jpg"], ["x/THUMBS.db"], ["PaxHeaders.1/a.jpg"]),
    ],
)
def test_unusual_samples_are_left_to_python(names):
    assert in_c(build(dict.fromkeys(names, b"x"))[1], ended=True) is None


def test_neighbours_of_one_key_are_a_sample_with_lower_case_suffixes():
    _, archive = build({"a.JPG": b"1", "a.seg.png": b"22", "b.x": b"", "a.cls": b"3", "_/__x__.txt": b""})
    found = in_c(archive, ended=True)
    assert found == in_python(archive, ended=True)
    assert [place[0] for place in found] == ["a", "b", "a", "_/__x__"]
    assert found[0] == ("a", "jpg", 512, 513, "seg.png", 1536, 1538)


@pytest.mark.parametrize("size", range(0, len(ARCHIVE), 97))
def test_a_cut_archive_is_left_to_python(size):
    found = in_c(ARCHIVE[:size], ended=True)
    assert found is None or found == in_python(ARCHIVE[:size], ended=True)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_tarfile_give_the_same_samples_in_c_and_python(form):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in {"x" * 90 + "/" + "y" * 60 + ".jpg": b"1", "k.jpg": b"22", "k.json": b"{}"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    keys = [sample.key for sample in ArchiveSamples(buffer.getvalue())]
    assert keys == ["x" * 90 + "/" + "y" * 60, "k"]


def test_samples_by_index_and_by_iteration_are_equal():
    samples = ArchiveSamples(ARCHIVE)
    assert [samples[i] for i in range(len(samples))] == list(samples)
    assert samples[1:] == list(samples)[1:]
    with pytest.raises(IndexError):
        samples[len(samples)]


def test_found_samples_cost_the_garbage_collector_nothing():
    def tracked(count):
        archive = build({f"{i}.{suffix}": b"1" for i in range(count) for suffix in ("jpg", "cls", "json")})[1]
        before = len(gc.get_objects())
        samples = ArchiveSamples(archive)
        return len(gc.get_objects()) - before, samples

    gc.collect()
    assert tracked(1000)[0] == tracked(1)[0] < 20


@pytest.fixture(params=["native", "Python"])
def engine(request, monkeypatch):
    if request.param == "Python":
        monkeypatch.setattr(module, "_walk", None)
    return request.param


LABELS = [b"0", b"-12\n", b" 7 ", b"\v3\f\r", b"9" * 18, b"-" + b"9" * 18, b"007", b"-0"]
WRONG = [b"", b" ", b"-", b"9" * 19, b"1 2", b"+1", b"1.0", b"\xd9\xa3", b"1\0", b"\x1c1", b"--1", b"cat"]


@given(st.one_of(st.sampled_from([*LABELS, *WRONG]), st.binary(max_size=24)))
@example(b"\x85 1")
def test_key_label_image_equals_the_samples_own(text):
    found = ArchiveSamples(build({"a.json": b"{}", "a.JPG": b"\xff\xd8", "a.png": b"no", "a.cls": text})[1])
    try:
        label = found[0].label
    except CorruptError as error:
        with pytest.raises(CorruptError, match=re.escape(str(error))):
            found.key_label_image(0)
    else:
        assert found.key_label_image(0) == ("a", label, b"\xff\xd8")


@pytest.mark.usefixtures("engine")
def test_key_label_image_reads_labels_from_json_and_names_a_missing_image():
    labels = {"a.json": b'{"label": 5}', "c.cls": b"1", "d.cls": b"4"}
    images = {"a.jpg": b"1", "b.jpeg": b"2", "d.webp": b""}
    found = ArchiveSamples(build(dict(sorted({**labels, **images}.items())))[1])
    assert [key_label_image(found, at) for at in (0, 1, 3)] == [
        ("a", 5, b"1"),
        ("b", None, b"2"),
        ("d", 4, b""),
    ]
    assert [key_label_image(list(found), at) for at in (0, 1, 3)] == [
        key_label_image(found, at) for at in (0, 1, 3)
    ]
    with pytest.raises(CorruptError, match="sample 'c' has no image"):
        found.key_label_image(2)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
@pytest.mark.usefixtures("engine")
def test_every_image_suffix_is_found(suffix):
    assert (
        ArchiveSamples(build({"a.txt": b"x", f"a.{suffix}": b"image", "a.cls": b"1"})[1]).key_label_image(0)[
            2
        ]
        == b"image"
    )
