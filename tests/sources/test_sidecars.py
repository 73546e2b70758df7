import io
import json
import tarfile

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.sources import sidecars


def shown(listing):
    return {r.key: (r.label, r.caption, dict(r.metadata)) for r in listing.references}


def test_files_beside_an_image_are_its_label_its_caption_and_the_rest(make_tree):
    files = {"x/a.jpg": "1", "x/a.cls": "3\n", "x/a.txt": "a cat\nsleeps\r\n", "x/a.json": '{"year": 2012}'}
    listing = sidecars(make_tree({**files, "b.PNG": "2", "b.cls": "0"}))
    assert shown(listing) == {"b": (0, None, {}), "a": (3, "a cat\nsleeps", {"year": 2012})}
    assert [reference.name for reference in listing.references] == ["b.PNG", "x/a.jpg"]
    assert listing.notes == ()


def test_captions_are_kept_to_the_character(make_tree):
    caption = "  Zoë \u0001 – 日本 🐈 <b>\ttwo\n\nlines "
    assert shown(sidecars(make_tree({"a.jpg": "", "a.txt": caption})))["a"][1] == caption
    assert shown(sidecars(make_tree({"a.jpg": "", "a.txt": ""})))["a"][1] is None


def test_json_has_label_and_caption_under_their_usual_names(make_tree):
    files = {"a.jpg": "", "a.json": '{"Class": "dog", "text": "a dog", "n": 1}', "b.jpg": ""}
    listing = sidecars(make_tree({**files, "b.json": '{"Class": "cat"}'}))
    assert shown(listing) == {"a": (1, "a dog", {"n": 1}), "b": (0, None, {})}
    assert listing.classes == ({"name": "cat"}, {"name": "dog"})


def test_a_cls_comes_before_the_label_in_json_which_becomes_metadata(make_tree):
    files = {"a.jpg": "", "a.cls": "7", "a.json": '{"label": "dog", "caption": "old"}', "a.txt": "new"}
    expected = {"a": (7, "new", {"label": "dog", "caption": "old"})}
    assert shown(sidecars(make_tree(files))) == expected
    chosen = sidecars(make_tree(files), label_field="label", caption_field="caption")
    assert shown(chosen) == {"a": (0, "old", {})}


def test_a_tar_is_read_as_the_folder_in_it(tmp_path, make_tree, make_tar):
    files = {"x/a.jpg": b"1", "x/a.cls": b"3", "b.jpg": b"2", "b.json": b'{"caption": "b", "label": 4}'}
    (tmp_path / "x.tar").write_bytes(make_tar(files))
    assert shown(sidecars(f"{tmp_path}/x.tar")) == shown(sidecars(make_tree(files))) != {}


def test_files_of_no_image_are_noted(make_tree):
    files = dict.fromkeys(["a.jpg", "a.txt", "README.txt", "a.xml", "b.json", ".x.txt", "Thumbs.db"], "")
    assert sidecars(make_tree(files)).notes == (
        "ignored hidden and system files, 2 in all: .x.txt, Thumbs.db",
        "ignored files that belong to no image, 3 in all: README.txt, a.xml, b.json",
        "b.json is not read; if it describes the images, 'pack table' reads it",
    )


def test_an_annotation_without_image_has_a_fault(make_tree):
    names = ["x/a.jpg", "x/a.txt", "y/b.jpg", "labels/a.txt", "c.cls", "x/a.xml", "LICENSE"]
    listing = sidecars(make_tree(dict.fromkeys(names, "3")))
    assert {reference.name: reference.fault for reference in listing.references} == {
        "x/a.jpg": None,
        "y/b.jpg": None,
        "labels/a.txt": "no image of its name is beside this .txt",
        "c.cls": "no image of its name is beside this .cls",
        "x/a.xml": "it is no image, and belongs to none",
    }


def test_an_image_without_suffix_is_one_by_its_bytes(make_tree):
    gif, text = b"GIF89a" + bytes(20), b"some text"
    files = {"a": gif, "a.txt": "a cat", "b.heic": text, "c.jfif": text, "x/d.dat": gif, "e": text}
    listing = sidecars(make_tree(files))
    assert [(r.key, r.caption, r.fault) for r in listing.references] == [
        ("a", "a cat", None),
        ("b_heic", None, None),
        ("c", None, None),
        ("d_dat", None, None),
    ]
    assert listing.notes == ("ignored files that belong to no image, 1 in all: e",)


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv", "x/metadata.parquet"])
def test_a_table_known_to_describe_the_images_is_named_with_its_source(make_tree, name):
    with pytest.raises(SourceError, match=rf"{name} describes the images .* 'pack table'"):
        sidecars(make_tree({"a.jpg": "", "a.cls": "1", "x/b.jpg": "", name: ""}))


@pytest.mark.parametrize("name", ["labels.csv", "annotations.json", "train.parquet"])
def test_a_table_beside_images_without_any_annotation_is_refused(make_tree, name):
    with pytest.raises(SourceError, match=rf"{name} may have them: .*'annotations'.* 'pack table'"):
        sidecars(make_tree({"a.jpg": "", "b.jpg": "", name: ""}))
    assert sidecars(
        make_tree({"a.jpg": "", "a.cls": "1", "b.jpg": "", "b.cls": "2", name: ""}, "x")
    ).references


def test_boxes_in_the_format_of_yolo_are_no_captions(make_tree):
    boxes = "0 0.5 0.5 0.25 0.125\n12 0.1 0.2 0.3 0.4\n"
    tree = make_tree({"a.jpg": "", "a.txt": boxes, "b.jpg": "", "b.txt": ""})
    with pytest.raises(SourceError, match=r"YOLO .* a\.jpg.* caption_field=''"):
        sidecars(tree)
    assert [r.caption for r in sidecars(tree, caption_field="").references] == [None, None]


def test_a_cls_may_hold_the_name_of_a_class(make_tree):
    files = {"a.jpg": "", "a.cls": "cat\n", "b.jpg": "", "b.cls": "ant"}
    tree = make_tree({**files, "names/list": "dog\ncat\nant\n"})
    listed = sidecars(tree, classes=f"{tree}/names/list")
    assert [(r.key, r.label) for r in listed.references] == [("a", 1), ("b", 2)]
    assert [(r.key, r.label) for r in sidecars(tree).references][:2] == [("a", 1), ("b", 0)]
    with pytest.raises(SourceError, match=r"b\.jpg: the class 'ant' is not in .*/list"):
        sidecars(make_tree({"list": "dog\ncat"}), classes=f"{tree}/list")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.cls", "", "holds '': write one line, the number or the name of a class"),
        ("a.cls", "two\nlines", r"holds 'two\\nlines': write one line"),
        ("a.cls", "3.5", "'3.5'|3.5 is not a label"),
        ("a.cls", "-5", "-5 is not a label"),
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[1]", "is not a JSON object"),
        ("a.json", '{"a": NaN}', "JSON has no NaN"),
        ("a.json", '{"label": [0.5]}', r"0\.5 is not a label"),
        ("a.json", '{"caption": 1}', "the caption 1 is not text"),
        ("a.txt", b"\xff", "is not UTF-8"),
        ("a.txt", "x" * (1 << 20) + "y", "at most 1,048,576 are allowed"),
    ],
)
def test_a_malformed_file_is_named(make_tree, name, content, message):
    with pytest.raises(SourceError, match=rf"(?s)a\.(cls|json|txt|jpg).*{message}"):
        sidecars(make_tree({"a.jpg": "", name: content}))


@pytest.mark.parametrize(("first", "second"), [("a.cls", "a.cls"), ("a.txt", "a.txt"), ("a.json", "a.JSON")])
def test_two_files_of_one_suffix_for_one_image_are_refused(tmp_path, first, second):
    content = b"{}" if first == "a.json" else b"1"
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name in ("a.jpg", first, "b.jpg", "b.cls", second):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(SourceError, match=rf"a\.jpg has two files \.{first[2:]}: a\.\w+ \(offset "):
        sidecars(f"{tmp_path}/x.tar")


def test_two_images_of_one_stem_cannot_share_their_files(make_tree):
    with pytest.raises(SourceError, match=r"a\.jpg and .*a\.png have the same key 'a'"):
        sidecars(make_tree({"a.jpg": "", "a.png": "", "a.txt": "whose?"}))


IMAGES = {"x/a.jpg": "", "x/b.jpg": "", "y/b.jpg": ""}
FACTS = {"label": 3, "caption": "an a", "n": 1}


@pytest.mark.parametrize(
    "value",
    [
        {"x/a.jpg": FACTS},
        {"./x/a": FACTS},
        {"a.jpg": FACTS},
        {"a": FACTS},
        [{"file_name": "a.jpg", **FACTS}],
        [{**FACTS, "Image": "x/a.jpg"}],
    ],
)
def test_one_json_is_joined_by_name(make_tree, value):
    folder = make_tree({**IMAGES, "all.json": json.dumps(value), "x/a.txt": "not read"})
    listing = sidecars(folder, annotations=f"{folder}/all.json")
    assert shown(listing) == {
        "x/a": (3, "an a", {"n": 1}),
        "x/b": (None, None, {}),
        "y/b": (None, None, {}),
    }
    assert listing.notes == (
        f"2 of 3 images have no entry in {folder}/all.json",
        "ignored files that are no images, 2 in all: all.json, x/a.txt",
    )


def test_texts_are_captions_and_numbers_labels(make_tree):
    folder = make_tree({**IMAGES, "all.json": '{"a": "an a", "x/b": 3}'})
    found = shown(sidecars(folder, annotations=f"{folder}/all.json"))
    assert (found["x/a"], found["x/b"]) == ((None, "an a", {}), (3, None, {}))


def test_entries_without_image_are_noted(make_tree):
    folder = make_tree({**IMAGES, "all.json": '{"a": 1, "z.jpg": 2}'})
    notes = sidecars(folder, annotations=f"{folder}/all.json").notes
    assert f"ignored entries of {folder}/all.json without an image, 1 in all: z.jpg" in notes


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('{"b.jpg": 1}', "'b.jpg' is the name of several images: use their paths"),
        ('{"a": 1, "x/a.jpg": 2}', r"'a' and 'x/a\.jpg' are both x/a\.jpg"),
        (
            '{"z": 1}',
            r"none of its 1 entries \(the first is 'z'\) names one of the 3 images, such as x/a\.jpg",
        ),
        ("{}", "none of its 0 entries"),
        (
            '{"images": [], "annotations": []}',
            "'images' is list, but must be an object, a caption or a label",
        ),
        ('{"a": true}', "'a' is bool"),
        ('{"a": {"label": 1}, "b": }', "is not valid JSON: entry 2, at byte"),
        ('{"a": {"n": 1, "n": 2}}', "names 'n' twice"),
        ('["a.jpg"', "entry 0 is not an object|no comma and no end"),
        ('{"a": 1} {}', "text follows the object"),
        ("[1]", "entry 0 is not an object with a file name"),
        ('[{"label": 1}]', "entry 0 is not an object with a file name"),
        ('[{"image": 1}]', "entry 0 is not an object with a file name"),
        ("3", "is not a JSON array or object"),
        ('{"a": 1, "a": 2}', "names 'a' twice"),
        ("{", "is not valid JSON"),
    ],
)
def test_annotations_of_another_shape_are_refused(make_tree, value, message):
    folder = make_tree({**IMAGES, "all.json": value})
    with pytest.raises(SourceError, match=rf"all\.json.*{message}"):
        sidecars(folder, annotations=f"{folder}/all.json")


def test_one_json_is_not_held_in_memory(tmp_path, make_tar, little_memory):
    (tmp_path / "x.tar").write_bytes(make_tar({f"{i}.jpg": b"" for i in range(5000)}))
    entries = {f"{i}.jpg": {"text": f"{i} {'x' * 6000}"} for i in range(5000)}
    (tmp_path / "all.json").write_text(json.dumps(entries))
    del entries
    with little_memory(20 << 20):
        listing = sidecars(f"{tmp_path}/x.tar", annotations=f"{tmp_path}/all.json")
    assert {r.name: r.caption.split()[0] for r in listing.references} == {
        f"{i}.jpg": f"{i}" for i in range(5000)
    }


def test_files_beside_images_are_not_held_in_memory(tmp_path, make_tar, little_memory):
    files = {f"{i}{suffix}": f"{i} {'x' * 9000}".encode() for i in range(3000) for suffix in (".jpg", ".txt")}
    (tmp_path / "x.tar").write_bytes(make_tar(files))
    del files
    with little_memory(20 << 20):
        listing = sidecars(f"{tmp_path}/x.tar")
    assert {r.name: r.caption.split()[0] for r in listing.references} == {
        f"{i}.jpg": f"{i}" for i in range(3000)
    }
