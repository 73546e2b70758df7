"""Shards of other programs that need other rules than WebDataset's own: one option each."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from wds_imagenet import Dataset, index, pack
from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.sources import webdataset


def encoded(colour, kind="PNG"):
    file = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(file, kind)
    return file.getvalue()


RED, BLUE = encoded("red"), encoded("blue")
JPEG = encoded("red", "JPEG")


def shard(folder, *members, name="x.tar"):
    path = Path(folder) / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for member, content in members:
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return str(path.parent)


def packed(folder, source, **options):
    out = Path(folder) / "out"
    options = {"name": "x", "shuffle": False, "workers": 1, **options}
    report = pack("webdataset", source, dest=str(out), **options)
    return report, list(Dataset.open(str(out)).samples())


def listed(folder):
    lines = (Path(folder) / "out" / ".wds-imagenet" / "report.jsonl").read_text().splitlines()
    return {line["filename"]: line["reason"] for line in map(json.loads, lines)}


PAIR = [("a.left.png", RED), ("a.right.png", BLUE), ("a.cls", b"3")]


@pytest.mark.parametrize("image", ["left.png", "LEFT.PNG", ".left.png"])
def test_the_image_is_the_member_that_the_option_names_and_the_other_is_attached(image, tmp_path):
    _, (sample,) = packed(tmp_path, shard(tmp_path, *PAIR), image=image)
    assert (sample.key, sample.label, sample.image) == ("a", 3, RED)
    assert bytes(sample.members["right.png"]) == BLUE


def test_of_two_images_the_other_keeps_its_bytes_under_another_suffix(tmp_path):
    _, (sample,) = packed(tmp_path, shard(tmp_path, ("a.jpg", JPEG), ("a.png", BLUE)), image="jpg")
    assert (sample.image, bytes(sample.members["other.png"])) == (JPEG, BLUE)


def test_an_image_by_another_suffix_is_taken_by_its_bytes(tmp_path):
    _, (sample,) = packed(tmp_path, shard(tmp_path, ("a.jfif", JPEG)), image="jfif")
    assert (sample.image, sample.suffix) == (JPEG, "jpg")


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "pjpeg"])
def test_jpegs_of_rare_suffixes_are_packed_beside_others(suffix, tmp_path):
    source = shard(tmp_path, ("a.jpg", JPEG), ("a.cls", b"1"), (f"b.{suffix}", JPEG), ("b.cls", b"2"))
    _, samples = packed(tmp_path, source)
    assert [(s.key, s.label, set(s.members)) for s in samples] == [
        ("a", 1, {"cls", "jpg", "json"}),
        ("b", 2, {"cls", "jpg", "json"}),
    ]
    with pytest.raises(SourceError, match=f"no image, only {suffix}, cls.*pack the shards"):
        index(source)


def test_keys_end_at_the_last_dot(tmp_path):
    source = shard(tmp_path, ("v1.2/img.01.png", RED), ("v1.2/img.01.cls", b"1"), ("v1.2/img.02.png", BLUE))
    references = webdataset(source, key_ends="last-dot").references
    assert [(r.key, r.label, r.fault) for r in references] == [
        *(("v1_2/img_01", 1, None), ("v1_2/img_02", None, None)),
    ]


def test_the_names_of_shards_make_keys_unique(tmp_path):
    for name in ("a/00.tar", "b/00.tar", "b/01 x.tar"):
        shard(tmp_path, ("000000000.png", RED), ("000000000.cls", b"1"), name=name)
    with pytest.raises(SourceError, match="option keys='shard'"):
        webdataset(f"{tmp_path}/in")
    _, samples = packed(tmp_path, f"{tmp_path}/in", keys="shard")
    assert [s.key for s in samples] == ["a/00/000000000", "b/00/000000000", "b/01_x/000000000"]
    (reference,) = webdataset(f"{tmp_path}/in/a/00.tar", keys="shard").references
    assert reference.key == "00/000000000"


APART = [("b.cls", b"2"), ("a.cls", b"1"), ("a.json", b'{"x":1}'), ("b.json", b'{"x":2}')]
APART += [("a.png", RED), ("b.png", BLUE)]


def test_members_that_are_not_side_by_side_are_gathered(tmp_path):
    source = shard(tmp_path, *APART)
    with pytest.raises(SourceError, match=r"'b\.cls' .* 'b' are not side by side.* option 'gather'"):
        packed(tmp_path, source, on_bad="skip")
    _, samples = packed(tmp_path, source, gather=True)
    assert [(s.key, s.label, s.image, s.json["x"]) for s in samples] == [("b", 2, BLUE, 2), ("a", 1, RED, 1)]


def test_a_gathered_sample_that_is_not_whole_is_a_fault(tmp_path):
    source = shard(tmp_path, ("a.png", RED), ("b.cls", b"1"), ("a.png", RED), ("c.png", RED))
    faults = [r.fault for r in webdataset(source, gather=True).references]
    assert ["two members" in (faults[0] or ""), "no image" in (faults[1] or ""), faults[2]] == [
        *(True, True, None),
    ]


def test_gathering_needs_a_plain_tar(tmp_path):
    path = Path(shard(tmp_path, *APART)) / "x.tar"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(SourceError, match="unpack it"):
        webdataset(str(path), gather=True)


@pytest.mark.parametrize("form", ["plain", "gzipped"])
def test_what_cannot_be_used_is_left_out_and_listed(form, tmp_path):
    source = shard(
        tmp_path,
        *[("._a.png", b"x"), ("a.png", RED), ("a.cls", b"1"), ("__info__.json", b"{}"), ("b.cls", b"2")],
        *[("c.png", RED), ("c.cls", b"3"), ("c.json", b'{"x":NaN}'), ("d.jpg", JPEG), ("d.png", RED)],
        *[("e.png", b"no image"), ("e.cls", b"5"), ("f.png", BLUE), ("f.cls", b"6")],
    )
    if form == "gzipped":
        path = Path(source) / "x.tar"
        path.write_bytes(gzip.compress(path.read_bytes()))
    report, samples = packed(tmp_path, source, on_bad="skip")
    assert [(s.key, s.label) for s in samples] == [("a", 1), ("f", 6)]
    assert (report.samples, report.skipped) == (2, 5)
    assert list(listed(tmp_path)) == ["__info__.json", "b.cls", "c.json", "d.png", "e.png"]
    assert any("ignored hidden and system members, 1 in all: ._a.png" in note for note in report.notes)


@pytest.mark.parametrize(
    ("nan_as", "value"),
    [("null", '[null,null,{"y":null}]'), ("0", '[0,0,{"y":0}]'), ("-1.5", '[-1.5,-1.5,{"y":-1.5}]')],
)
def test_nan_and_infinities_are_read_as_the_option_says(nan_as, value, tmp_path):
    source = shard(tmp_path, ("a.png", RED), ("a.json", b'{"x":[NaN,-Infinity,{"y":1e999}]}'))
    (reference,) = webdataset(source, nan_as=nan_as).references
    assert reference.metadata == {"x": json.loads(value)}


def test_json_over_the_limit_is_read_with_the_option_and_by_a_reader(tmp_path):
    source = shard(tmp_path, ("a.png", RED), ("a.json", b'{"x":"%s"}' % (b"x" * 1_200_000)))
    assert "has 1,200,008 bytes" in webdataset(source).references[0].fault
    _, (sample,) = packed(tmp_path, source, max_json_bytes=2 << 20)
    assert len(sample.json["x"]) == 1_200_000


def test_json_that_is_left_out_is_not_read(tmp_path):
    source = shard(
        tmp_path, ("a.png", RED), ("a.json", b"\xff" * 1_200_000), ("b.png", RED), ("b.json", b"?")
    )
    _, samples = packed(tmp_path, source, leave_out="json")
    assert [s.key for s in samples] == ["a", "b"]


def test_the_label_may_be_in_another_member_or_field(tmp_path):
    source = shard(tmp_path, ("a.png", RED), ("a.class", b"3"), ("a.json", b'{"target":4,"x":1}'))
    assert any("'class': if that is the label" in note for note in webdataset(source).notes)
    (by_member,) = webdataset(source, label_suffix="class").references
    (by_field,) = webdataset(source, label_field="target", leave_out="class").references
    assert (by_member.label, by_member.metadata) == (3, {"target": 4, "x": 1})
    assert (by_field.label, by_field.metadata) == (4, {"x": 1})


@pytest.mark.parametrize("suffix", ["cls.txt", "index.cls", "txt"])
def test_labels_in_members_of_any_suffix(suffix, tmp_path):
    source = shard(tmp_path, ("a.png", RED), (f"a.{suffix}", b"3\n"))
    _, (sample,) = packed(tmp_path, source, label_suffix=suffix)
    assert (sample.label, set(sample.members)) == (3, {"cls", "png", "json"})


@pytest.mark.parametrize("label", ["true", "3.5", "[1]", '{"a":1}', "1" * 20])
def test_a_json_label_that_is_no_label_stays_metadata_with_a_note(label, tmp_path):
    listing = webdataset(shard(tmp_path, ("a.png", RED), ("a.json", b'{"label":%s}' % label.encode())))
    (reference,) = listing.references
    assert (reference.label, reference.metadata) == (None, {"label": json.loads(label)})
    assert any("is no label, such as a list: it stays metadata" in note for note in listing.notes)
    assert not any("label_field" in note for note in listing.notes)


def test_a_class_that_no_label_names_is_selected_with_a_class_list(tmp_path):
    source = shard(tmp_path, ("a.png", RED), ("a.cls", b"3"))
    with pytest.raises(SourceError, match="to select 'n01440764', give the class list as option 'classes'"):
        webdataset(source, select_labels="n01440764")


@pytest.mark.parametrize(("label", "noted"), [(20230101, True), (999, False)])
def test_labels_that_are_far_apart_are_noted(label, noted, tmp_path):
    source = shard(tmp_path, ("a.png", RED), ("a.cls", b"%d" % label), ("b.png", RED), ("b.cls", b"0"))
    for notes in (webdataset(source).notes, index(source).notes):
        assert any(f"the labels reach {label}, but only 2 labels occur" in note for note in notes) is noted


def test_index_counts_the_samples_without_label_among_others(tmp_path):
    source = shard(tmp_path, ("a.png", RED), ("a.cls", b"-1"), ("b.png", RED), ("b.cls", b"0"))
    assert any(note.startswith("1 of 2 samples have no label") for note in index(source).notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_ends": "middle"}, "'key_ends' is first-dot or last-dot"),
        ({"keys": "path"}, "'keys' is shard"),
        ({"nan_as": "none"}, "'nan_as' is null or a number"),
        ({"nan_as": "true"}, "'nan_as' is null or a number"),
        ({"max_json_bytes": 0}, "'max_json_bytes' is 1 to 67,108,864"),
        ({"max_json_bytes": 1 << 40}, "'max_json_bytes' is 1 to"),
        ({"image": "."}, "'image' is a suffix"),
    ],
)
def test_malformed_options_are_refused(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        webdataset(shard(tmp_path, ("a.png", RED)), **options)


NAMED = [("0", "cat", "n1"), ("1", "dog", "n2"), ("2", "fox", "n3")]


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A packed data set of three named classes."""
    folder = tmp_path_factory.mktemp("named")
    members = [(f"k{n}.{s}", d) for n, _, _ in NAMED for s, d in (("cls", n.encode()), ("png", RED))]
    (folder / "classes").write_text("".join(f"{name}\n" for _, name, _ in NAMED))
    pack(
        *("webdataset", shard(folder, *members)),
        dest=f"{folder}/out",
        classes=f"{folder}/classes",
        shuffle=False,
        workers=1,
    )
    return f"{folder}/out"


@pytest.mark.parametrize(
    ("lines", "labels", "names"),
    [
        ("0\t2\n1\t1\n2\t0\n", [2, 1, 0], ["fox", "dog", "cat"]),
        ("0\t0\n1\t0\n2\t1\n", [0, 0, 1], ["cat, dog", "fox"]),
        ("cat\tpet\ndog\tpet\nfox\twild\n", [0, 0, 1], ["pet", "wild"]),
        ("0\t5\n1\t7\n2\t9\n", [5, 7, 9], []),
    ],
)
def test_new_labels_keep_the_names_of_the_old(lines, labels, names, named, tmp_path):
    (tmp_path / "map").write_text(lines)
    listing = webdataset(named, relabel=str(tmp_path / "map"))
    assert [r.label for r in listing.references] == labels
    assert [item["name"] for item in listing.classes] == names


def test_index_keeps_the_names_of_a_packed_set_whose_manifest_is_lost(named, tmp_path):
    (tmp_path / "in").mkdir()
    for path in Path(named).glob("*.tar"):
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    assert [item["name"] for item in index(f"{tmp_path}/in").manifest.classes] == ["cat", "dog", "fox"]
    _, samples = packed(tmp_path, f"{tmp_path}/in")
    assert [(s.label, s.json["class_name"]) for s in samples] == [(0, "cat"), (1, "dog"), (2, "fox")]
    assert [item["name"] for item in Dataset.open(f"{tmp_path}/out").classes] == ["cat", "dog", "fox"]
