"""Open Images V1 to V7: real photos, the genuine dict.csv and class lists, CSVs with their oddities."""

import csv
import gzip
import io
import json
import shutil
from pathlib import Path

import pytest
from streams import arrived

from wds_imagenet.errors import CorruptError, SourceError, UsageError
from wds_imagenet.sources import Stream, open_images
from wds_imagenet.storage import open_store
from wds_imagenet.storage.http_download import Download

# Zero-padded, a number to some, 4.3e15 to others, and all letters.
IDS = ["0000000000012345", "000060e3121c7305", "43e0000000000011", "ffffffffffffffff"]
CAT, DOG, NINJA = "/m/01yrx", "/m/0bt9lr", "/g/11jy976z6"
V4 = [
    "ImageID",
    "Subset",
    "OriginalURL",
    "OriginalLandingURL",
    "License",
    "AuthorProfileURL",
    "Author",
    "Title",
    "OriginalSize",
    "OriginalMD5",
    "Thumbnail300KURL",
    "Rotation",
]
V1 = [c for c in V4 if c not in {"Subset", "Rotation"}]
TITLES = ['28 Nov 2010, "Our" new house.', "two\nlines", "kakigōri 🍧\r\nwith ice", ""]
TURNS = ["90.0", "", "nan", "0.0"]
BOX8 = ["ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax"]
BOX13 = [*BOX8, "IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
BOX21 = [*BOX13, *(f"XClick{i}{axis}" for axis in "XY" for i in range(1, 5))]


def text_of(header, rows, **dialect):
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows([header, *rows])
    return out.getvalue()


def image(i, **more):
    told = {
        "ImageID": IDS[i],
        "Subset": "train",
        "OriginalURL": f"https://farm1.staticflickr.com/9/{i}_o.jpg",
        "License": "https://creativecommons.org/licenses/by/2.0/",
        "Author": "Zoë, the 1st",
        "Title": TITLES[i],
        "OriginalSize": str(211079 + i),
        "OriginalMD5": "0Sad+xMj2ttXM1U8meEJ0A==",
        "Thumbnail300KURL": "" if i == 1 else f"https://c1.staticflickr.com/9/{i}_z.jpg",
        "Rotation": TURNS[i],
        **more,
    }
    return [told.get(column, "") for column in V4]


def images_csv(*which, header=V4, **dialect):
    rows = [image(i) for i in which or (2, 0, 3, 1)]  # not sorted, as they are released
    return text_of(header, [[row[V4.index(c)] for c in header] for row in rows], **dialect)


LABELS = text_of(
    ["ImageID", "Source", "LabelName", "Confidence"],
    [
        (IDS[1], "verification", CAT, "1"),
        (IDS[0], "crowdsource-verification", DOG, "0"),
        (IDS[1], "machine", DOG, "0.7"),
        (IDS[3], "verification", DOG, "0.0"),
        (IDS[1], "machine", CAT, "0.9"),
        (IDS[1], "verification", CAT, "1"),
    ],
)


@pytest.fixture
def folder(photos, tmp_path):
    """Real photos by hex ids, as `aws s3 sync` leaves them."""
    (tmp_path / "train").mkdir()
    for name, photo in zip(IDS, sorted((photos / "imagenet-sample").iterdir()), strict=False):
        shutil.copy(photo, tmp_path / "train" / f"{name}.jpg")
    return tmp_path / "train"


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def by_id(listing):
    return {reference.key: reference.metadata for reference in listing.references}


def test_images_come_by_id_and_ids_are_texts(folder, write, read_back):
    listing = open_images(str(folder), images=write("i.csv", images_csv()))
    assert [r.key for r in listing.references] == IDS  # a float would be 6.0e+..., an int lose its zeros
    assert [r.name for r in listing.references] == [f"{i}.jpg" for i in IDS]
    assert all(read_back(r) == (folder / f"{r.key}.jpg").read_bytes() for r in listing.references)
    assert all(r.label is None for r in listing.references)
    assert listing.split == "train"


def test_titles_with_commas_quotes_and_newlines_stay_as_they_are(folder, write):
    listing = open_images(str(folder), images=write("i.csv", images_csv()))
    assert [r.metadata["title"] for r in listing.references] == TITLES
    assert {r.metadata["author"] for r in listing.references} == {"Zoë, the 1st"}
    told = listing.references[2].metadata
    assert told["license"] == "https://creativecommons.org/licenses/by/2.0/"
    assert (told["original_size"], told["original_md5"]) == (211081, "0Sad+xMj2ttXM1U8meEJ0A==")
    assert listing.references[1].metadata["thumbnail_300k_url"] == ""


def test_rotation_is_recorded_and_boxes_match_the_pixels_as_stored(folder, write):
    corner = [[i, "xclick", CAT, "1", "0.0", "0.25", "0.0", "0.5", "0", "0", "0", "0", "0"] for i in IDS]
    turned = [image(i, Rotation=turn) for i, turn in enumerate(["90.0", "180.0", "270", "nan"])]
    listing = open_images(
        str(folder), images=write("i.csv", text_of(V4, turned)), boxes=write("b.csv", text_of(BOX13, corner))
    )
    assert [r.metadata["rotation"] for r in listing.references] == [90, 180, 270, 0]
    boxes = [r.metadata["boxes"][0] for r in listing.references]
    assert {(b["xmin"], b["xmax"], b["ymin"], b["ymax"]) for b in boxes} == {(0.0, 0.25, 0.0, 0.5)}
    assert any("3 images have a rotation" in note for note in listing.notes)


def test_rotation_is_applied_to_image_and_boxes_or_to_none(folder, write):
    corner = [[i, "xclick", CAT, "1", "0.0", "0.25", "0.0", "0.5", "0", "0", "0", "0", "0"] for i in IDS]
    turns = [image(i, Rotation=turn) for i, turn in enumerate(["90.0", "180.0", "270", "nan"])]
    files = {"images": write("i.csv", text_of(V4, turns)), "boxes": write("b.csv", text_of(BOX13, corner))}
    listing = open_images(str(folder), rotation="apply", **files)
    assert [r.rotation for r in listing.references] == [90, 180, 270, 0]
    assert [(r.metadata["rotation"], r.metadata["rotation_applied"]) for r in listing.references] == [
        *((0, 90), (0, 180), (0, 270), (0, 0))
    ]
    boxes = [r.metadata["boxes"][0] for r in listing.references]
    assert [(b["xmin"], b["xmax"], b["ymin"], b["ymax"]) for b in boxes] == [
        *((0.0, 0.5, 0.75, 1.0), (0.75, 1.0, 0.5, 1.0), (0.5, 1.0, 0.0, 0.25), (0.0, 0.25, 0.0, 0.5))
    ]
    assert any("3 images are rotated, with their boxes" in note for note in listing.notes)
    assert [r.rotation for r in open_images(str(folder), rotation="record", **files).references] == [0] * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs the image CSV, as option 'images'"),
        ({"fetch": "thumbnail"}, "not work for thumbnails"),
        ({"rotation": "yes"}, "option 'rotation' is one of record, apply, not 'yes'"),
    ],
)
def test_a_rotation_without_image_csv_is_refused(folder, options, message):
    with pytest.raises(UsageError, match=message):
        open_images(str(folder), **{"rotation": "apply", **options})


def test_without_a_column_of_rotations_none_is_applied(folder, write):
    csv_of_v1 = write("i.csv", images_csv(header=V1))
    with pytest.raises(SourceError, match=r"i\.csv has no column Rotation"):
        open_images(str(folder), images=csv_of_v1, rotation="apply")


def test_an_empty_rotation_is_none(folder, write):
    listing = open_images(str(folder), images=write("i.csv", images_csv()))
    assert [r.metadata["rotation"] for r in listing.references] == [90, 0, 0, 0]


def test_confidence_zero_is_a_negative_and_machines_are_kept_apart(folder, write):
    known = by_id(open_images(str(folder), image_labels=write("l.csv", LABELS)))
    assert known[IDS[0]]["human_negative"] == [
        {"id": DOG, "confidence": 0.0, "source": "crowdsource-verification"}
    ]
    assert known[IDS[0]]["human_positive"] == known[IDS[0]]["machine"] == []
    assert [x["id"] for x in known[IDS[1]]["human_positive"]] == [CAT]  # said twice, counted once
    assert [(x["id"], x["confidence"]) for x in known[IDS[1]]["machine"]] == [(DOG, 0.7), (CAT, 0.9)]
    assert known[IDS[2]] == {"human_positive": [], "human_negative": [], "machine": []}
    assert len(known[IDS[3]]["human_negative"]) == 1


def test_an_image_without_label_is_noted_and_kept(folder, write):
    listing = open_images(str(folder), image_labels=write("l.csv", LABELS))
    assert len(listing.references) == 4
    assert "1 image has no label" in listing.notes


def test_names_are_those_of_the_genuine_dict(folder, write, photos):
    listing = open_images(
        str(folder), image_labels=write("l.csv", LABELS), names=str(photos / "open-images" / "dict.csv")
    )
    assert by_id(listing)[IDS[1]]["human_positive"][0]["name"] == "cat"


@pytest.mark.parametrize("head", ["", "LabelName,DisplayName\r\n", "\ufeffLabelName,DisplayName\n"])
def test_class_descriptions_may_have_a_header_line(folder, write, head):
    names = write("n.csv", f'{head}{CAT},Cat\n{DOG},"Dog ""the"" dog, big"\n{NINJA},small terrier\n')
    known = by_id(open_images(str(folder), image_labels=write("l.csv", LABELS), names=names))
    assert known[IDS[3]]["human_negative"][0]["name"] == 'Dog "the" dog, big'


def test_a_class_list_fixes_the_index_and_leaves_other_classes_out(folder, write, photos):
    classes = photos / "open-images" / "open_images_classes_boxable.txt"
    more = LABELS + f"{IDS[2]},verification,{NINJA},1\r\n"
    listing = open_images(str(folder), image_labels=write("l.csv", more), classes=str(classes))
    lines = classes.read_text().split()
    assert by_id(listing)[IDS[1]]["human_positive"][0]["class"] == lines.index(CAT)
    assert by_id(listing)[IDS[2]]["human_positive"] == []
    assert any(note.endswith("not in the class list: 1") for note in listing.notes)


BOX = (IDS[0], "freeform", CAT, "1", "0.1", "0.9", "0.2", "0.3")


@pytest.mark.parametrize(
    ("header", "row", "attributes", "unknown"),
    [
        (BOX8, BOX, [], ["occluded", "truncated", "group_of", "depiction", "inside"]),
        (BOX13, (*BOX, 1, 0, -1, 0, 1), ["occluded", "inside"], ["group_of"]),
        (BOX21, (*BOX, 1, 0, -1, 0, 1, *[-1] * 8), ["occluded", "inside"], ["group_of"]),
    ],
    ids=["8", "13", "21"],
)
def test_boxes_go_by_the_header(folder, write, header, row, attributes, unknown):  # noqa: PLR0917 - a table
    shuffled = sorted(range(len(header)), key=lambda i: header[i][::-1])  # no column is where it was
    text = text_of([header[i] for i in shuffled], [[row[i] for i in shuffled]])
    (box,) = by_id(open_images(str(folder), boxes=write("b.csv", text)))[IDS[0]]["boxes"]
    assert (box["xmin"], box["xmax"], box["ymin"], box["ymax"]) == (0.1, 0.9, 0.2, 0.3)
    assert (box["attributes"], box["unknown"], box["clicks"]) == (attributes, unknown, [])


def test_clicks_are_points(folder, write):
    row = (*BOX, 0, 0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    (box,) = by_id(open_images(str(folder), boxes=write("b.csv", text_of(BOX21, [row]))))[IDS[0]]["boxes"]
    assert box["clicks"] == [[0.1, 0.5], [0.2, 0.6], [0.3, 0.7], [0.4, 0.8]]


def test_v1_is_read_from_its_archives(folder, write, make_tar, photos):
    text = images_csv(header=V1)
    labels = LABELS.replace("crowdsource-verification", "human").replace("verification", "human")
    images = write(
        "images_2016_08_v5.tar.gz",
        gzip.compress(make_tar({"./train/images.csv": text.encode(), "validation/images.csv": b"x\n"})),
    )
    human = write("human.tar.gz", gzip.compress(make_tar({"train/labels.csv": labels.encode()})))
    listing = open_images(
        str(folder),
        images=images,
        image_labels=human,
        names=str(photos / "open-images" / "dict.csv"),
        split="train",
    )
    assert [r.metadata["subset"] for r in listing.references] == ["train"] * 4
    assert "rotation" not in listing.references[0].metadata
    assert by_id(listing)[IDS[0]]["human_negative"][0]["name"] == "dog"


def test_several_label_files_and_their_folder_give_the_same(folder, write):
    head, *rows = LABELS.splitlines(keepends=True)
    human = write(
        "all/train-annotations-human-imagelabels.csv", head + "".join(r for r in rows if "machine" not in r)
    )
    machine = write(
        "all/train-annotations-machine-imagelabels.csv.gz",
        gzip.compress((head + "".join(r for r in rows if "machine" in r)).encode()),
    )
    write("all/train-annotations-bbox.csv", text_of(BOX8, [BOX]))
    write("all/validation-annotations-human-imagelabels.csv", head + f"aaaaaaaaaaaaaaaa,x,{CAT},1\r\n")
    one = open_images(str(folder), image_labels=f"{human},{machine}")
    both = open_images(str(folder), image_labels=str(Path(human).parent), split="train")
    assert by_id(one) == by_id(both)
    assert by_id(one)[IDS[1]]["machine"]


def test_tars_are_listed_in_place(folder, write, make_tar, read_back):
    for digit in "04f":
        files = {f"train_{digit}/{i}.jpg": (folder / f"{i}.jpg").read_bytes() for i in IDS if i[0] == digit}
        write(f"tars/train_{digit}.tar", make_tar({**files, "train_x/notes.txt": b"x"}))
    listing = open_images(str(folder.parent / "tars"), images=write("i.csv", images_csv()))
    assert [r.key for r in listing.references] == IDS
    assert all(read_back(r) == (folder / f"{r.key}.jpg").read_bytes() for r in listing.references)
    assert any("no images of Open Images, 3 in all" in note for note in listing.notes)
    one = open_images(str(folder.parent / "tars" / "train_0.tar"), images=write("0.csv", images_csv(0, 1)))
    assert [r.key for r in one.references] == IDS[:2]


@pytest.fixture
def gzipped(folder, write, make_tar):
    files = {f"train_0/{i}.jpg": (folder / f"{i}.jpg").read_bytes() for i in reversed(IDS)}
    return write("gz/train_0.tar.gz", gzip.compress(make_tar(files), 1))


def test_a_gzipped_tar_is_a_stream_with_all_fields(gzipped, folder, write):
    images, labels = write("i.csv", images_csv()), write("l.csv", LABELS)
    for url in (gzipped, str(Path(gzipped).parent)):
        stream = open_images(url, images=images, image_labels=labels)
        assert isinstance(stream, Stream)
        assert not stream.labelled
        listed = {r.key: r for r in open_images(str(folder), images=images, image_labels=labels).references}
        for _ in range(2):  # as often as one likes
            arrivals = arrived(stream)
            assert [a.reference.key for a in arrivals] == IDS[::-1]
            assert all(a.data == (folder / a.reference.name).read_bytes() for a in arrivals)
            assert all(a.reference.metadata == listed[a.reference.key].metadata for a in arrivals)
        assert set(stream.fields) == set(arrivals[0].reference.metadata)
        assert (stream.samples, stream.split) == (4, "train")


def test_the_identity_of_a_stream_depends_on_every_field(gzipped, write):
    one = open_images(gzipped, images=write("i.csv", images_csv())).identity
    same = open_images(gzipped, images=write("j.csv", images_csv(0, 1, 2, 3))).identity
    other = open_images(
        gzipped, images=write("i.csv", images_csv()), image_labels=write("l.csv", LABELS)
    ).identity
    assert one == same != other
    json.dumps(one)


def test_a_stream_that_lacks_or_adds_an_image_is_refused(gzipped, write):
    with pytest.raises(SourceError, match=r"000060e3121c7305.*not in the CSV of the images"):
        list(open_images(gzipped, images=write("i.csv", images_csv(0, 2, 3))).images())
    more = images_csv() + text_of(image(0), [])[:0] + text_of(["0" * 16, *image(0)[1:]], [])
    with pytest.raises(SourceError, match=r"line 8: the image is listed, but not in"):
        list(open_images(gzipped, images=write("i.csv", more)).images())
    assert len(list(open_images(gzipped, images=write("i.csv", more), missing="skip").images())) == 4
    few = open_images(gzipped, images=write("i.csv", images_csv(0, 2)), missing="skip")
    assert [a.reference.key for a in few.images()] == [IDS[2], IDS[0]]


def test_an_unpacked_tar_called_gz_is_listed(folder, write, make_tar):
    tar = write("v/validation.tar.gz", make_tar({f"{IDS[0]}.jpg": (folder / f"{IDS[0]}.jpg").read_bytes()}))
    assert [r.key for r in open_images(str(Path(tar).parent)).references] == [IDS[0]]


def test_another_store_does_as_well(s3_url, folder, write):
    store = open_store(s3_url)
    for file in folder.iterdir():
        store.put_file(f"train/{file.name}", Path(shutil.copy(file, file.with_suffix(".copy"))))
    store.put("meta/images.csv", images_csv().encode())
    store.put("meta/labels.csv.gz", gzip.compress(LABELS.encode()))
    listing = open_images(
        f"{s3_url}/train", images=f"{s3_url}/meta/images.csv", image_labels=f"{s3_url}/meta/labels.csv.gz"
    )
    here = open_images(
        str(folder), images=write("i.csv", images_csv()), image_labels=write("l.csv", LABELS), missing="skip"
    )
    assert by_id(listing) == by_id(here)
    assert listing.references[0].url == f"{s3_url}/train/{IDS[0]}.jpg"


def test_only_one_split_is_taken(folder, write):
    rows = [image(i, Subset="validation" if i % 2 else "train") for i in range(4)]
    listing = open_images(
        str(folder),
        images=write("i.csv", text_of(V4, rows)),
        image_labels=write("l.csv", LABELS),
        split="validation",
    )
    assert [r.key for r in listing.references] == [IDS[1], IDS[3]]
    assert listing.split == "validation"
    assert "2 images were ignored for being of another split" in listing.notes


REFUSED = {
    "an id of labels that no file is": (
        "image_labels",
        LABELS + f"00000000000000aa,machine,{CAT},0.5\r\n",
        "line 8: 00000000000000aa has no file",
    ),
    "an id of images that no file is": (
        "images",
        images_csv() + text_of(["0" * 16, *image(0)[1:]], []),
        r"line 8: 0{16} has no file",
    ),
    "a file that no row is": ("images", images_csv(0, 1, 2), "f{16}.jpg: f{16} is not in the CSV"),
    "an id twice": (
        "images",
        images_csv(0, 1, 2, 3, 1),
        r"line 8: the image 000060e3121c7305 is listed a second time, after .*, line 3",
    ),
    "an id that became a float": (
        "image_labels",
        LABELS.replace(IDS[1], "6.03121e+15"),
        "line 2: '6.03121e\\+15' is not an ImageID",
    ),
    "an id that lost its zeros": (
        "image_labels",
        LABELS.replace(IDS[0], "12345"),
        "line 3: '12345' is not an ImageID",
    ),
    "a missing column": (
        "image_labels",
        LABELS.replace("Confidence", "Score"),
        "line 1 has no column 'Confidence'; its columns are ImageID",
    ),
    "no header": ("image_labels", LABELS.split("\r\n", 1)[1], "line 1 has no column 'ImageID'"),
    "a column twice": (
        "image_labels",
        LABELS.replace("Source", "ImageID", 1),
        "has the column 'ImageID' twice",
    ),
    "another delimiter": ("image_labels", LABELS.replace(",", ";"), "line 1 has no column"),
    "the README's sample row": (
        "images",
        images_csv().replace(',"28 Nov', '"28 Nov', 1),
        r"line 4 (has 11 cells, not 12|is not valid CSV)",
    ),
    "a row with a cell too few": (
        "image_labels",
        LABELS + f"{IDS[0]},machine,{CAT}\r\n",
        "line 8 has 3 cells, not 4",
    ),
    "a confidence of a person in between": (
        "image_labels",
        LABELS.replace("verification,/m/01yrx,1", "verification,/m/01yrx,0.5"),
        "line 2: Confidence is '0.5', but a person's must be 0 or 1",
    ),
    "a confidence that is no number": (
        "image_labels",
        LABELS.replace("0.7", "nan"),
        "line 4: Confidence is 'nan'",
    ),
    "a label that is a name": (
        "image_labels",
        LABELS.replace(CAT, "Cat"),
        "line 2: 'Cat' is not a LabelName",
    ),
    "a rotation by 45 degrees": (
        "images",
        images_csv().replace("90.0", "45.0"),
        "line 4: Rotation is '45.0'",
    ),
    "a size that is none": (
        "images",
        images_csv().replace("211080", "big"),
        "line 6: OriginalSize is 'big', but must be a size",
    ),
    "boxes in pixels": ("boxes", text_of(BOX8, [(*BOX[:4], "10", "90", "20", "30")]), "line 2: XMin is '10'"),
    "boxes in the order of VOC": (
        "boxes",
        text_of(BOX8, [(*BOX[:4], "0.5", "0.2", "0.9", "0.3")]),
        "line 2: the box .* is inside out",
    ),
    "an attribute that is none": (
        "boxes",
        text_of(BOX13, [(*BOX, "yes", 0, 0, 0, 0)]),
        "line 2: occluded is 'yes'",
    ),
    "labels given as boxes": ("boxes", LABELS, "line 1 has no column 'XMin'"),
    "boxes given as labels": (
        "image_labels",
        text_of(BOX8, [BOX]),
        "has the column 'XMin': give it as another option",
    ),
    "another encoding": ("images", images_csv().encode("latin-1", "replace"), "line 2 is not UTF-8"),
    "UTF-16": ("images", images_csv().encode("utf-16"), "is UTF-16"),
    "nothing at all": ("images", "", "is empty"),
    "an open quote": ("images", images_csv()[:-2] + ',"', "is not valid CSV|has 13 cells"),
    "gzip that is cut off": ("image_labels", gzip.compress(LABELS.encode())[:-12], "damaged or cut off"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_fault_is_named_with_file_and_line(folder, write, case):
    option, content, told = REFUSED[case]
    file = write("given.csv", content)
    with pytest.raises((SourceError, CorruptError), match=told) as caught:
        open_images(str(folder), **{option: file})
    assert "given.csv" in str(caught.value) or case == "a file that no row is"


def test_a_class_without_a_name_is_refused_with_its_line(folder, write):
    with pytest.raises(SourceError, match=r"l\.csv, line 3: the class /m/0bt9lr has no name"):
        open_images(str(folder), image_labels=write("l.csv", LABELS), names=write("n.csv", f"{CAT},Cat\n"))


def test_images_that_some_file_lacks_can_be_left_out_and_are_counted(folder, write):
    listing = open_images(
        str(folder),
        images=write("i.csv", images_csv(0, 1)),
        image_labels=write("l.csv", LABELS),
        missing="skip",
    )
    assert [r.key for r in listing.references] == IDS[:2]
    assert any(note.startswith("2 images were left out") for note in listing.notes)


def test_carriage_returns_and_a_byte_order_mark_change_nothing(folder, write):
    plain = open_images(str(folder), image_labels=write("l.csv", LABELS.replace("\r\n", "\n")))
    marked = open_images(str(folder), image_labels=write("m.csv", "\ufeff" + LABELS))
    assert by_id(plain) == by_id(marked)


def test_downloads_are_listed_with_size_and_md5_of_the_original(write):
    listing = open_images(write("i.csv", images_csv()), fetch="original")
    first = listing.references[0]
    assert (first.key, first.name, first.size) == (IDS[0], "0_o.jpg", 211079)
    download = Download.parse(first.url)
    assert download == Download("https://farm1.staticflickr.com/9/0_o.jpg", "0Sad+xMj2ttXM1U8meEJ0A==")


def test_thumbnails_have_no_size_or_md5_and_some_have_no_url(write):
    images = write("i.csv", images_csv())
    with pytest.raises(SourceError, match=r"line 6: 000060e3121c7305 has no thumbnail_300k_url"):
        open_images(images, fetch="thumbnail")
    listing = open_images(images, fetch="thumbnail", missing="skip")
    assert [r.key for r in listing.references] == [IDS[0], *IDS[2:]]
    assert {r.size for r in listing.references} == {None}
    assert Download.parse(listing.references[0].url).md5 is None


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "s3://bucket/key", "ftp://host/x", "//host/x"),
        *("http://", "http://[::1/x", "http://host:99999/x", "http:///x"),
    ],
)
def test_a_url_that_is_malformed_or_not_of_http_is_named_with_its_line(write, url):
    images = write("i.csv", text_of(V4, [image(0, OriginalURL=url)]))
    with pytest.raises(SourceError, match=r"i\.csv, line 2: .* is no URL of http"):
        open_images(images, fetch="original")


def test_a_table_without_urls_is_not_downloaded_from(write):
    with pytest.raises(SourceError, match=r"i\.csv has no column of URLs for option fetch='thumbnail'"):
        open_images(write("i.csv", f"ImageID,OriginalURL\n{5:016x},http://h/x\n"), fetch="thumbnail")


def test_a_cell_cannot_allow_private_networks_for_itself(write):
    url = "http://127.0.0.1/x.jpg#private=yes"
    listing = open_images(write("i.csv", text_of(V4, [image(0, OriginalURL=url)])), fetch="original")
    assert not Download.parse(listing.references[0].url).private


@pytest.mark.parametrize(
    "options",
    [
        {"fetch": "all"},
        {"missing": "no"},
        {"split": "val"},
        {"fetch": "original", "images": "x"},
    ],
)
def test_an_unknown_value_of_an_option_is_refused(tmp_path, options):
    with pytest.raises(UsageError):
        open_images(str(tmp_path), **options)


def test_images_without_an_id_have_a_fault_and_other_files_a_note(folder, write):
    (folder / f"{IDS[3]}.jpg").rename(folder / IDS[3])
    (folder / f"{IDS[2]}.jpg").rename(folder / f"{IDS[2]}.jfif")
    for name in ("cat.jpg", "README", "Thumbs.db", "._cat.jpg"):
        (folder / name).write_bytes(b"x")
    (folder / "eeeeeeeeeeeeeeee.jpg").symlink_to("/nowhere.jpg")
    listing = open_images(str(folder), images=write("i.csv", images_csv()))
    assert [(r.key, r.fault) for r in listing.references] == [
        *((key, None) for key in IDS),
        ("cat_jpg", "its name is not that of an image of Open Images"),
        ("eeeeeeeeeeeeeeee_jpg", "is a symbolic link to /nowhere.jpg, which does not exist; remove it"),
    ]
    assert any("files that are no images of Open Images, 1 in all: README" in note for note in listing.notes)
