"""Malformed input raises an error that names file and line or member, and publishes nothing."""

import gzip
import io
import json
import re
import tempfile

import pytest

from wds_imagenet import pack
from wds_imagenet.errors import DataError, UsageError
from wds_imagenet.storage import open_store

VAL = "ILSVRC2012_val_{:08d}"
HASH = "0123456789abcdef0123456789abcdef01234567"
ID = "0000000000012345"
OTHER = "000060e3121c7305"
OI = "ImageID,Source,LabelName,Confidence"
BOX = f"{OI},XMin,XMax,YMin,YMax"
ROW = f"{VAL.format(1)},n01751748 1 1 2 2 \n"
HEADER = "ImageId,PredictionString\n"


@pytest.fixture
def photo(world):
    return world.photos[0][1]


@pytest.fixture
def refused(tmp_path, photo, monkeypatch):
    """Return the check: packing these files is refused in these words, and no file is left anywhere.

    The words are those of the message and its notes, in which the folder of the files is called `in`.
    """
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def check(says, source, files, input_, **options):
        store = open_store(str(tmp_path / "in"))
        for path, content in files.items():
            data = photo if content is None else content
            store.put(path, data.encode() if isinstance(data, str) else data)
        at = f"{tmp_path}/in/"
        labels = dict([options.pop("labels").split("=@")] if "labels" in options else ())
        labels = {name: at + file for name, file in labels.items()}
        options = {n: at + v[1:] if v[:1] == "@" else v for n, v in options.items()}
        with pytest.raises((DataError, UsageError)) as caught:
            pack(source, at + input_, dest=f"{tmp_path}/out", workers=1, labels=labels, **options)
        told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
        told = told.replace(str(tmp_path / "in"), "in")
        assert re.search(says, told, re.DOTALL), told
        left = [path for name in ("out", "temporary") for path in (tmp_path / name).rglob("*")]
        assert not [path for path in left if path.is_file()]

    return check


SOLUTION = {"LOC_synset_mapping.txt": "@wnids", f"{VAL.format(1)}.JPEG": None}


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (", line 1: its header is 'ImageId,Label', not", "ImageId,Label\n" + ROW),
        (", line 1: its header is 'ImageId;PredictionString', not", (HEADER + ROW).replace(",", ";")),
        (", line 3: ILSVRC2012_val_00000001 is listed twice", HEADER + ROW + ROW),
        (", line 2: '1e99' is not a number of pixels", HEADER + ROW.replace(" 2 2", " 2 1e99")),
        (
            ", line 2: 'ILSVRC2012_val_00090001' has a number that no val",
            HEADER + ROW.replace("00001,", "90001,"),
        ),
        (" has no row for it", HEADER + ROW.replace("00001,", "00002,")),
        (", line 2 is not UTF-8", (HEADER + ROW).encode().replace(b"n01", b"\xff")),
    ],
)
def test_kaggles_solution(refused, world, says, text):
    files = {**SOLUTION, "LOC_synset_mapping.txt": "\n".join(f"{w} x" for w in world.wnids)}
    image = "^in/ILSVRC2012_val_00000001.JPEG: .* and " if "row" in says else "^"
    refused(f"{image}in/LOC_val_solution.csv{says}", "imagenet", {**files, "LOC_val_solution.csv": text}, "")


def cut(data, at=0.6):
    return data[: int(len(data) * at)]


@pytest.mark.parametrize("packed", ["tar", "gz"])
@pytest.mark.parametrize(
    ("source", "path", "options"),
    [
        ("imagenet", "n01440764.tar", {"classes": "@list.txt"}),
        ("imagenet21k", "n01440764.tar", {"classes": "@list.txt"}),
        ("imagenet-v2", f"imagenetv2-top-images-format-val/7/{HASH}.jpeg", {}),
        ("open-images", f"train_0/{ID}.jpg", {}),
        ("webdataset", "a.jpg", {}),
        ("imagefolder", "c/a.jpg", {}),
        ("sidecars", "c/a.jpg", {}),
        (
            "imagenet21k-p",
            "imagenet21k_resized/imagenet21k_train/n01440764/n01440764_1.JPEG",
            {"release": "winter21", "split": "train", "classes": "@w21.txt"},
        ),
    ],
)
def test_an_archive_that_is_cut_off(refused, world, photo, source, path, packed, options):  # noqa: PLR0917 - pytest's
    content = world.tar({"n01440764_1.JPEG": photo}) if path.endswith(".tar") else photo
    make = world.tar if packed == "tar" else world.gz
    files = {"x.tar": cut(make({path: content, f"{path[:-4]}2{path[-4:]}": content}), 0.4)}
    files["list.txt"] = "\n".join(world.wnids)
    files["w21.txt"] = world.read("imagenet-21k/imagenet21k_miil_w21_synsets.txt")
    says = {
        "tar": r"^the member at offset (0|10,752) should reach to [\d,]+, past the end .*\nin .* in/x\.tar",
        "gz": r"^the gzip data is cut off: it ends at its byte (2,9|3,[0-2])\d\d\nin the .* in/x\.tar",
    }[packed]
    if packed == "gz" and source in {"imagefolder", "sidecars"}:
        says = r"^in/x\.tar is a gzip file, which cannot be read at random"
    refused(says, source, files, "x.tar", **options)


OI_IMAGES = f"ImageID,Subset,OriginalURL,Title\n{ID},train,http://a/b,c\n"


@pytest.mark.parametrize(
    ("says", "files", "options"),
    [
        (
            r"^in/l\.csv, line 1 has no column 'Confidence'; its columns are ImageID, Source, LabelName$",
            {"l.csv": f"ImageID,Source,LabelName\n{ID},machine,/m/0\n"},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 1 has no column 'ImageID'; its columns are ImageID;",
            {"l.csv": f"{OI}\n{ID},machine,/m/0,1\n".replace(",", ";")},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 2: Confidence is '7', but must be a number from 0 to 1",
            {"l.csv": f"{OI}\n{ID},machine,/m/0,7\n"},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 2: Confidence is 'nan'",
            {"l.csv": f"{OI}\n{ID},machine,/m/0,nan\n"},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 2: \"'/x\" is not a LabelName",
            {"l.csv": f"{OI}\n{ID},machine,x,1\n".replace(",x,", ",'/x,")},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 2: '6\.0e3121' is not an ImageID",
            {"l.csv": f"{OI}\n6.0e3121,machine,/m/0,1\n"},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 3: 000060e3121c7305 has no file among the images",
            {"l.csv": f"{OI}\n{ID},machine,/m/0,1\n{OTHER},machine,/m/0,1\n"},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 3 has 2 cells, not 4",
            {"l.csv": f"{OI}\n{ID},machine,/m/0,1\n{ID},machine\n"},
            "image_labels",
        ),
        (r"^in/b\.csv, line 2: XMax is '1e999'", {"b.csv": f"{BOX}\n{ID},x,/m/0,1,0,1e999,0,1\n"}, "boxes"),
        (
            r"^in/b\.csv, line 2: the box 0\.9, 0\.1, 0, 1 is inside out",
            {"b.csv": f"{BOX}\n{ID},x,/m/0,1,0.9,0.1,0,1\n"},
            "boxes",
        ),
        (
            rf"^in/i\.csv, line 3: the image {ID} is listed a second time, after in/i\.csv, line 2",
            {"i.csv": OI_IMAGES + OI_IMAGES.split("\n")[1] + "\n"},
            "images",
        ),
        (
            r"^in/i\.csv, line 2 has 3 cells, not 4",
            {"i.csv": OI_IMAGES.replace("http://a/b,c", "http://a/b")},
            "images",
        ),
        (
            rf"^in/t/{ID}\.jpg: {ID} is not in the CSV of the images",
            {"i.csv": OI_IMAGES.replace(ID, OTHER)},
            "images",
        ),
        (
            r"^in/l\.csv\.gz: the compressed data is damaged or cut off after byte 0 of the text",
            {"l.csv.gz": cut(gzip.compress(f"{OI}\n{ID},machine,/m/0,1\n".encode() * 99))},
            "image_labels",
        ),
        (
            r"^in/l\.csv, line 2 is not UTF-8",
            {"l.csv": f"{OI}\n".encode() + b"\xff,machine,/m/0,1\n"},
            "image_labels",
        ),
    ],
)
def test_open_images(refused, says, files, options):
    refused(says, "open-images", {**files, f"t/{ID}.jpg": None}, "t", **{options: f"@{next(iter(files))}"})


@pytest.mark.parametrize(
    ("says", "members"),
    [
        (
            "member 'b.cls' at offset 9,216: the sample 'b' has no image, only cls",
            {"a.jpg": None, "b.cls": b"1"},
        ),
        (
            "member 'a.cls' at offset 26,624: the members of the sample 'a' are not side by side",
            {"a.jpg": None, "b.jpg": None, "./a.png": None, "a.cls": b"1"},
        ),
        (
            "member 'a.cls' at offset 9,216: the label 'tench' is not an integer",
            {"a.jpg": None, "a.cls": b"tench"},
        ),
        (
            "member 'a.cls' at offset 9,216: the label '9{40}' is not an integer",
            {"a.jpg": None, "a.cls": b"9" * 40},
        ),
        ("member 'a.cls' at offset 9,216: the member is empty", {"a.jpg": None, "a.cls": b""}),
        (
            "member 'a.json' at offset 9,216: the member is not valid JSON: JSON has no NaN",
            {"a.jpg": None, "a.json": b'{"x":NaN'},
        ),
        ("member 'a.txt' at offset 9,216: the member is not UTF-8", {"a.jpg": None, "a.txt": b"\xff"}),
        (
            r"member 'b\.jpg' at offset 10,240 has no label.* without_label='keep'",
            {"a.jpg": None, "a.cls": b"1", "b.jpg": None},
        ),
        (
            "member 'a.cls' at offset 9,216: the member has 2,097,152 bytes",
            {"a.jpg": None, "a.cls": b"1" * (2 << 20)},
        ),
    ],
)
@pytest.mark.parametrize("gzipped", [False, True])
def test_shards(refused, world, photo, says, members, gzipped):  # noqa: PLR0917 - pytest's
    make = world.gz if gzipped else world.tar
    archive = make({name: photo if data is None else data for name, data in members.items()})
    refused(rf"^in/x\.tar, {says}", "webdataset", {"x.tar": archive}, "x.tar")


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (
            " has no column with a usual name for images: .* one of picture, label ",
            "picture,label\na.jpg,1\n",
        ),
        (" has the one column 'path;label': give option delimiter=';'", "path;label\na.jpg;1\n"),
        (r", line 3: there is no b\.jpg;", "path,label\na.jpg,1\nb.jpg,1\n"),
        (r", line 3 names the same image as in/t\.csv, line 2", "path,label\na.jpg,1\na.jpg,1\n"),
        (", line 2 has 3 cells, but the header has 2", "path,label\na.jpg,1,2\n"),
        (", line 2: 9{30} is not a label", "path,label\na.jpg," + "9" * 30 + "\n"),
        (", line 2 is not valid CSV: unexpected end of data", 'path,label\n"a.jpg,1\n'),
        (
            r", line 2: '\.\./\.\./etc/passwd' is not a path within a store",
            "path,label\n../../etc/passwd,1\n",
        ),
        (" lists no images: it has a header line and no rows", "path,label\n"),
        (" is UTF-16: save it as UTF-8", "path,label\na.jpg,1\n".encode("utf-16")),
    ],
)
def test_tables(refused, says, text):
    refused(rf"^(in/b\.jpg: )?(in/)?t\.csv{says}", "table", {"t.csv": text, "a.jpg": None}, "t.csv")


@pytest.mark.parametrize(
    ("says", "files"),
    [
        (r"^in/a\.cls: a\.cls holds '': write one line", {"a.jpg": None, "a.cls": ""}),
        (r"^in/a\.json: a\.json is not valid JSON: .* line 1 column 2", {"a.jpg": None, "a.json": "{'x':1}"}),
        (r"^in/a\.json: a\.json is not a JSON object: '\[1\]'", {"a.jpg": None, "a.json": "[1]"}),
        (r"^in/a\.txt: a\.txt is not UTF-8: .* in position 0", {"a.jpg": None, "a.txt": b"\xff"}),
        (r"^in/b\.jpg has no label .* 1 of 2 images", {"a.jpg": None, "a.cls": "1", "b.jpg": None}),
        (r"^in/: a\.jpg and in/: a\.png have the same key 'a'", {"a.jpg": None, "a.png": None}),
    ],
)
def test_files_beside_images(refused, says, files):
    refused(says, "sidecars", files, "")


@pytest.mark.parametrize(
    ("source", "says", "files", "options"),
    [
        (
            "imagenet-v2",
            rf"^in/1000/{HASH}\.jpeg: '1000/{HASH}\.jpeg' at offset 0 .* number from 0 to 999",
            {f"1000/{HASH}.jpeg": None},
            {"variant": "top-images"},
        ),
        (
            "imagenet-v2",
            r"^in/7/a\.jpeg: '7/a\.jpeg' at offset 0 .* 40 hexadecimal",
            {"7/a.jpeg": None},
            {"variant": "top-images"},
        ),
        (
            "imagenet-v2",
            rf"^in/1/{HASH}\.jpeg: .* at offset 0 and in/2/{HASH}\.jpeg: .* have the same key '{HASH}'",
            {f"{i}/{HASH}.jpeg": None for i in (1, 2)},
            {"variant": "top-images"},
        ),
        (
            "imagenet",
            r"^in/a/n01440764_1\.JPEG: .* and in/b/n01440764_1\.JPEG: .* have the same key 'n01440764_1'",
            {f"{c}/n01440764_1.JPEG": None for c in "ab"},
            {"classes": "@l"},
        ),
        (
            "imagenet",
            r"^in/n99999999_1\.JPEG: .* at offset 0: the class n99999999 is not in the class list",
            {"n99999999_1.JPEG": None},
            {"classes": "@l"},
        ),
        (
            "imagenet",
            r"^in/ILSVRC2012_val_00050001\.JPEG: .* has a number that no val image has",
            {"ILSVRC2012_val_00050001.JPEG": None},
            {"classes": "@l"},
        ),
        (
            "imagenet21k",
            r"^in/cat/1\.JPEG: .* at offset 0: neither a folder nor the file name is a WNID",
            {"cat/1.JPEG": None},
            {"classes": "@l"},
        ),
        (
            "imagenet21k",
            "^the class list in/l cannot be used: line 2: n01440764 is class 0 and class 1$",
            {"n01440764_1.JPEG": None, "l": "n01440764\nn01440764\n"},
            {"classes": "@l"},
        ),
        (
            "imagefolder",
            "^in/: the folders '05' and '5' are both class 5$",
            {"5/a.jpg": None, "05/b.jpg": None},
            {},
        ),
        (
            "imagefolder",
            r"^the class list in/c\.txt cannot be used: line 2 is empty",
            {"a/a.jpg": None, "c.txt": "a\n\nb\n"},
            {"classes": "@c.txt"},
        ),
    ],
)
def test_folders(refused, world, source, says, files, options):  # noqa: PLR0917 - pytest's
    refused(says, source, {"l": "\n".join(world.wnids), **files}, "", **options)


@pytest.mark.parametrize(
    ("says", "change"), [("magic bytes not found in footer", cut), ("size is 4 bytes", lambda _: b"PAR1")]
)
def test_parquet(refused, photo, says, change):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    pq.write_table(pa.table({"image": [photo] * 3, "label": [1, 2, 3]}), out)
    refused(
        rf"^in/x\.parquet cannot be read as Parquet: .*{says}",
        "huggingface",
        {"x.parquet": change(out.getvalue())},
        "x.parquet",
    )


REAL = json.dumps([[1]] * 49_999)
XML = (
    "<annotation><size><width>9</width><height>9</height></size><object><name>n01440764</name>"
    "<bndbox>{}</bndbox></object></annotation>"
)


@pytest.mark.parametrize(
    ("says", "label", "file", "content"),
    [
        (r"^in/real\.json has 49,999 entries, not a list of 50,000", "real", "real.json", REAL),
        (
            r"^in/real\.json, image 50,000 \(index 49,999\): 1000 is not a label",
            "real",
            "real.json",
            json.dumps([[1]] * 49_999 + [[1000]]),
        ),
        (r"^in/real\.json is not valid JSON: .*: line 1 column 6", "real", "real.json", "[[1],"),
        (
            r"^in/c\.json: entry 1, at byte 1: .* at byte 43",
            "captions",
            "c.json",
            '[{"filename":"n01440764_1.JPEG","title":"x"',
        ),
        (
            r"^in/c\.json: it is not a JSON array: it begins with",
            "captions",
            "c.json",
            '{"filename":"n01440764_1.JPEG"}',
        ),
        (r"^in/k\.csv, line 1: its header is 'ILSVRC2012_val_00000001,", "kaggle", "k.csv", ROW),
        (
            r"^in/k\.csv, line 3: ILSVRC2012_val_00000001 is listed twice",
            "kaggle",
            "k.csv",
            HEADER + ROW + ROW,
        ),
        (
            r"^the member at offset 0 should reach to 2,560, past the end at 1,024: .*\nin .* in/b\.tar",
            "boxes",
            "b.tar",
            None,
        ),
        (
            r"^in/b/ILSVRC2012_val_00000001\.xml: .*, line 1: object 1 has no <ymin>",
            "boxes",
            "b/ILSVRC2012_val_00000001.xml",
            XML.format("<xmin>1</xmin>"),
        ),
        (
            r"^in/b/ILSVRC2012_val_00000001\.xml: .*, line 1: object 1, <xmin>: '1e99' is not a number",
            "boxes",
            "b/ILSVRC2012_val_00000001.xml",
            XML.format("<xmin>1e99</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax>"),
        ),
        (
            r"^in/b/ILSVRC2012_val_00000001\.xml: .*: line 1, column 12",
            "boxes",
            "b/ILSVRC2012_val_00000001.xml",
            "<annotation>",
        ),
        (
            r"^the 'relabel\.npy' of 'a/n01440764_1\.JPEG', in/m/n01440764/n01440764_1\.pt cannot be read as",
            "relabel",
            "m/n01440764/n01440764_1.pt",
            b"PK\x03\x04 no tensor",
        ),
        (
            r"^in/blacklist\.txt, line 1: b'0' is not a number from 1 to 50,000",
            "blacklist",
            "blacklist.txt",
            "0\n",
        ),
    ],
)
def test_label_files(refused, world, says, label, file, content):  # noqa: PLR0917 - pytest's
    image = "n01440764_1" if label in {"relabel", "captions"} else VAL.format(1)
    archive = cut(world.tar({"x.xml": b"<a/>" * 400}), 0.1)
    files = {f"i/a/{image}.JPEG": None, file: archive if content is None else content}
    where = file.partition("/")[0]
    refused(says, "imagefolder", files, "i", labels=f"{label}=@{where}")


def test_marks_and_carriage_returns_are_read_as_what_they_are(world, photo, tmp_path):
    store = open_store(str(tmp_path / "in"))
    store.put(f"{VAL.format(1)}.JPEG", photo)
    listed = "\r\n".join(f"{wnid} x" for wnid in world.wnids)
    store.put("LOC_synset_mapping.txt", f"\ufeff{listed}\r\n".encode())
    store.put("LOC_val_solution.csv", f"\ufeff{HEADER}{ROW}".replace("\n", "\r\n").encode())
    assert pack("imagenet", f"{tmp_path}/in", dest=f"{tmp_path}/out", workers=1).samples == 1
