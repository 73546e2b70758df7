import contextlib
import io
import struct
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs import mat
from wds_imagenet.inputs.mat import read_mat

HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def array(kind, shape, name, *content, flags=0):
    return element(
        14,
        element(6, struct.pack("<II", kind | flags << 8, 0))
        + element(5, struct.pack(f"<{len(shape)}i", *shape))
        + element(1, name)
        + b"".join(content),
    )


def structs(fields, shape, *content, name=b"s", width=8):
    names = b"".join(field.ljust(width, b"\0") for field in fields)
    return array(2, shape, name, struct.pack("<HHI", 5, 4, width), element(1, names), *content)


@pytest.fixture(scope="module")
def meta(devkit_tar):
    with tarfile.open(devkit_tar) as archive:
        return archive.extractfile("ILSVRC2012_devkit_t12/data/meta.mat").read()


def test_the_genuine_meta_mat_is_read_as_scipy_reads_it(meta):
    loadmat = pytest.importorskip("scipy.io").loadmat
    ours = read_mat(meta)["synsets"]
    theirs = loadmat(io.BytesIO(meta))["synsets"].ravel()
    assert len(ours) == len(theirs) == 1860
    for one, other in zip(ours, theirs, strict=True):
        assert tuple(one) == other.dtype.names
        for name, value in one.items():
            flat = other[name].ravel(order="F").tolist()
            assert value == (flat[0] if other[name].dtype.kind == "U" else flat)


@pytest.mark.parametrize("compressed", [False, True])
def test_files_written_by_scipy_are_read(compressed):
    scipy_io = pytest.importorskip("scipy.io")
    numpy = pytest.importorskip("numpy")
    out = io.BytesIO()
    values = {
        "f": numpy.array([[1.5, -2.0], [3.0, 4.0]]),
        "t": "tench",
        "u": "丁鲷",
        "e": numpy.zeros((0, 3)),
    }
    scipy_io.savemat(out, {"s": {**values, "deep": {"i": numpy.uint16(300)}}}, do_compression=compressed)
    (found,) = read_mat(out.getvalue())["s"]
    assert found["f"] == [1.5, 3.0, -2.0, 4.0]
    assert (found["t"], found["u"], found["e"]) == ("tench", "丁鲷", [])
    assert found["deep"] == [{"i": [300]}]


def test_big_endian_files_are_read():
    words = struct.pack(">II", 6, 8) + struct.pack(">II", 9, 0)
    shape = struct.pack(">II", 5, 8) + struct.pack(">ii", 1, 1)
    name = struct.pack(">HH", 1, 1) + b"x\0\0\0"
    value = struct.pack(">HH", 2, 3) + struct.pack(">h", -7) + b"\0\0"
    body = words + shape + name + value
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI"
    assert read_mat(head + struct.pack(">II", 14, len(body)) + body) == {"x": [-7]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a MAT-file"),
        (b"\x89HDF\r\n" * 40, "not a MAT-file"),
        (HEAD + b"\x0e\0\0\0\xff\xff\xff\xff", "but only 0 are left"),
        (HEAD + b"\x0e\0", "damaged"),
        (HEAD + element(9, bytes(8)), "a variable of type 9"),
        (HEAD + element(15, zlib.compress(array(6, (1, 1), b"x", element(9, bytes(8))))[:-6]), "cut off"),
        (HEAD + element(15, b"not zlib"), "damaged"),
        (HEAD + array(1, (1, 1), b"x"), "of class 1"),
        (HEAD + array(6, (1, 1), b"x", element(9, bytes(8)), flags=0x08), "flags 0x8"),
        (HEAD + array(6, (2, 2), b"x", element(9, bytes(8))), "has 1 numbers"),
        (HEAD + array(6, (-1, -1), b"x", element(9, bytes(8))), "shape"),
        (HEAD + array(6, (1, 1), b"x", element(99, bytes(8))), "numbers of type 99"),
        (HEAD + array(4, (1, 4), b"x", element(99, b"tench")), "characters of type 99"),
        (HEAD + array(4, (1, 1), b"x", element(16, b"\xff")), "damaged"),
        (HEAD + structs([b"a"], (1 << 30, 1 << 30)), "structs of 1 fields"),
        (HEAD + structs([], (1 << 30, 1)), "structs of 0 fields"),
        (HEAD + structs([b"a"], (1, 1), element(9, bytes(8))), "a field of type 9"),
        (HEAD + structs([b"abcd"], (1, 1), bytes(16), width=3), "field names"),
        (HEAD + array(2, (1, 1), b"s", struct.pack("<HHI", 5, 4, 0), element(1, b"a")), "field names"),
        (HEAD + element(14, element(6, b"")), "damaged"),
    ],
)
def test_a_hostile_file_is_refused_with_a_message(data, message):
    with pytest.raises(SourceError, match=message):
        read_mat(data)


def test_nested_structs_are_read_to_a_bounded_depth():
    inner = array(6, (1, 1), b"", element(9, bytes(8)))
    for _ in range(20):
        inner = structs([b"a"], (1, 1), inner, name=b"")
    with pytest.raises(SourceError, match="deeper than 8"):
        read_mat(HEAD + inner)


def test_decompression_stops_at_the_cap(monkeypatch):
    monkeypatch.setattr(mat, "MAX_BYTES", 1 << 20)
    bomb = element(15, zlib.compress(array(6, (1, 1), b"x", element(9, bytes(2 << 20)))))
    with pytest.raises(SourceError, match="more than 1,048,576 bytes"):
        read_mat(HEAD + bomb)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(data):
    number = array(9, (1, 2), b"", element(2, b"\1\2"))
    text = array(4, (1, 5), b"", element(16, b"tench"))
    good = bytearray(HEAD + structs([b"id", b"words"], (2, 1), number, text, number, text))
    assert read_mat(bytes(good))["s"] == [{"id": [1, 2], "words": "tench"}] * 2
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(126, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SourceError):  # any other error fails the test
        read_mat(bytes(good[: data.draw(st.integers(128, len(good)))]))
