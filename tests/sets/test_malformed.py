"""What is malformed ends in an error that names file and line or member, and nothing is published."""

import gzip
import io
import json
import re

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
def refused(tmp_path, photo):
    """Return the check: packing these files is refused in these words, and nothing is there."""

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
        assert re.search(says, told), told
        there = [item.path for item in open_store(str(tmp_path / "out")).list_objects()]
        assert there in ([], [".wds-imagenet/plan.json"])  # who claimed the place: attachments are read late

    return check


SOLUTION = {"LOC_synset_mapping.txt": "@wnids", f"{VAL.format(1)}.JPEG": None}


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (r"LOC_val_solution\.csv, line 1: its header", "ImageId,Label\n" + ROW),
        (r"LOC_val_solution\.csv, line 1: its header", (HEADER + ROW).replace(",", ";")),
        (r"LOC_val_solution\.csv, line 3: .*_00000001 is listed before", HEADER + ROW + ROW),
        (r"LOC_val_solution\.csv, line 2: .* no number of pixels", HEADER + ROW.replace(" 2 2", " 2 1e99")),
        (r"LOC_val_solution\.csv, line 2: .* a number that no val", HEADER + ROW.replace("00001,", "90001,")),
        (r"val_00000001\.JPEG .* no row for it", HEADER + ROW.replace("00001,", "00002,")),
        (r"LOC_val_solution\.csv, line 2 is not UTF-8", (HEADER + ROW).encode().replace(b"n01", b"\xff")),
    ],
)
def test_kaggles_solution(refused, world, says, text):
    files = {**SOLUTION, "LOC_synset_mapping.txt": "\n".join(f"{w} x" for w in world.wnids)}
    refused(says, "imagenet", {**files, "LOC_val_solution.csv": text}, "")


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
    refused(r"(?s)(?=.*in/x\.tar)(?=.*(cut off|, past |is a gzip))", source, files, "x.tar", **options)


OI_IMAGES = f"ImageID,Subset,OriginalURL,Title\n{ID},train,http://a/b,c\n"


@pytest.mark.parametrize(
    ("says", "files", "options"),
    [
        (r"l\.csv.*Confidence", {"l.csv": f"ImageID,Source,LabelName\n{ID},machine,/m/0\n"}, "image_labels"),
        (r"l\.csv", {"l.csv": f"{OI}\n{ID},machine,/m/0,1\n".replace(",", ";")}, "image_labels"),
        (r"l\.csv, line 2: Confidence is '7'", {"l.csv": f"{OI}\n{ID},machine,/m/0,7\n"}, "image_labels"),
        (r"l\.csv, line 2: Confidence is 'nan'", {"l.csv": f"{OI}\n{ID},machine,/m/0,nan\n"}, "image_labels"),
        (
            r"l\.csv, line 2: .*'/x",
            {"l.csv": f"{OI}\n{ID},machine,x,1\n".replace(",x,", ",'/x,")},
            "image_labels",
        ),
        (r"l\.csv, line 2.*6\.0e", {"l.csv": f"{OI}\n6.0e3121,machine,/m/0,1\n"}, "image_labels"),
        (
            r"l\.csv, line 3: .*0060e3121c7305",
            {"l.csv": f"{OI}\n{ID},machine,/m/0,1\n{OTHER},machine,/m/0,1\n"},
            "image_labels",
        ),
        (r"l\.csv, line 3", {"l.csv": f"{OI}\n{ID},machine,/m/0,1\n{ID},machine\n"}, "image_labels"),
        (r"b\.csv, line 2: XMax is '1e999'", {"b.csv": f"{BOX}\n{ID},x,/m/0,1,0,1e999,0,1\n"}, "boxes"),
        (r"b\.csv, line 2: .*inside out", {"b.csv": f"{BOX}\n{ID},x,/m/0,1,0.9,0.1,0,1\n"}, "boxes"),
        (
            r"i\.csv, line 3: .*i\.csv, line 2|i\.csv, line 3",
            {"i.csv": OI_IMAGES + OI_IMAGES.split("\n")[1] + "\n"},
            "images",
        ),
        (r"i\.csv, line 2", {"i.csv": OI_IMAGES.replace("http://a/b,c", "http://a/b")}, "images"),
        (r"0000000000012345", {"i.csv": OI_IMAGES.replace(ID, OTHER)}, "images"),
        (
            r"l\.csv\.gz",
            {"l.csv.gz": cut(gzip.compress(f"{OI}\n{ID},machine,/m/0,1\n".encode() * 99))},
            "image_labels",
        ),
        (r"l\.csv.*UTF-8", {"l.csv": f"{OI}\n".encode() + b"\xff,machine,/m/0,1\n"}, "image_labels"),
    ],
)
def test_open_images(refused, says, files, options):
    refused(says, "open-images", {**files, f"t/{ID}.jpg": None}, "t", **{options: f"@{next(iter(files))}"})


@pytest.mark.parametrize(
    ("says", "members"),
    [
        ("member 'b.cls' at offset .* no image", {"a.jpg": None, "b.cls": b"1"}),
        ("'a'", {"a.jpg": None, "b.jpg": None, "./a.png": None, "a.cls": b"1"}),
        ("member 'a.cls' .*'tench' is not an integer", {"a.jpg": None, "a.cls": b"tench"}),
        ("member 'a.cls' .*'9+'", {"a.jpg": None, "a.cls": b"9" * 40}),
        ("member 'a.cls' .* is empty", {"a.jpg": None, "a.cls": b""}),
        ("member 'a.json' at offset .* is not JSON", {"a.jpg": None, "a.json": b'{"x":NaN'}),
        ("member 'a.txt' .* is not UTF-8", {"a.jpg": None, "a.txt": b"\xff"}),
        ("label all or none|have no label", {"a.jpg": None, "a.cls": b"1", "b.jpg": None}),
        ("member 'a.cls' at offset .* has .* bytes", {"a.jpg": None, "a.cls": b"1" * (2 << 20)}),
    ],
)
@pytest.mark.parametrize("gzipped", [False, True])
def test_shards(refused, world, photo, says, members, gzipped):  # noqa: PLR0917 - pytest's
    make = world.gz if gzipped else world.tar
    archive = make({name: photo if data is None else data for name, data in members.items()})
    refused(says, "webdataset", {"x.tar": archive}, "x.tar")


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (r"t\.csv has no column", "picture,label\na.jpg,1\n"),
        (r"t\.csv", "path;label\na.jpg;1\n"),
        (r"t\.csv, line 3", "path,label\na.jpg,1\nb.jpg,1\n"),
        (r"t\.csv, line 3 means the same image", "path,label\na.jpg,1\na.jpg,1\n"),
        (r"t\.csv, line 2", "path,label\na.jpg,1,2\n"),
        (r"t\.csv, line 2.*999", "path,label\na.jpg," + "9" * 30 + "\n"),
        (r"t\.csv, line 2", 'path,label\n"a.jpg,1\n'),
        (r"t\.csv, line 2", "path,label\n../../etc/passwd,1\n"),
        (r"t\.csv lists no images", "path,label\n"),
        (r"t\.csv.*UTF-16", "path,label\na.jpg,1\n".encode("utf-16")),
    ],
)
def test_tables(refused, says, text):
    refused(says, "table", {"t.csv": text, "a.jpg": None}, "t.csv")


@pytest.mark.parametrize(
    ("says", "files"),
    [
        (r"a\.cls holds", {"a.jpg": None, "a.cls": ""}),
        (r"a\.json is not JSON", {"a.jpg": None, "a.json": "{'x':1}"}),
        (r"a\.json is no JSON object", {"a.jpg": None, "a.json": "[1]"}),
        (r"a\.txt is not UTF-8", {"a.jpg": None, "a.txt": b"\xff"}),
        (r"'b\.jpg'.*label all or none", {"a.jpg": None, "a.cls": "1", "b.jpg": None}),
        (r"a\.jpg and .*a\.png have the same key", {"a.jpg": None, "a.png": None}),
    ],
)
def test_files_beside_images(refused, says, files):
    refused(says, "sidecars", files, "")


@pytest.mark.parametrize(
    ("source", "says", "files", "options"),
    [
        (
            "imagenet-v2",
            rf"1000/{HASH}\.jpeg' .* 0 to 999",
            {f"1000/{HASH}.jpeg": None},
            {"variant": "top-images"},
        ),
        ("imagenet-v2", r"7/a\.jpeg' .* 40 hexadecimal", {"7/a.jpeg": None}, {"variant": "top-images"}),
        (
            "imagenet-v2",
            "have the same key",
            {f"{i}/{HASH}.jpeg": None for i in (1, 2)},
            {"variant": "top-images"},
        ),
        (
            "imagenet",
            "have the same key|at once",
            {f"{c}/n01440764_1.JPEG": None for c in "ab"},
            {"classes": "@l"},
        ),
        ("imagenet", "n99999999.* is not one of", {"n99999999_1.JPEG": None}, {"classes": "@l"}),
        ("imagenet", "val_00050001.*number", {"ILSVRC2012_val_00050001.JPEG": None}, {"classes": "@l"}),
        ("imagenet21k", "no.*such as n01440764", {"cat/1.JPEG": None}, {"classes": "@l"}),
        (
            "imagenet21k",
            "line 2|n01440764 is|twice|class 0",
            {"n01440764_1.JPEG": None, "l": "n01440764\nn01440764\n"},
            {"classes": "@l"},
        ),
        ("imagefolder", "both class 5", {"5/a.jpg": None, "05/b.jpg": None}, {}),
        (
            "imagefolder",
            r"c\.txt.*line 2 is empty",
            {"a/a.jpg": None, "c.txt": "a\n\nb\n"},
            {"classes": "@c.txt"},
        ),
    ],
)
def test_folders(refused, world, source, says, files, options):  # noqa: PLR0917 - pytest's
    refused(says, source, {"l": "\n".join(world.wnids), **files}, "", **options)


@pytest.mark.parametrize(("says", "change"), [("x.parquet", cut), ("x.parquet", lambda _: b"PAR1")])
def test_parquet(refused, photo, says, change):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    pq.write_table(pa.table({"image": [photo] * 3, "label": [1, 2, 3]}), out)
    refused(says, "huggingface", {"x.parquet": change(out.getvalue())}, "x.parquet")


REAL = json.dumps([[1]] * 49_999)
XML = (
    "<annotation><size><width>9</width><height>9</height></size><object><name>n01440764</name>"
    "<bndbox>{}</bndbox></object></annotation>"
)


@pytest.mark.parametrize(
    ("says", "label", "file", "content"),
    [
        (r"real\.json", "real", "real.json", REAL),
        (r"real\.json", "real", "real.json", json.dumps([[1]] * 49_999 + [[1000]])),
        (r"real\.json", "real", "real.json", "[[1],"),
        (r"c\.json", "captions", "c.json", '[{"filename":"n01440764_1.JPEG","title":"x"'),
        (r"c\.json", "captions", "c.json", '{"filename":"n01440764_1.JPEG"}'),
        (r"k\.csv, line 1", "kaggle", "k.csv", ROW),
        (r"k\.csv, line 3", "kaggle", "k.csv", HEADER + ROW + ROW),
        (r"b\.tar", "boxes", "b.tar", None),
        (r"val_00000001\.xml", "boxes", "b/ILSVRC2012_val_00000001.xml", XML.format("<xmin>1</xmin>")),
        (
            r"val_00000001\.xml",
            "boxes",
            "b/ILSVRC2012_val_00000001.xml",
            XML.format("<xmin>1e99</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax>"),
        ),
        (r"val_00000001\.xml", "boxes", "b/ILSVRC2012_val_00000001.xml", "<annotation>"),
        (r"n01440764_1\.pt", "relabel", "m/n01440764/n01440764_1.pt", b"PK\x03\x04 no tensor"),
        (r"blacklist\.txt, line 1|blacklist", "blacklist", "blacklist.txt", "0\n"),
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
