import gzip
import io
import tarfile

import pytest

from wds_imagenet.errors import ChangedError, CorruptError, SourceError, UsageError
from wds_imagenet.inputs.file_listing import list_files

FORMATS = pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
FILES = {"a/1.jpg": b"one", "./a/2.jpg": b"two" * 400, "b/3.jpg": b"", "é.jpg": b"4"}


def write(path, content):
    path.write_bytes(content)
    return str(path)


@FORMATS
def test_offsets_and_sizes_are_those_of_tarfile(tmp_path, make_tar, form):
    url = write(tmp_path / "x.tar", make_tar(FILES, form))
    with tarfile.open(url) as archive:
        expected = [(m.name.removeprefix("./"), m.offset_data, m.size) for m in archive]
    assert [(f.path, f.offset, f.size) for f in list_files(url, {})] == expected


@FORMATS
def test_an_inner_tar_is_a_folder_whose_files_lie_in_the_outer_one(tmp_path, make_tar, form):
    inner = make_tar({"1.jpg": b"one", "d/2.jpg": b"two"}, form)
    url = write(tmp_path / "x.tar", make_tar({"n1.tar": inner, "c.jpg": b"c", "p/N2.TAR": inner}, form))
    whole = (tmp_path / "x.tar").read_bytes()
    found = {f.path: whole[f.offset : f.offset + f.size] for f in list_files(url, {}) if f.url == url}
    one_two = {"1.jpg": b"one", "d/2.jpg": b"two"}
    assert found == {
        **{f"n1/{name}": content for name, content in one_two.items()},
        "c.jpg": b"c",
        **{f"p/N2/{name}": content for name, content in one_two.items()},
    }


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_whole(tmp_path, make_tar, form):
    name = "/".join(["folder" * 10] * 5) + "/n01440764_1.JPEG"
    url = write(tmp_path / "x.tar", make_tar({"i.tar": make_tar({name: b"x"}, form)}, form))
    assert [file.path for file in list_files(url, {})] == [f"i/{name}"]


def test_an_archive_on_another_store_is_listed_the_same(tmp_path, make_tar):
    import fsspec

    content = make_tar({f"{i}.tar": make_tar({f"{i}.jpg": bytes(i * 1000)}) for i in range(90)})
    fsspec.filesystem("memory").pipe_file("/archives/x.tar", content)
    local = [(f.path, f.offset, f.size) for f in list_files(write(tmp_path / "x.tar", content), {})]
    remote = list(list_files("memory://archives/x.tar", {}))
    assert [(f.path, f.offset, f.size) for f in remote] == local
    assert {f.url for f in remote} == {"memory://archives/x.tar"}


def test_tars_in_a_folder_are_looked_into_where_asked(make_tree, make_tar):
    import re

    folder = make_tree({"t/n1.tar": make_tar({"1.jpg": b"one"}), "t/other.tar": b"anything"})
    plain = [(f.path, f.offset) for f in list_files(folder, {})]
    assert plain == [("t/n1.tar", 0), ("t/other.tar", 0)]
    within = [(f.path, f.url) for f in list_files(folder, {}, re.compile(r"n\d\.tar"))]
    assert within == [("t/n1/1.jpg", f"{folder}/t/n1.tar"), ("t/other.tar", f"{folder}/t/other.tar")]


def test_an_archive_cut_off_anywhere_is_an_error(tmp_path, make_tar):
    inner = make_tar({"1.jpg": b"one", "2.jpg": b"two"})
    whole = make_tar({"n1.tar": inner, "3.jpg": b"3"})
    end = len(whole.rstrip(b"\0"))
    for size in [*range(0, end + 1024, 256), end + 1024]:
        with pytest.raises(CorruptError) as caught:
            list(list_files(write(tmp_path / "x.tar", whole[:size]), {}))
        assert f"in the tar archive {tmp_path}/x.tar" in caught.value.__notes__[-1]


def test_an_error_names_archive_member_and_offset(tmp_path, make_tar):
    inner = bytearray(make_tar({"1.jpg": b"one", "2.jpg": b"two"}))
    inner[1024] ^= 1  # in the second header's name
    url = write(tmp_path / "x.tar", make_tar({"n1.tar": bytes(inner)}))
    with pytest.raises(CorruptError, match=r"header at offset 1,536 is damaged") as caught:
        list(list_files(url, {}))
    assert caught.value.__notes__ == [
        f"in the tar archive {url}, in its member 'n1.tar', after the member '1.jpg'"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            gzip.compress(b"x", mtime=0),
            r"x\.tar'? is a gzip file, which cannot be read at random: gunzip it first",
        ),
        (b"BZh91AY", "bunzip2"),
        (b"\xfd7zXZ\0\0", "unxz"),
        (b"PK\3\4\0", "unzip it first"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
    ],
)
def test_a_compressed_archive_is_refused_whatever_its_name(tmp_path, make_tar, content, message):
    with pytest.raises(SourceError, match=message):
        list(list_files(write(tmp_path / "x.tar", content), {}))
    nested = write(tmp_path / "y.tar", make_tar({"x.tar": content}))
    with pytest.raises(SourceError, match=message):
        list(list_files(nested, {}))


def test_a_file_that_is_no_archive_and_a_place_with_nothing_are_errors(tmp_path):
    with pytest.raises(CorruptError) as caught:
        list(list_files(write(tmp_path / "x.csv", b"path,label\n" * 99), {}))
    assert "x.csv, before its first member; it begins b" in caught.value.__notes__[0]
    with pytest.raises(UsageError, match="there is nothing at"):
        list(list_files(str(tmp_path / "nowhere"), {}))


def test_an_archive_replaced_while_it_is_listed_is_an_error(tmp_path, make_tar):
    from wds_imagenet.inputs.windowed_reader import open_reader
    from wds_imagenet.storage import open_store

    (tmp_path / "x.tar").write_bytes(make_tar({"1.jpg": b"1"}))
    store = open_store(str(tmp_path))
    info = store.info("x.tar")
    (tmp_path / "x.tar").write_bytes(make_tar({"1.jpg": b"1" * 9999}))
    with pytest.raises(ChangedError), open_reader(store, info):
        pass


def test_links_are_refused(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(CorruptError, match=r"'link\.jpg' at offset 0 is no file"):
        list(list_files(write(tmp_path / "x.tar", out.getvalue()), {}))
