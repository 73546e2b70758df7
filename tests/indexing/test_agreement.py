"""`index` and `pack webdataset` read the shards of other programs alike: samples, labels and faults."""

import bz2
import gzip
import io
import json
import lzma
import re
import tarfile

import pytest
import webdataset as wds
from PIL import Image

from wds_imagenet import Dataset, index, pack, repair, verify
from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.storage import open_store


def encoded(kind="PNG"):
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, kind)
    return file.getvalue()


PNG, JPEG = encoded(), encoded("JPEG")


def write(path, members, form=tarfile.USTAR_FORMAT):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            archive.addfile(member, io.BytesIO(data))


def both(folder, out):
    """Return the (label, image) of each sample as `index` and as `pack` see them, or their errors."""
    results = []
    for read in (_indexed, _packed):
        try:
            results.append(read(str(folder), str(out)))
        except WdsImagenetError as error:
            results.append(error)
    return results


def _indexed(url, _):
    return [(s.label, s.image) for s in Dataset.open(index(url).url).samples()]


def _packed(url, out):
    pack("webdataset", url, dest=str(out), workers=1, shuffle=False, split="train")
    return [(s.label, s.image) for s in Dataset.open(str(out)).samples()]


def labelled(text, suffix="cls"):
    return [(f"a.{suffix}", text), ("a.png", PNG)]


ACCEPTED = {
    "label": (labelled(b"3"), [3]),
    "label with spaces": (labelled(b" 3\r\n"), [3]),
    "label with a byte order mark": (labelled(b"\xef\xbb\xbf3\n"), [3]),
    "label with leading zeros": (labelled(b"003"), [3]),
    "label as a fraction of zeros": (labelled(b"3.0"), [3]),
    "label of minus one": (labelled(b"-1"), [None]),
    "large label": (labelled(b"5000000000"), [5_000_000_000]),
    "JSON label": (labelled(b'{"label":3}', "json"), [3]),
    "JSON label as text": (labelled(b'{"label":"3"}', "json"), [3]),
    "JSON label as text with spaces": (labelled(b'{"label":" 3\\n"}', "json"), [3]),
    "JSON label as a float": (labelled(b'{"label":3.0}', "json"), [3]),
    "JSON label as a float in text": (labelled(b'{"label":"3.0"}', "json"), [3]),
    "JSON label of minus one": (labelled(b'{"label":-1}', "json"), [None]),
    "JSON label null": (labelled(b'{"label":null}', "json"), [None]),
    "empty JSON label": (labelled(b'{"label":""}', "json"), [None]),
    "JSON label true": (labelled(b'{"label":true}', "json"), [None]),
    "JSON label 3.5": (labelled(b'{"label":3.5}', "json"), [None]),
    "JSON label of twenty digits": (labelled(b'{"label":10000000000000000000}', "json"), [None]),
    "JSON label as a list": (labelled(b'{"label":[1,2]}', "json"), [None]),
    "JSON label as an object": (labelled(b'{"label":{"id":3}}', "json"), [None]),
    "label before JSON": ([("a.cls", b"1"), ("a.json", b'{"label":2}'), ("a.png", PNG)], [1]),
    "another suffix for the label": (labelled(b"3", "class"), [None]),
    "hidden members": (
        [("._a.png", b"x"), ("a.png", PNG), (".DS_Store", b""), ("__MACOSX/._a.png", b"x"), ("a.cls", b"1")],
        [1],
    ),
    "system members between those of a sample": (
        [("a.cls", b"1"), ("x/Thumbs.db", b""), ("@eaDir/a.jpg", JPEG), ("a.png", PNG)],
        [1],
    ),
    "PAX headers as files": ([("PaxHeaders.12/a.png", b"30 mtime=1\n"), ("a.png", PNG)], [None]),
    "members without suffix": ([("README", b"hello"), ("a.png", PNG), ("x.", b"")], [None]),
    "folders": ([("x/", b""), ("x/a.png", PNG), ("x/a.cls", b"2")], [2]),
    "a dot before each name": ([("./a.png", PNG), ("./a.cls", b"2")], [2]),
    "upper case": ([("A.PNG", PNG), ("A.CLS", b"2")], [2]),
    "a narrow no-break space": ([("Screen 1\u202fPM.png", PNG)], [None]),
    "other letters and directions": ([("\u202e猫 é.png", PNG), ("b\u200b.png", PNG)], [None, None]),
    "control characters": ([("a\x07b\x1b[31m.png", PNG)], [None]),
    "another image as an attachment": ([("a.png", PNG), ("a.mask.png", PNG)], [None]),
    "long names": ([(f"{'folder/' * 20}{'n' * 90}.png", PNG)], [None]),
    "a member of img2dataset": (
        [
            *(("000000000.png", PNG), ("000000000.txt", b"a cat")),
            ("000000000.json", b'{"uid":"x","status":"success","error_message":null,"key":"000000000"}'),
        ],
        [None],
    ),
    "a member of DataComp": (
        [("ab12.json", b'{"uid":"ab12"}'), ("ab12.png", PNG), ("ab12.txt", b"a"), ("ab12.npz", b"PK")],
        [None],
    ),
    "JSON under the limit": ([("a.png", PNG), ("a.json", b'{"x":"%s"}' % (b"x" * 1_000_000))], [None]),
}


IN_OLDER_FORMS = [
    (case, form) for case in ("label", "folders", "long names") for form in (0, 1)
]  # ustar and GNU


@pytest.mark.parametrize(("case", "form"), [*((c, tarfile.PAX_FORMAT) for c in ACCEPTED), *IN_OLDER_FORMS])
def test_both_accept_the_same_samples_with_the_same_labels(case, form, tmp_path):
    members, labels = ACCEPTED[case]
    write(tmp_path / "in" / "x.tar", members, form)
    indexed, packed = both(tmp_path / "in", tmp_path / "out")
    assert indexed == packed == [(label, PNG) for label in labels]


REFUSED = {
    "no image": ([("a.cls", b"1")], "has no image, only cls"),
    "an image by another suffix": ([("a.img", JPEG)], "option image='img'"),
    "an image after a dotted key": ([("a.b.png", PNG)], "option key_ends='last-dot'"),
    "an image without suffix": ([("a", JPEG), ("b.png", PNG)], "has no suffix"),
    "two images": ([("a.jpg", JPEG), ("a.png", PNG)], "two images, 'jpg' and 'png'; option image='jpg'"),
    "one suffix twice": ([("a.png", PNG), ("a.PNG", PNG)], "two members 'png'"),
    "an empty label": (labelled(b" \n"), "is empty: it must hold a label"),
    "a label below -1": (labelled(b"-2"), "the label -2 is negative"),
    "a JSON label below -1": (labelled(b'{"label":-2}', "json"), "the label -2 is negative"),
    "the name of a class": (labelled(b"cat"), "'cat' is not an integer .* option 'classes'"),
    "the name of a class in JSON": (labelled(b'{"label":"cat"}', "json"), "'cat' is not an integer"),
    "a label of 3.5": (labelled(b"3.5"), "'3.5' is not an integer"),
    "a label that is no text": (labelled(b"\xff"), "is not UTF-8"),
    "a caption that is no text": (labelled(b"\xff", "txt"), "is not UTF-8"),
    "JSON cut off": (labelled(b'{"a":', "json"), "is not valid JSON"),
    "JSON with NaN": (labelled(b'{"a":NaN}', "json"), "no NaN; option nan_as='null'"),
    "JSON with an infinity": (labelled(b'{"a":-Infinity}', "json"), "option nan_as='null'"),
    "JSON with a large number": (labelled(b'{"a":1e999}', "json"), "option nan_as='null'"),
    "JSON with a name twice": (labelled(b'{"a":1,"a":2}', "json"), "names 'a' twice"),
    "JSON too deep": (labelled(b'{"a":%s1%s}' % (b"[" * 70, b"]" * 70), "json"), "nested deeper"),
    "JSON that is no object": (labelled(b"[1]", "json"), "is not a JSON object"),
    "JSON over the limit": (labelled(b'{"x":"%s"}' % (b"x" * 1_200_000), "json"), "option 'max_json_bytes'"),
    "members apart": (
        [("a.cls", b"1"), ("b.cls", b"2"), ("a.png", PNG), ("b.png", PNG)],
        "'a' are not side by side.* option 'gather'",
    ),
    "a label apart from its image": (
        [("a.png", PNG), ("b.png", PNG), ("a.cls", b"1"), ("b.cls", b"1")],
        "'a' are not side by side",
    ),
    "metadata of webdataset with a suffix": (
        [("__info__.json", b"{}"), ("a.png", PNG)],
        "no image, only json",
    ),
    "nothing": ([], "no samples? "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_both_refuse_the_same_samples_for_the_same_reason(case, tmp_path):
    members, message = REFUSED[case]
    write(tmp_path / "in" / "x.tar", members, tarfile.PAX_FORMAT)
    for error in both(tmp_path / "in", tmp_path / "out"):
        assert isinstance(error, WdsImagenetError), error
        with pytest.raises(WdsImagenetError, match=rf"(?s){message}"):
            raise error


def test_both_name_the_option_for_equal_keys_in_two_shards(tmp_path):
    for name in ("0.tar", "1.tar"):
        write(tmp_path / "in" / name, labelled(b"1"))
    for error in both(tmp_path / "in", tmp_path / "out"):
        with pytest.raises(WdsImagenetError, match="option keys='shard'"):
            raise error


def test_both_pass_over_an_empty_shard(tmp_path):
    write(tmp_path / "in" / "0.tar", [])
    write(tmp_path / "in" / "1.tar", labelled(b"1"))
    (tmp_path / "in" / "2.tar").write_bytes(bytes(1024))
    indexed, packed = both(tmp_path / "in", tmp_path / "out")
    assert indexed == packed == [(1, PNG)]


@pytest.mark.parametrize("suffix", ["cls", "index", "id", "label.txt"])
def test_both_read_what_webdatasets_writers_wrote(suffix, tmp_path):
    (tmp_path / "in").mkdir()
    with wds.ShardWriter(str(tmp_path / "in" / "x-%03d.tar"), maxcount=2, verbose=0) as writer:
        for number in range(5):
            label = number if suffix != "label.txt" else str(number)
            writer.write({"__key__": f"{number:09d}", "png": PNG, suffix: label, "json": {"uid": "é"}})
    indexed, packed = both(tmp_path / "in", tmp_path / "out")
    assert indexed == packed == [(n if suffix == "cls" else None, PNG) for n in range(5)]
    report = pack("webdataset", str(tmp_path / "in"), dest=str(tmp_path / "again"), workers=1, name="x")
    assert any("option 'label_suffix'" in note for note in report.notes) == (suffix != "cls")
    more = {} if suffix == "cls" else {"label_suffix": suffix}
    pack("webdataset", str(tmp_path / "in"), dest=str(tmp_path / "third"), workers=1, shuffle=False, **more)
    assert [s.label for s in Dataset.open(str(tmp_path / "third")).samples()] == list(range(5))


def test_files_of_other_programs_beside_the_shards_are_no_shards(tmp_path):
    write(tmp_path / "in" / "00000.tar", labelled(b"1"))
    for name in (
        "00000_stats.json",
        "00000.parquet",
        ".nv-meta/split.yaml",
        ".nv-meta/index.tar",
        "._00000.tar",
    ):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    indexed, packed = both(tmp_path / "in", tmp_path / "out")
    assert indexed == packed == [(1, PNG)]


@pytest.mark.parametrize(
    "name", ["train (1).tar", "a b/[x] #1.tar", "x?y=1.tar", "100%25.tar", "été 猫.tar", "a&b;'c\".TAR"]
)
@pytest.mark.parametrize("place", ["disk", "s3"])
def test_both_take_shards_of_any_name(place, name, tmp_path, request):
    write(tmp_path / "in" / name, labelled(b"1"))
    url = str(tmp_path / "in")
    if place == "s3":
        url = request.getfixturevalue("s3_url")
        open_store(url).put_file(name, tmp_path / "in" / name)
    indexed, packed = both(url, tmp_path / "out")
    assert indexed == packed == [(1, PNG)]
    assert _packed(f"{url}/{name}", tmp_path / "alone") == packed


def test_both_read_a_pattern_of_shards(tmp_path):
    for number in range(12):
        write(
            tmp_path / "in" / f"x-{number:02d}.tar",
            [(f"k{number}.png", PNG), (f"k{number}.cls", b"%d" % number)],
        )
    for read in (_indexed, _packed):
        found = read(f"{tmp_path}/in/x-{{08..10}}.tar", tmp_path / "out")
        assert [label for label, _ in found] == [8, 9, 10]


def test_json_that_index_admits_is_read_by_a_reader(tmp_path):
    write(tmp_path / "x.tar", labelled(b'{"label":3,"x":"%s"}' % (b"x" * 1_200_000), "json"))
    index(str(tmp_path), max_json_bytes=2 << 20)
    (sample,) = Dataset.open(str(tmp_path)).samples()
    assert (sample.label, len(sample.json["x"])) == (3, 1_200_000)


@pytest.mark.parametrize(
    ("compress", "kind", "command"),
    [(gzip.compress, "gzip", "gunzip"), (bz2.compress, "bzip2", "bunzip2"), (lzma.compress, "xz", "unxz")],
)
def test_compressed_shards_are_packed_and_index_names_the_compression(tmp_path, compress, kind, command):
    write(tmp_path / "in" / "x.tar", labelled(b"3"))
    file = tmp_path / "in" / "x.tar"
    file.write_bytes(compress(file.read_bytes()))
    indexed, packed = both(tmp_path / "in", tmp_path / "out")
    assert (
        f"x.tar is a {kind} file, which cannot be read at random: {command} it first, or pack the shards"
        in str(indexed)
    )
    assert packed == [(3, PNG)]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"\x28\xb5\x2f\xfd", r"x\.tar is a zstd file, .*unzstd it first$"),
        (b"PK\x03\x04", r"x\.tar is a zip file"),
        (b"<!DOCTYPE html>", r"x\.tar is no archive, but a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"x\.tar is no archive, but a pointer of Git LFS"),
    ],
)
def test_a_file_in_place_of_a_shard_is_named(tmp_path, head, message):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.tar").write_bytes(head + bytes(1024))
    for error in both(tmp_path / "in", tmp_path / "out"):
        assert re.search(message, str(error))


def test_a_folder_of_compressed_shards_is_packed(tmp_path):
    (tmp_path / "in").mkdir()
    for suffix, compress in (("tar.gz", gzip.compress), ("tar.xz", lzma.compress), ("tar.bz2", bz2.compress)):
        write(tmp_path / "x.tar", [(f"{suffix[-2:]}.cls", b"3"), (f"{suffix[-2:]}.png", PNG)])
        (tmp_path / "in" / f"x.{suffix}").write_bytes(compress((tmp_path / "x.tar").read_bytes()))
    assert _packed(str(tmp_path / "in"), tmp_path / "out") == [(3, PNG)] * 3


def test_a_hash_that_another_program_wrote_is_no_fault(tmp_path):
    fields = {"sha256": "0" * 64, "key": "000", "status": "success", "width": 4, "height": 4}  # img2dataset
    write(tmp_path / "00000.tar", [("000.jpg", JPEG), ("000.json", json.dumps(fields).encode())])
    index(str(tmp_path))
    assert verify(str(tmp_path)).ok
    (tmp_path / ".wds-imagenet" / "manifest.json").unlink()
    assert repair(str(tmp_path)).ok
