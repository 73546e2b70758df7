"""Each fault of a tar has its own message, with the offset of the header."""

import sys

import pytest

from wds_imagenet.errors import CorruptError
from wds_imagenet.format import samples as samples_module
from wds_imagenet.format.samples import ArchiveSamples, group_members, walk_engine
from wds_imagenet.format.tar import walk, walk_bytes

END = bytes(1024)


def member(name, content=b"", kind=b"0", magic=b"ustar\x0000", size=None):
    """Return header, content and padding of a member, whatever the name and kind."""
    head = bytearray(512)
    raw = name if isinstance(name, bytes) else name.encode()
    head[: len(raw)] = raw
    head[124:136] = b"%011o\0" % (len(content) if size is None else size)
    head[156:157] = kind
    head[257:265] = magic
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content + bytes(-len(content) % 512)


def record(key, value):
    body = f" {key}={value}\n".encode()
    length = len(body) + 1
    while length != len(str(length)) + len(body):
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def long(name):
    return member("././@LongLink", name.encode() + b"\0", b"L", b"ustar  \0")


def sized(field):
    """Return a member whose size has these 12 bytes."""
    head = bytearray(member("a"))
    head[124:136] = field
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


FAULTS = {
    "has b'0000000000X\\x00' where octal digits belong": sized(b"0000000000X\0"),
    "has b'            ' where octal digits belong": sized(b" " * 12),
    "zero byte: 'a\\x00b'": member("x", record("path", "a\0b"), b"x") + member("c"),
    "a long name at offset 0 belongs to no member": long("a/b.jpg") + END,
    "100,000 bytes of extended header at offset 0": member("x", b"x" * 100_000, b"x") + END,
    "the global header at offset 0 names a member": member("g", record("path", "a.jpg"), b"g") + END,
    "the member at offset 0 has two long names": long("a.jpg") + long("b.jpg") + member("c.jpg") + END,
    "a long name at offset 0 belongs to": long("a.jpg") + member("g", record("comment", "x"), b"g") + END,
    "a long name at offset 0 belongs to no": long("a") + member("g", b"", b"g") + member("b.jpg") + END,
    "the header at offset 0 is of no known tar format": member("a.jpg", magic=b"zipzip\0\0") + END,
    "the name at offset 0 is not UTF-8": member(b"\xff.jpg") + END,
    "the header at offset 0 has no name": member("") + END,
    "the name at offset 0 is empty or has a zero byte": member("L", b"\0" * 4, b"L") + member("a") + END,
    "the PAX header at offset 0 is damaged": member("x", b"x path=a\n", b"x") + member("a") + END,
    "the PAX header at offset 0 is": member("x", b"9999999 path=a\n", b"x") + member("a") + END,
    "the PAX header at offset 0": member("x", b"10 path=a.", b"x") + member("a") + END,
    "the PAX header at": member("x", b"6 abc\n", b"x") + member("a") + END,
    "gives two names": member("x", record("path", "a") + record("path", "b"), b"x") + member("a") + END,
    "sets 'size', which is not supported": member("x", record("size", "1"), b"x") + member("a") + END,
    "sets 'GNU.sparse.map', which is": member("x", record("GNU.sparse.map", "1"), b"x") + member("a") + END,
    "is no file": member("a", kind=b"5", content=b"x") + END,
    "to 5,632, past the end at 1,536: the tar is cut off, or is one part": member("a", size=5000) + END,
    "is cut off in the header at offset 512": member("a") + b"\0" * 300,
    "end marker at offset 512 is cut off": member("a") + bytes(512),
    "stops at offset 512 without its end marker": member("a"),
    "there is data at offset 1,700": member("a") + END + bytes(164) + b"x" + bytes(300),
}


@pytest.mark.parametrize(("message", "data"), FAULTS.items(), ids=FAULTS)
def test_a_fault_is_named_with_its_offset(message, data):
    with pytest.raises(CorruptError) as caught:
        list(walk_bytes(data))
    assert message in str(caught.value)


def test_names_of_pax_and_gnu_and_global_headers_without_a_name_are_read():
    data = member("g", record("comment", "x"), b"g") + long("long.jpg") + member("short")
    data += member("x", record("mtime", "1") + record("path", "pax.jpg"), b"x") + member("short", b"abc")
    data += member("x", record("mtime", "1"), b"x") + member("plain.jpg") + END
    assert [(found.name, found.size) for found in walk_bytes(data)] == [
        ("long.jpg", 0),
        ("pax.jpg", 3),
        ("plain.jpg", 0),
    ]


def test_a_stream_of_unknown_length_ends_where_it_has_no_more_bytes():
    whole = member("a.jpg", b"abc") + END

    def reader(data):
        return lambda at, size: data[at : at + size]

    assert [found.name for found in walk(reader(whole), 0, None)] == ["a.jpg"]
    assert [found.name for found in walk(reader(whole + bytes(9216)), 0, None)] == ["a.jpg"]
    with pytest.raises(CorruptError, match="cut off at offset"):
        list(walk(reader(whole[:-512]), 0, None))
    with pytest.raises(CorruptError, match="data at offset"):
        list(walk(reader(whole + b"x"), 0, None))


def test_a_range_that_ends_before_its_stated_stop_is_cut_off():
    whole = member("a.jpg", b"abc") + END
    with pytest.raises(CorruptError, match="cut off at offset"):
        list(walk(lambda at, size: whole[at : at + size], 0, len(whole) + 512))


def test_a_member_without_a_suffix_is_passed_over():
    assert list(group_members(walk_bytes(member("README") + END))) == []
    assert list(group_members(walk_bytes(END))) == []
    found = group_members(walk_bytes(member("README") + member("a.jpg") + member("a.cls") + END))
    assert [(key, list(members)) for key, members in found] == [("a", ["jpg", "cls"])]


@pytest.mark.parametrize("name", ["..", "a/.."])
def test_a_member_without_a_key_is_named(name):
    with pytest.raises(CorruptError, match="at offset 0 has no key"):
        list(group_members(walk_bytes(member(name) + END)))


def test_two_members_of_one_suffix_are_an_error():
    with pytest.raises(CorruptError, match="has two members 'jpg', at offsets 0 and 512"):
        list(group_members(walk_bytes(member("a.jpg") + member("a.JPG") + END)))


def test_without_the_native_module_python_walks(monkeypatch):
    assert walk_engine() == "native"
    data = member("a.jpg", b"abc") + member("a.cls", b"7") + END
    monkeypatch.setitem(sys.modules, "wds_imagenet.format._walk", None)
    assert samples_module._load() is None
    monkeypatch.setattr(samples_module, "_walk", None)
    assert walk_engine() == "Python"
    [sample] = ArchiveSamples(data)
    assert (sample.key, sample.label, sample.image) == ("a", 7, b"abc")


def test_a_size_may_have_spaces_around_its_digits():
    assert [found.size for found in walk_bytes(sized(b"  00000000 \0") + END)] == [0]


def test_a_name_may_fill_its_field():
    data = member("n" * 96 + ".jpg") + member(b"a\0b\0c") + END
    assert [found.name for found in walk_bytes(data)] == ["n" * 96 + ".jpg", "a"]


@pytest.mark.parametrize("native", [True, False])
def test_a_part_has_samples_without_an_end_marker_only_if_it_is_said_to_be_one(monkeypatch, native):
    if not native:
        monkeypatch.setattr(samples_module, "_walk", None)
    part = member("a.jpg", b"abc")
    assert [sample.key for sample in ArchiveSamples(part, ended=False)] == ["a"]
    with pytest.raises(CorruptError, match="without its end marker"):
        ArchiveSamples(part)
    assert len(ArchiveSamples(part + END)) == 1
