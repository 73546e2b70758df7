import gzip
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.labels.captions import DEFAULT_TEMPLATE, captions, fill_template, parse_template

TENCH = {
    "filename": "n01440764_10026.JPEG",
    "title": "A tench",
    "tags": ["fish", "fresh water"],
    "description": "Caught\nin  the <b>lake</b>",
    "wnid": "n01440764",
}


@pytest.fixture
def read(tmp_path):
    def write_and_read(*entries, **options):
        path = tmp_path / "imagenet_captions.json"
        text = entries[0] if isinstance(entries[0], bytes) else json.dumps(entries).encode()
        path.write_bytes(text)
        return captions(str(path), **options)

    return write_and_read


def entry(number=1, **changes):
    filled = {**TENCH, "filename": f"n01440764_{number}.JPEG", **changes}
    return {name: value for name, value in filled.items() if value is not ...}


def test_title_tags_and_description_are_joined_as_the_authors_do(read):
    found = read(TENCH).find("n01440764_10026")
    assert found.caption == "A tench fish fresh water Caught in the <b>lake</b>"
    assert found.metadata == {name: TENCH[name] for name in ("title", "tags", "description")}


def test_it_is_joined_by_name_and_not_by_place(read):
    other = {**TENCH, "filename": "n01443537_7.JPEG", "wnid": "n01443537", "title": "gold"}
    labels = read(entry(2), other, entry(10026))
    assert labels.find("n01443537_7").metadata["title"] == "gold"
    assert labels.find("n01443537_7_n01443537").metadata["title"] == "gold"  # as Hugging Face names it
    assert labels.find("n01440764_1") is None
    assert labels.find("ILSVRC2012_val_00000001") is None
    assert (labels.count, labels.captioned, labels.labelled) == (3, True, False)


@pytest.mark.parametrize("form", ["zip", "gz"])
def test_it_is_read_as_released(form, tmp_path):
    data = json.dumps([TENCH]).encode()
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("imagenet_captions.json", data)
            archive.writestr("__MACOSX/._imagenet_captions.json", b"\0")
    else:
        (tmp_path / "a").write_bytes(gzip.compress(data))
    assert captions(str(tmp_path / "a")).find("n01440764_10026").metadata["title"] == "A tench"


def test_a_template_chooses_the_fields(read):
    assert read(TENCH, template="{title}").find("n01440764_10026").caption == "A tench"
    found = read(TENCH, template="{{a}} photo of {tags}: {title}").find("n01440764_10026")
    assert found.caption == "{a} photo of fish fresh water: A tench"


@pytest.mark.parametrize(
    "template",
    [
        "",
        "a photo",
        "{",
        "{}",
        "{0}",
        "{wnid}",
        "{title!r}",
        "{title:>99999999}",
        "{title.__class__}",
        "{tags[0]}",
        "{title:{tags}}",
        "{description",
        "}",
    ],
)
def test_a_template_is_no_program(template, read):
    with pytest.raises(UsageError, match="template"):
        read(TENCH, template=template)


def test_missing_fields_are_empty_and_counted(read):
    labels = read(
        entry(1, description=""),
        entry(2, description=..., tags=None),
        entry(3, title="", tags=[], description=" "),
    )
    assert labels.find("n01440764_1").caption == "A tench fish fresh water"
    assert labels.find("n01440764_2").metadata == {"title": "A tench", "tags": [], "description": ""}
    assert labels.find("n01440764_3").caption is None
    assert set(labels.notes) == {
        "1 entry without tags",
        "1 entry without description",
        "1 entry without any text, which give no caption",
    }


def test_odd_characters_are_counted_and_the_rest_is_kept(read):
    nasty = "bell\x07 nul\x00tab\t\u2028sep\x1f \ud83d lone 日本 😀 e\u0301"
    labels = read(entry(1, title=nasty, tags=[], description=""))
    found = labels.find("n01440764_1")
    assert found.caption == "bell nul tab sep \ufffd lone 日本 😀 e\u0301"
    assert found.metadata["title"] == nasty.replace("\ud83d", "\ufffd")
    assert any("lone surrogates" in note for note in labels.notes)
    assert any("control characters" in note for note in labels.notes)


def test_the_first_of_two_entries_counts_with_a_note(read):
    labels = read(entry(1, title="one"), entry(1, title="two"), entry(1, title="one"))
    assert labels.find("n01440764_1").metadata["title"] == "one"
    assert labels.count == 1
    assert "1 entry for images that have another; the first counts, as for n01440764_1" in labels.notes
    assert "1 entry that repeats another" in labels.notes


def test_fields_of_other_names_are_left_out_and_counted(read):
    labels = read(entry(1, license=3), entry(2, license=4))
    assert "license" not in labels.find("n01440764_1").metadata
    assert "2 entries with the field 'license', left out" in labels.notes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"wnid": "n01443537"},
            "'n01440764_1.JPEG' is not the name of a train image of the class 'n01443537'",
        ),
        ({"wnid": ...}, "of the class None"),
        ({"filename": ...}, "entry 2, at byte [0-9]+: None is not the name"),
        ({"filename": "../../n01440764_1.JPEG"}, "is not the name of a train image"),
        ({"filename": "n01440764_1"}, "is not the name of a train image"),
        ({"title": 7}, "its title is 7, not a text"),
        ({"tags": "fish"}, "its tags is 'fish', not a list of texts"),
        ({"tags": ["fish", None]}, "not a list of texts"),
    ],
)
def test_a_malformed_entry_is_named(changes, message, read):
    with pytest.raises(SourceError, match=message) as caught:
        read(entry(5), entry(1, **changes))
    assert "imagenet_captions.json: entry 2, at byte" in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{}", b"[", b"[]", b'[{"filename": 1,}]', b"\xff\xfe[\x00]\x00"])
def test_a_file_that_is_no_list_of_entries_is_refused(text, read):
    with pytest.raises(SourceError, match=r"imagenet_captions\.json"):
        read(text)


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)
def test_a_caption_is_one_line(title, tags):
    caption = fill_template(
        parse_template(DEFAULT_TEMPLATE), {"title": title, "tags": tags, "description": ""}
    )
    assert caption == " ".join(caption.split())
    assert all(ord(character) >= 32 for character in caption)
    if title.isalnum():
        assert caption.startswith(title)
