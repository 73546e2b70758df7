"""Plans that cannot be made: too many shards, layers that fit no data set, streams without JSON form."""

import json
from dataclasses import replace

import pytest

from wds_imagenet.errors import DataError, SourceError, UsageError
from wds_imagenet.format.manifest import Block, Manifest, Shard
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.packing.label_files import LabelOptions, open_labels
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan import listing_plan
from wds_imagenet.packing.plan.layer_plan import plan_layer
from wds_imagenet.packing.plan.listing_plan import plan
from wds_imagenet.packing.plan.sample_size import content_size, overhead
from wds_imagenet.packing.plan.shard_cutting import cut_shards
from wds_imagenet.packing.plan.stream_plan import plan_stream

OPTIONS = PackOptions("x", samples_per_shard=2, shuffle=False)
MIB = 1 << 20
WNID = "n01440764"
KEYS = f"{WNID}_0\n{WNID}_1\n".encode()


def reference(number, **fields):
    return replace(Reference(f"k{number}", "a.tar", 512 * number, 9, f"{number}.jpg", number % 3), **fields)


def stream(images=(), **fields):
    return Stream(**{"identity": {"file": "a"}, "images": lambda: iter(images), "labelled": True, **fields})


def test_a_listing_of_more_shards_than_names_is_an_error(monkeypatch):
    monkeypatch.setattr(listing_plan, "MAX_SHARDS", 3)
    references = [reference(i) for i in range(7)]
    assert len(plan(Listing(references[:6]), OPTIONS).shard_names) == 3
    with pytest.raises(UsageError, match="4 shards; at most 3 have names: make them larger"):
        plan(Listing(references), OPTIONS)


def test_the_millionth_shard_of_a_stream_is_the_last():
    made = plan_stream(stream(), OPTIONS)
    assert made.shard_name(999_999) == "x-train-999999.tar"
    with pytest.raises(UsageError, match="more than 1,000,000 shards"):
        made.shard_name(1_000_000)


@pytest.mark.parametrize("identity", [{"file": "\udcff"}, {"bytes": float("nan")}, {"file": b""}])
def test_a_stream_whose_identity_has_no_json_form_is_an_error(identity):
    with pytest.raises(SourceError, match="the identity of the stream has no JSON form"):
        plan_stream(stream(identity=identity), OPTIONS).to_json()


@pytest.mark.parametrize(
    ("fields", "options", "shards"),
    [
        ({"samples": 7}, {"samples_per_shard": 2}, 4),
        ({"samples": 6}, {"samples_per_shard": 2}, 3),
        ({"size": 7 * MIB}, {"samples_per_shard": 2}, 0),
        ({"size": 7 * MIB}, {"samples_per_shard": None, "shard_bytes": 2 * MIB}, 4),
        ({"size": 6 * MIB}, {"samples_per_shard": None, "shard_bytes": 2 * MIB}, 3),
        ({"samples": 7}, {"samples_per_shard": None}, 0),
    ],
)
def test_the_shards_of_a_stream_are_estimated_from_what_it_states(fields, options, shards):
    assert plan_stream(stream(**fields), replace(OPTIONS, **options)).expected_shards == shards


@pytest.mark.parametrize(("size", "block_bytes"), [(None, 2 * MIB), (0, MIB // 8), (600_000_000, MIB // 2)])
def test_the_blocks_of_a_stream_suit_its_size(size, block_bytes):
    assert plan_stream(stream(size=size), OPTIONS).options.block_bytes == block_bytes


def test_the_window_belongs_to_the_plan_of_a_shuffled_stream_alone():
    def plans(**fields):
        return {
            plan_stream(stream(), replace(OPTIONS, window_bytes=size, **fields)).fingerprint
            for size in (5, 6)
        }

    assert len(plans(shuffle=True)) == 2
    assert len(plans(shuffle=False)) == 1


def cut(images, **options):
    return list(cut_shards(images, plan_stream(stream(), replace(OPTIONS, **options))))


@pytest.mark.parametrize(("shard_bytes", "counts"), [(1, [1, 1, 1, 1]), (5009, [1, 1, 1, 1]), (1 << 20, [4])])
def test_a_stream_is_cut_by_bytes_and_a_sample_larger_than_a_shard_has_one_of_its_own(shard_bytes, counts):
    images = [StreamedImage(reference(number), b"x" * 3000) for number in range(4)]
    made = cut(images, samples_per_shard=None, shard_bytes=shard_bytes)
    assert [len(shard.images) for shard in made] == counts


def test_a_stream_fills_each_shard_to_the_last_byte():
    images = [StreamedImage(reference(number), b"x" * 3000) for number in range(4)]
    made = plan_stream(stream(), OPTIONS)
    size = content_size(images[0].reference, 3000, OPTIONS) + overhead(made.schema)
    for shard_bytes, counts in ((2 * size, [2, 2]), (2 * size - 1, [1, 1, 1, 1])):
        shards = cut(images, samples_per_shard=None, shard_bytes=shard_bytes)
        assert [len(shard.images) for shard in shards] == counts


def test_the_first_of_images_that_all_cannot_be_used_is_named():
    references = [reference(number, fault=f"fault {number}") for number in range(3)]
    first = r"none of the 3 images can be used; the first is a\.tar, member '1\.jpg' at offset 512: fault 1"
    with pytest.raises(SourceError, match=first):
        plan(Listing([references[1], references[2], references[0]]), replace(OPTIONS, on_bad="skip"))


def test_an_image_that_cannot_be_used_takes_no_room_and_joins_the_shard_that_is_being_filled():
    images = [
        StreamedImage(reference(number, fault="empty" if number in {0, 3} else None), b"x" * 9)
        for number in range(6)
    ]
    made = cut([*images, StreamedImage(reference(6, fault="empty"), b"")], on_bad="skip")
    assert [[image.reference.key for image in shard.images] for shard in made] == [
        ["k0", "k3", "k1", "k2"],
        ["k6", "k4", "k5"],
    ]
    assert [shard.name for shard in made] == ["x-train-000000.tar", "x-train-000001.tar"]
    assert [[r.key for r in shard.task.references] for shard in made] == [
        [image.reference.key for image in shard.images] for shard in made
    ]


def test_a_stream_of_unusable_images_alone_has_one_shard_and_an_empty_one_none():
    assert [
        shard.name for shard in cut([StreamedImage(reference(0, fault="empty"), b"")], on_bad="skip")
    ] == ["x-train-000000.tar"]
    assert cut([]) == []


def test_an_image_of_too_many_bytes_is_not_held_in_memory():
    images = [StreamedImage(reference(0), b"x" * 10), StreamedImage(reference(1), b"x" * 9)]
    (shard,) = cut(images, on_bad="skip", max_image_bytes=9)
    assert [image.data for image in shard.images] == [b"", b"x" * 9]
    assert "has 10 bytes, and at most 9 are read" in shard.images[0].reference.fault
    with pytest.raises(SourceError, match=r"member '0\.jpg'|a\.tar: has 10 bytes"):
        cut(images, max_image_bytes=9)


def test_a_label_in_a_stream_without_labels_names_the_member():
    made = plan_stream(stream(labelled=False), OPTIONS)
    with pytest.raises(SourceError, match=r"'1\.jpg' has a label, but the stream declares none"):
        list(cut_shards([StreamedImage(reference(1), b"")], made))


def test_a_key_that_no_sample_can_have_names_the_member():
    with pytest.raises(DataError) as caught:
        cut([StreamedImage(reference(1, key="a.b"), b"")])
    assert caught.value.__notes__ == ["of a.tar, member '1.jpg' at offset 512"]


def test_two_images_of_one_shard_with_one_key_are_both_named():
    with pytest.raises(
        SourceError, match=r"'1\.jpg' at offset 512 and .*'2\.jpg' at offset 1,024 .* key 'k1'"
    ):
        cut([StreamedImage(reference(1), b""), StreamedImage(reference(2, key="k1"), b"")])


def base(*samples, suffixes=("cls", "image"), classes=()):
    blocks = tuple(Block(10240, count, 0) for count in samples)
    shard = Shard("x-000000.tar", 10240 * len(blocks), sum(samples), "0" * 64, blocks)
    return Manifest("x", "train", suffixes, "0" * 64, (shard,), classes)


@pytest.fixture
def captions(tmp_path):
    """Return a function that opens a file of captions for some keys."""

    def opened(*keys, without="keep", **fields):
        file = tmp_path / "captions.json"
        file.write_text(json.dumps([{"filename": f"{key}.JPEG", "wnid": WNID, **fields} for key in keys]))
        return open_labels(LabelOptions(captions=str(file), without_caption=without), {})

    return opened


def test_a_data_set_with_a_block_without_samples_gets_no_layer_unless_it_is_the_last(captions):
    labels = captions(f"{WNID}_0", f"{WNID}_1", title="a dog")
    with pytest.raises(
        DataError, match=r"x-000000\.tar has a block without samples, which no layer can match"
    ):
        plan_layer("new", base(1, 0, 1), KEYS, labels)
    made = plan_layer("new", base(2, 0), KEYS, labels)
    task = made.task(0)
    assert (task.name, task.blocks) == ("x-000000.tar", (2, 0))
    assert [(r.key, r.url, r.offset, r.size, r.name) for r in task.references] == [
        (f"{WNID}_0", "", 0, 0, f"{WNID}_0"),
        (f"{WNID}_1", "", 0, 0, f"{WNID}_1"),
    ]


def test_a_layer_of_classes_alone_has_no_tars_and_notes_that_the_numbering_is_not_checked(photos):
    labels = open_labels(LabelOptions(class_names={"cn": str(photos / "class-names" / "cn.json")}), {})
    made = plan_layer("cn", base(1), KEYS[:12], labels)
    assert (made.shards, len(made.classes)) == ((), 1000)
    assert [dict(item) for item in made.plan.labels] == [{"name": "names-cn", "classes": 1000}]
    assert "the data set has no class table" in made.notes[-1]
    known = base(1, classes=tuple({"name": f"{n}", "samples": 0} for n in range(1000)))
    assert not any("no class table" in note for note in plan_layer("cn", known, KEYS[:12], labels).notes)


def test_a_layer_leaves_no_sample_out(captions):
    with pytest.raises(UsageError, match="a layer has all samples of its data set: none can be left out"):
        plan_layer("new", base(1), KEYS[:12], captions(f"{WNID}_0", without="drop", title="a dog"))


def test_label_files_that_give_nothing_are_an_error():
    with pytest.raises(SourceError, match="the label files have nothing for any sample: give other files"):
        plan_layer("new", base(1), KEYS[:12], open_labels(LabelOptions(), {}))


def test_a_key_without_room_for_the_layers_suffix_is_an_error(captions):
    key = f"{WNID}_{'1' * 80}"
    with pytest.raises(DataError, match="is not 1 to 100 ASCII characters"):
        plan_layer("new", base(1), f"{key}xxxxxx\n".encode(), captions(f"{key}xxxxxx", title="a dog"))
    plan_layer("new", base(1), f"{key}xxxxx\n".encode(), captions(f"{key}xxxxx", title="a dog"))


def test_a_layer_plan_names_its_data_set_its_files_and_its_fields(captions):
    one = base(1, suffixes=("image",))
    made = plan_layer("new", one, KEYS[:12], captions(f"{WNID}_0", title="a dog"))
    assert (made.plan.name, made.plan.base) == ("new", one.fingerprint)
    assert made.plan.fields == {"description": "text", "tags": "list", "title": "text"}
    assert [dict(item) for item in made.plan.labels] == [{"name": "captions", "count": 1}]
    assert made.shards == one.shards


def test_plan_files_have_exactly_the_entries_of_the_format():
    common = {"format", "version", "options", "fields", "classes", "classes_sha256"}
    listed = json.loads(plan(Listing([reference(0)]), OPTIONS).to_json())
    assert listed.keys() == common | {"samples", "shards", "references_sha256"}
    streamed = json.loads(plan_stream(stream(), OPTIONS).to_json())
    assert streamed.keys() == common | {"stream", "suffixes"}
    assert streamed["options"].keys() == listed["options"].keys()
    shuffled = json.loads(plan_stream(stream(), replace(OPTIONS, shuffle=True)).to_json())
    assert shuffled["options"].keys() - streamed["options"].keys() == {"window_bytes"}
    assert (listed["version"], streamed["version"]) == (1, 1)
