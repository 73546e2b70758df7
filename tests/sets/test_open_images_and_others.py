"""Several versions of Open Images, foreign shards and tables: packed, verified, read back."""

import csv
import io
import json

import pytest

IDS = ["0000000000012345", "000060e3121c7305", "43e0000000000011", "ffffffffffffffff", "0f00000000000001"]
CAT, DOG = "/m/01yrx", "/m/0bt9lr"
V4 = ["ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL", "Author",
      "Title", "OriginalSize", "OriginalMD5", "Thumbnail300KURL", "Rotation"]  # fmt: skip
V1 = V4[:1] + V4[2:-1]
BOX8 = ["ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax"]
FLAGS = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
CLICKS = [f"XClick{i}{axis}" for axis in "XY" for i in range(1, 5)]
TITLE = '28 Nov 2010, "Our"\nnew house, kakigōri'


def csv_of(header, rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


def images_csv(header):
    rows = []
    for i in reversed(IDS):
        told = {
            "ImageID": i,
            "Subset": "validation",
            "OriginalURL": f"https://farm1.staticflickr.com/{i}_o.jpg",
            "License": "https://creativecommons.org/licenses/by/2.0/",
            "Author": "Zoë, the 1st",
            "Title": TITLE,
            "OriginalSize": "211079",
            "OriginalMD5": "0Sad+xMj2ttXM1U8meEJ0A==",
            "Rotation": "90.0",
        }
        rows.append([told.get(column, "") for column in header])
    return csv_of(header, rows)


LABELS = csv_of(
    BOX8[:4],
    [
        (i, source, label, confidence)
        for i in IDS
        for source, label, confidence in (
            ("machine", DOG, "0.7"),
            ("verification", CAT, "1"),
            ("verification", DOG, "0"),
        )
    ],
)


def expected(world, known, *, v4=True):
    def of(label, confidence, source):
        told = {"id": label, "name": {CAT: "cat", DOG: "dog"}[label]}
        return {**told, "confidence": confidence, "source": source}

    fields = {
        "human_positive": [of(CAT, 1.0, "verification")],
        "human_negative": [of(DOG, 0.0, "verification")],
        "machine": [of(DOG, 0.7, "machine")],
        "license": "https://creativecommons.org/licenses/by/2.0/",
        "author": "Zoë, the 1st",
        "title": TITLE,
    }
    if v4:
        fields["rotation"] = 90
    return {i: known(data, None, fields) for i, (_, data) in zip(IDS, world.photos, strict=False)}


def files_of(world, folder):
    return {f"{folder}{i}.jpg": data for i, (_, data) in zip(IDS, world.photos, strict=False)}


def test_v1_of_the_seed(packs, world, known):
    files = files_of(world, "validation/")
    files["images_2016_08_v5.tar.gz"] = world.gz(
        {f"2016_08/{split}/images.csv": images_csv(V1).encode() for split in ("validation",)}
    )
    files["human_ann_2016_08_v3.tar.gz"] = world.gz({"2016_08/validation/labels.csv": LABELS.encode()})
    files["dict.csv"] = world.read("open-images/dict.csv")
    packs(
        "open-images",
        files,
        ["validation"],
        expected(world, known, v4=False),
        split="validation",
        images="@images_2016_08_v5.tar.gz",
        image_labels="@human_ann_2016_08_v3.tar.gz",
        names="@dict.csv",
    )


@pytest.mark.parametrize("columns", [8, 13, 21])
@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz"])
def test_later_versions_by_their_headers(packs, world, known, columns, form):
    header = [*BOX8, *FLAGS, *CLICKS][:columns]
    cells = ["xclick", CAT, "1", "0.1", "0.5", "0.25", "1", *"01000", *["0.5"] * 8]
    boxes = csv_of(header, [[i, *cells][:columns] for i in IDS])
    files = {
        "images.csv": images_csv(V4),
        "labels.csv": LABELS,
        "boxes.csv": boxes,
        "class-descriptions.csv": f'LabelName,DisplayName\n{CAT},cat\n{DOG},"dog"\n',
        "classes.txt": f"{DOG}\n{CAT}\n",
    }
    if form == "folder":
        files |= files_of(world, "validation/")
    else:
        files[f"validation.{form}"] = (world.tar if form == "tar" else world.gz)(
            files_of(world, "validation/")
        )
    packed = expected(world, known)
    for sample in packed.values():
        for name in ("human_positive", "human_negative", "machine"):
            sample.json[name] = [{**told, "class": int(told["id"] == CAT)} for told in sample.json[name]]
        told = {"id": CAT, "name": "cat", "class": 1, "source": "xclick"}
        told |= {"xmin": 0.1, "xmax": 0.5, "ymin": 0.25, "ymax": 1.0}
        told["attributes"] = ["truncated"] if columns > 8 else []
        told["unknown"] = [] if columns > 8 else ["occluded", "truncated", "group_of", "depiction", "inside"]
        told["clicks"] = [[0.5, 0.5]] * 4 if columns > 13 else []
        sample.json["boxes"] = [told]
    input_ = "validation" if form == "folder" else f"validation.{form}"
    packs("open-images", files, [input_], packed, images="@images.csv", image_labels="@labels.csv",
          boxes="@boxes.csv", names="@class-descriptions.csv", classes="@classes.txt")  # fmt: skip


def test_the_classes_of_open_images_are_in_the_manifest(packs, at, world, known):
    from wds_imagenet import Dataset

    files = {
        **files_of(world, "v/"),
        "c.txt": f"{DOG}\n{CAT}\n",
        "dict.csv": f'"{CAT}","cat"\n"{DOG}","dog"\n',
    }
    files["l.csv"] = LABELS
    plain = {i: known(data) for i, (_, data) in zip(IDS, world.photos, strict=False)}
    packs("open-images", files, ["v"], plain, image_labels="@l.csv", names="@dict.csv", classes="@c.txt")
    classes = Dataset.open(f"{at}/out/packed").manifest.classes
    assert [dict(item) for item in classes] == [{"name": "dog", "id": DOG}, {"name": "cat", "id": CAT}]


@pytest.mark.parametrize("gzipped", [False, True])
def test_shards_of_another_writer(packs, world, known, gzipped):
    shards, packed = {}, {}
    for shard in range(2):
        members = {}
        for i, (_, data) in enumerate(world.photos[shard * 4 : shard * 4 + 4]):
            key, told = f"{shard}_{i}", {"likes": i or None, "tags": ["ü"]}
            members |= {f"{key}.cls": b"%d\n" % (i + 5), f"{key}.jpg": data, f"{key}.txt": b"a photo"}
            members[f"{key}.json"] = json.dumps(told).encode()
            # A number that some samples lack is text in all: readers fix types by the first samples.
            likes = {"likes": str(i) if i else ""}
            packed[key] = known(data, i + 5, {**likes, "tags": ["ü"]}, "a photo")
        shards[f"their/in-train-{shard:06d}.tar"] = (world.gz if gzipped else world.tar)(members)
    packs("webdataset", shards, ["their"], packed)


def test_shards_given_one_by_one_are_one_data_set(packs, world, known):
    shards = {
        f"{n}.tar": world.tar({f"k{n}.jpg": world.photos[n][1], f"k{n}.cls": b"%d" % n}) for n in range(3)
    }
    packs("webdataset", shards, list(shards), {f"k{n}": known(world.photos[n][1], n) for n in range(3)})


def test_parquet_as_hugging_face_publishes_imagenet(packs, world, known):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    names = [f"class {i}, of a kind" for i in range(1000)]
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    files, packed = {}, {}
    for part in range(2):
        rows = [(7 * i + part, *world.photos[part * 4 + i]) for i in range(4)]
        images = [{"bytes": d, "path": f"{w}_{n}_{w}.JPEG"} for n, w, d in rows]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        columns = {"image": pa.array(images, kind), "label": pa.array([n for n, _, _ in rows])}
        told = json.dumps({"info": {"features": features}})
        out = io.BytesIO()
        pq.write_table(pa.table(columns).replace_schema_metadata({"huggingface": told}), out)
        files[f"data/train-{part:05d}-of-00002.parquet"] = out.getvalue()
        packed |= {f"{w}_{n}": known(d, n, {"class_name": names[n]}) for n, w, d in rows}
    packs("huggingface", files, ["data"], packed, split="train")


def test_small_data_sets_of_ones_own(packs, world, known):
    images = {f"{i}.jpg": data for i, (_, data) in enumerate(world.photos[:6])}
    rows = "".join(f"{name},{i % 2},photo {i}\r\n" for i, name in enumerate(images))
    files = {**{f"p/{n}": d for n, d in images.items()}, "p/t.csv": "\ufeffpath,label,caption\r\n" + rows}
    packed = {n[:-4]: known(d, i % 2, {}, f"photo {i}") for i, (n, d) in enumerate(images.items())}
    packs("table", files, ["p/t.csv"], packed)


def test_a_folder_of_classes_and_one_of_sidecars(packs, world, known):
    images = {f"{wnid}/{wnid}_1.jpg": data for wnid, data in world.photos[:6]}
    folders = sorted(wnid for wnid, _ in world.photos[:6])
    packed = {f"{w}_1": known(d, folders.index(w), {"class_name": w}) for w, d in world.photos[:6]}
    packs("imagefolder", images, [""], packed)


def test_images_with_files_beside_them(packs, world, known):
    files, packed = {}, {}
    for i, (_, data) in enumerate(world.photos[:6]):
        files |= {f"{i}.jpg": data, f"{i}.cls": str(i), f"{i}.txt": f"photo {i}", f"{i}.json": f'{{"n":{i}}}'}
        packed[str(i)] = known(data, i, {"n": i}, f"photo {i}")
    packs("sidecars", files, [""], packed)
