"""Shards that webdataset's own ShardWriter wrote, listed in place."""

import gzip
import io
import json
import re
import tarfile
from pathlib import Path

import pytest
from streams import arrived

from wds_imagenet.errors import CorruptError, DataError, SourceError, UsageError
from wds_imagenet.packing.plan.schema import MEASURED as PACKED
from wds_imagenet.sources import webdataset
from wds_imagenet.sources.webdataset.selected_samples import MEASURED

IMAGES = 60


@pytest.fixture(scope="session")
def samples(train_images):
    """Sixty photos with a label, a caption, metadata and an array each."""
    return [
        {
            "__key__": name.partition(".")[0],
            "jpg": data,
            "cls": label,
            "json": {"label": label, "license": f"n° {label}", "width": -1},
            "txt": f"photo {label}, ünï",
            "Mask.PNG": bytes([label]) * 9,
        }
        for label, (name, data) in enumerate(list(train_images.items())[:IMAGES])
    ]


@pytest.fixture(scope="session")
def shards(samples, tmp_path_factory):
    """Four shards of them."""
    wds = pytest.importorskip("webdataset")
    folder = tmp_path_factory.mktemp("foreign")
    with wds.ShardWriter(str(folder / "in-train-%06d.tar"), maxcount=16, verbose=0) as writer:
        for sample in samples:
            writer.write(sample)
    return str(folder)


def make_shard(folder, *members, name="x.tar"):
    """Write a shard of (name, bytes) and return its URL."""
    path = Path(folder) / name
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for member, content in members:
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return str(path)


def message_of(error):
    return "\n".join([str(error.value), *getattr(error.value, "__notes__", [])])


def test_every_sample_of_another_writer_is_listed(shards, samples, read_back):
    listing = webdataset(shards)
    assert [r.key for r in listing.references] == [sample["__key__"] for sample in samples]
    assert [r.label for r in listing.references] == list(range(IMAGES))
    assert [r.caption for r in listing.references] == [sample["txt"] for sample in samples]
    assert listing.references[7].metadata == {"license": "n° 7", "width": -1}
    assert all(read_back(r) == s["jpg"] for r, s in zip(listing.references, samples, strict=True))
    assert listing.split == "train"


def test_other_members_become_attachments(shards, samples):
    for reference, sample in zip(webdataset(shards).references, samples, strict=True):
        (attachment,) = reference.attachments
        with Path(attachment.url).open("rb") as file:
            file.seek(attachment.offset)
            assert (attachment.suffix, file.read(attachment.size)) == ("mask.png", sample["Mask.PNG"])


def test_on_s3_it_is_the_same_in_few_requests(shards, s3_url, monkeypatch):
    from wds_imagenet.storage import open_store
    from wds_imagenet.storage.remote import RemoteStore

    store = open_store(s3_url)
    for path in Path(shards).iterdir():
        store.put_file(path.name, path)
    reads = []
    read = RemoteStore.read
    monkeypatch.setattr(RemoteStore, "read", lambda *a, **k: (reads.append(a[1:]), read(*a, **k))[1])
    here, there = (
        webdataset(shards).references,
        webdataset(f"{s3_url}/in-train-{{000000..000003}}.tar").references,
    )
    assert [(r.key, r.offset, r.metadata) for r in there] == [(r.key, r.offset, r.metadata) for r in here]
    assert len(reads) < IMAGES


def test_one_shard_alone_and_some_of_them(shards):
    assert len(webdataset(f"{shards}/in-train-000003.tar").references) == IMAGES - 48
    assert len(webdataset(f"{shards}/in-train-{{000000..000001}}.tar").references) == 32


def test_keys_are_selected(shards, samples, tmp_path):
    wanted = [samples[i]["__key__"] for i in (3, 40)]
    (tmp_path / "keys").write_text("\ufeff" + "\r\n".join([*wanted, "stranger"]) + "\r\n", encoding="utf-8")
    listing = webdataset(shards, select_keys=str(tmp_path / "keys"))
    assert [r.key for r in listing.references] == wanted
    assert any("58 of 60 samples were not selected" in note for note in listing.notes)
    assert any("1 key of" in note and "'stranger'" in note for note in listing.notes)


def test_labels_are_selected(shards):
    labels = [r.label for r in webdataset(shards, select_labels="0, 5-7,59").references]
    assert labels == [0, 5, 6, 7, 59]


@pytest.mark.parametrize("asked", ["", "7-3", "-1", "1-2-3", "0,,1"])
def test_malformed_labels_to_select_are_refused(shards, asked):
    with pytest.raises(UsageError, match="such as 0,5-9"):
        webdataset(shards, select_labels=asked)


@pytest.mark.parametrize(
    "form", ["{}.JPEG", "train/n01440764/{}.jpg", "/data/{}", "{}.JPEG 7", "{}.png,n01440764"]
)
def test_keys_are_selected_by_file_names_and_paths(shards, samples, form, tmp_path):
    wanted = [samples[i]["__key__"] for i in (3, 40)]
    (tmp_path / "keys").write_text("".join(form.format(key) + "\n" for key in wanted))
    assert [r.key for r in webdataset(shards, select_keys=str(tmp_path / "keys")).references] == wanted


def test_classes_are_selected_by_wnid_and_by_name(shards, tmp_path):
    (tmp_path / "classes").write_text("".join(f"n{n:08d} name {n}, synonym {n}\n" for n in range(60)))
    listing = webdataset(
        shards, select_labels="n00000007,name 3, synonym 5,9,nobody", classes=str(tmp_path / "classes")
    )
    assert [r.label for r in listing.references] == [3, 5, 7, 9]
    assert "1 class to select in no shard, such as 'nobody'" in listing.notes


def test_nothing_selected_is_an_error(shards):
    with pytest.raises(SourceError, match=r"no sample .* is selected; there are 60"):
        webdataset(shards, select_labels="900")


def test_labels_become_others_by_number_and_by_name(shards, tmp_path):
    (tmp_path / "numbers").write_text("".join(f"{i}\t{i % 2}\n" for i in range(IMAGES)))
    numbers = webdataset(shards, relabel=str(tmp_path / "numbers"))
    assert [r.label for r in numbers.references] == [i % 2 for i in range(IMAGES)]
    (tmp_path / "names").write_text("".join(f"{i}\t{'dog' if i % 2 else 'cat'}\n" for i in range(IMAGES)))
    names = webdataset(shards, relabel=str(tmp_path / "names"))
    assert [r.label for r in names.references] == [i % 2 for i in range(IMAGES)]
    assert [item["name"] for item in names.classes] == ["cat", "dog"]


def test_a_class_list_gives_names_their_labels(tmp_path):
    url = make_shard(tmp_path, ("a.cls", b"dog\n"), ("a.jpg", b"1"), ("b.cls", b"1"), ("b.jpg", b"1"))
    (tmp_path / "classes.txt").write_text("cat\nbird\ndog\n")
    listing = webdataset(url, classes=str(tmp_path / "classes.txt"))
    assert [r.label for r in listing.references] == [2, 1]
    assert [item["name"] for item in listing.classes] == ["cat", "bird", "dog"]
    with pytest.raises(
        SourceError, match=r"x\.tar, member 'a\.cls' at offset 512: the label 'dog' is not an int"
    ):
        webdataset(url)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\tcat\n1 dog\n", "line 2 is not old<TAB>new"),
        ("0\t1\n0\t2\n", "line 2: '0' becomes '2', but '1' before"),
        ("0\t1\n", r"'n.*\.cls' at offset .*the label '1' is not in .*map\.tsv"),
        ("\n", "is empty"),
        ("0\t-7\n", r"line 1: -7 is not a label"),
    ],
)
def test_a_malformed_mapping_is_refused(shards, tmp_path, text, message):
    (tmp_path / "map.tsv").write_text(text)
    with pytest.raises(SourceError, match=message):
        webdataset(shards, relabel=str(tmp_path / "map.tsv"))


def test_members_are_left_out(shards):
    reference = webdataset(shards, leave_out="txt, Mask.png").references[0]
    assert (reference.caption, reference.attachments) == (None, ())


def test_the_label_may_be_in_the_json(tmp_path):
    url = make_shard(tmp_path, ("a.json", b'{"label":3,"b":1}'), ("a.jpg", b"1"))
    (reference,) = webdataset(url).references
    assert (reference.label, reference.metadata) == (3, {"b": 1})


def test_a_label_of_minus_one_is_none(tmp_path):
    url = make_shard(tmp_path, ("a.cls", b"-1"), ("a.jpg", b"1"))
    assert webdataset(url).references[0].label is None


def test_keys_end_at_the_first_dot_and_folders_stay(tmp_path):
    url = make_shard(
        tmp_path, ("./n 1/a.x.jpg", b"1"), ("__meta__.txt", b"1"), ("README", b"1"), ("b.jpg", b"1")
    )
    first, second, third = webdataset(url).references
    assert first.name == "./n 1/a.x.jpg"
    assert "has no image, only x.jpg; option image='x.jpg' takes that member, and option key" in first.fault
    assert second.fault == "the sample '__meta__' has no image, only txt"
    assert (third.key, third.fault) == ("b", None)
    url = make_shard(tmp_path, ("./n 1/a.seg.x", b"1"), ("./n 1/a.jpg", b"2"), ("README", b"1"))
    listing = webdataset(url)
    assert [(r.key, r.attachments[0].suffix) for r in listing.references] == [("n_1/a", "seg.x")]
    assert any("1 key had characters" in note for note in listing.notes)
    assert any("ignored members without suffix, 1 in all: README" in note for note in listing.notes)


@pytest.mark.parametrize(
    ("members", "offset", "fault"),
    [
        ([("a.cls", b"1")], 512, r"the sample 'a' has no image, only cls"),
        ([("a.heic", b"1")], 512, r"has no image, only heic; option image='heic' takes that member"),
        (
            [("a.jpg", b"1"), ("a.png", b"1")],
            1536,
            r"two images, 'jpg' and 'png'; option image='jpg' takes one .* leave_out='png'",
        ),
        ([("a.jpg", b"1"), ("a.jpg", b"1")], 1536, r"two members 'jpg', the other at offset 512"),
        ([("a.jpg", b"1"), ("a.cls", b" ")], 1536, r"is empty: it must hold a label"),
        ([("a.jpg", b"1"), ("a.cls", b"-2")], 1536, r"the label -2 is negative"),
        ([("a.jpg", b"1"), ("a.txt", b"\xff")], 1536, r"is not UTF-8"),
        ([("a.jpg", b"1"), ("a.json", b"{")], 1536, r"is not valid JSON"),
        ([("a.jpg", b"1"), ("a.json", b"[]")], 1536, r"is not a JSON object"),
        ([("a.jpg", b"1"), ("a.json", b'{"a":NaN}')], 1536, r"has no NaN; option nan_as='null'"),
        ([("a.jpg", b"1"), ("a.json", b'{"a":1e999}')], 1536, r"too large; option nan_as='null'"),
        (
            [("a.jpg", b"1"), ("a.json", b" " * 2_000_000)],
            1536,
            r"has 2,000,000 bytes; at most 1,048,576 are read; option 'max_json_bytes'",
        ),
        ([("a", b"\xff\xd8\xff\xe0")], 512, r"the member has no suffix, by which readers find images"),
    ],
)
def test_a_sample_that_cannot_be_used_has_a_fault_with_its_member(tmp_path, members, offset, fault):
    url = make_shard(tmp_path, *members, ("z.jpg", b"1"), *([("z.cls", b"0")] * (len(members) > 1)))
    bad, good = webdataset(url).references
    assert (bad.url, bad.offset, good.fault) == (url, offset, None)
    assert re.search(fault, bad.fault), bad.fault


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            [("a.jpg", b"1"), ("b.jpg", b"1"), ("a.jpg", b"1")],
            r"offset 2,560 has the same key .*at 512 of .*x\.tar, 'a'",
        ),
        (
            [("a.cls", b"1"), ("b.cls", b"1"), ("a.jpg", b"1"), ("b.jpg", b"1")],
            r"'a\.cls' at offset 512: .*'a' are not side by side.* option 'gather'",
        ),
        (
            [("a.jpg", b"1"), ("a.cls", b"1.5")],
            r"'a\.cls' at offset 1,536: the label '1\.5' is not an integer .*'classes'",
        ),
        (
            [("a.jpg", b"1"), ("b.jpg", b"1"), ("b.x", b"1")],
            r"'b\.jpg' at offset 1,536.*'b' .* only some .* 'x'",
        ),
        (
            [("a.jpg", b"1"), ("a.x", b"1"), ("b.jpg", b"1")],
            r"'b\.jpg' at offset 2,560.*'b' .* only some .* 'x'",
        ),
    ],
)
def test_a_fault_is_named_with_shard_member_and_offset(tmp_path, members, message):
    url = make_shard(tmp_path, *members)
    with pytest.raises(DataError) as error:
        webdataset(url)
    assert re.search(message, message_of(error), re.DOTALL), message_of(error)


def test_a_shard_cut_short_is_an_error(shards, tmp_path):
    data = Path(shards, "in-train-000001.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptError) as error:
        webdataset(str(tmp_path / "cut.tar"))
    assert "cut.tar" in message_of(error)


def test_the_same_key_in_two_shards_is_an_error(tmp_path):
    for name in ("0.tar", "1.tar"):
        make_shard(tmp_path, ("a.jpg", b"1"), name=name)
    with pytest.raises(
        SourceError, match=r"1\.tar: .* has the same key as the image at 512 of .*0\.tar, 'a'"
    ):
        webdataset(str(tmp_path))


def test_what_the_packer_measures_is_known_here():
    assert set(PACKED) == MEASURED


def test_nested_metadata_comes_whole(tmp_path):
    record = {"a": [1, {"b": None}], "c": "é", "d": 1.5, "e": True}
    url = make_shard(tmp_path, ("a.jpg", b"1"), ("a.json", json.dumps(record).encode()))
    assert webdataset(url).references[0].metadata == record


@pytest.fixture
def gzipped(shards, tmp_path):
    """The four shards, gzipped, under their old names."""
    (tmp_path / "gz").mkdir()
    for path in Path(shards).iterdir():
        (tmp_path / "gz" / path.name).write_bytes(gzip.compress(path.read_bytes(), 1))
    return str(tmp_path / "gz")


def test_gzipped_shards_are_a_stream_of_the_same_samples(shards, gzipped, read_back):
    listed = webdataset(shards).references
    stream = webdataset(gzipped)
    assert (stream.labelled, stream.captioned, stream.samples) == (True, True, IMAGES)
    assert stream.fields == {"license": "text", "width": "integer"}
    assert stream.suffixes == ("mask.png",)
    for _ in range(2):  # as often as one likes
        for arrival, reference in zip(arrived(stream), listed, strict=True):
            one = arrival.reference
            assert arrival.data == read_back(reference)
            assert arrival.attached == tuple(read_back(item) for item in reference.attachments)
            assert (one.key, one.label, one.caption, one.metadata) == (
                reference.key,
                reference.label,
                reference.caption,
                reference.metadata,
            )


def test_members_of_gzipped_shards_can_be_left_out(gzipped):
    stream = webdataset(gzipped, leave_out="mask.png")
    assert stream.suffixes == ()
    assert [arrival.attached for arrival in arrived(stream)] == [()] * IMAGES


def test_the_identity_of_gzipped_shards_depends_on_attachments(tmp_path):
    identities = []
    for more in (b"", b"12"):
        data = Path(make_shard(tmp_path, ("a.jpg", b"1"), ("a.x", more))).read_bytes()
        (tmp_path / "gz.tar.gz").write_bytes(gzip.compress(data, 0))
        identities.append(webdataset(f"{tmp_path}/gz.tar.gz").identity)
    assert identities[0]["samples_sha256"] != identities[1]["samples_sha256"]


def test_a_large_attachment_in_a_gzipped_shard_is_refused(tmp_path, monkeypatch):
    from wds_imagenet.inputs.shards import shard_reader

    monkeypatch.setattr(shard_reader, "MAX_FILE_BYTES", 1000)
    data = Path(make_shard(tmp_path, ("a.jpg", b"1"), ("a.x", b"x" * 1001))).read_bytes()
    (tmp_path / "gz.tar.gz").write_bytes(gzip.compress(data))
    stream = webdataset(f"{tmp_path}/gz.tar.gz")
    with pytest.raises(SourceError, match=r"gz\.tar\.gz, member 'x' .* at offset 1,536 has 1,001 bytes"):
        arrived(stream)


@pytest.mark.parametrize("first", ["jpg", "mask.png"])
def test_an_image_beyond_the_limit_in_a_gzipped_shard_takes_no_memory(tmp_path, little_memory, first):
    large = bytes(40 << 20)
    members = {"a": [("jpg", large), ("mask.png", large)], "b": [("jpg", b"1"), ("mask.png", b"2")]}
    named = [
        (f"{key}.{suffix}", data)
        for key, pair in members.items()
        for suffix, data in sorted(pair, key=lambda item: item[0] != first)
    ]
    data = gzip.compress(Path(make_shard(tmp_path, *named)).read_bytes(), 1)
    (tmp_path / "gz.tar.gz").write_bytes(data)
    del large, members, named, data
    with little_memory(39 << 20):
        stream = webdataset(f"{tmp_path}/gz.tar.gz")
        images = [image.whole() if (image.reference.size or 0) < 99 else image for image in stream.images()]
    assert [(i.reference.size, i.data, i.attached) for i in images] == [
        (40 << 20, b"", ()),
        (1, b"1", (b"2",)),
    ]


def test_repeated_members_of_one_sample_take_no_memory(tmp_path, little_memory):
    members = [("a.jpg", b"1"), *[("a.json", bytes(1 << 20))] * 40]
    data = gzip.compress(Path(make_shard(tmp_path, *members)).read_bytes(), 1)
    (tmp_path / "gz.tar.gz").write_bytes(data)
    del members, data
    with little_memory(39 << 20):
        (image,) = webdataset(f"{tmp_path}/gz.tar.gz").images()
    assert "has two members 'json'" in (image.reference.fault or "")


def test_inputs_of_several_splits_are_refused(tmp_path):
    one = make_shard(tmp_path, ("a.jpg", b"1"), name="x-train-0.tar")
    two = make_shard(tmp_path, ("b.jpg", b"1"), name="x-test-0.tar")
    with pytest.raises(SourceError, match=r"x-test-0\.tar has another split .* than .*x-train-0\.tar"):
        webdataset(one, two)
