"""The ten traps: the naive code is written out, runs on the same data, and gives a wrong result.

Each test has both answers, the naive one and ours, so it would fail if ours were the naive one.
"""

import csv
import io
import json
import tarfile
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps
from webdataset.tariterators import base_plus_ext

from wds_imagenet import Dataset, pack
from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation import Predictions, evaluate
from wds_imagenet.evaluation.localisation import overlap
from wds_imagenet.imagenet.devkit import read_devkit
from wds_imagenet.images.decode import decode_image
from wds_imagenet.labels.boxes import boxes as read_boxes
from wds_imagenet.labels.real import real
from wds_imagenet.sources.open_images.annotations import read_names
from wds_imagenet.storage import open_store

VAL = "ILSVRC2012_val_{:08d}"
IDS = ["0000000000012345", "000060e3121c7305", "43e0000000000011"]
CAT, DOG = "/m/01yrx", "/m/0bt9lr"
BOX = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax"


@pytest.fixture
def packed(tmp_path):
    """Return the run: these files, in a folder, are packed; it gives the samples by key, and the notes."""

    def run(source, files, input_="", **options):
        store = open_store(str(tmp_path / "in"))
        for path, content in files.items():
            store.put(path, content.encode() if isinstance(content, str) else content)
        there = {n: f"{tmp_path}/in/{v[1:]}" if v[:1] == "@" else v for n, v in options.items()}
        report = pack(source, f"{tmp_path}/in/{input_}", dest=f"{tmp_path}/out", workers=1, **there)
        samples = {sample.key: sample for sample in Dataset.open(f"{tmp_path}/out").samples()}
        return samples, "\n".join(report.notes)

    return run


@pytest.fixture(scope="session")
def devkit_tar(world):
    return str(world.folder / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz")


@pytest.fixture(scope="session")
def truth_ids(devkit_tar):
    """The genuine ground truth as it is written: the ILSVRC2012_ID of each validation image."""
    with tarfile.open(devkit_tar) as archive:
        name = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
        return [int(line) for line in archive.extractfile(name)]


@pytest.fixture(scope="session")
def truth(world):
    """The label of each validation image, by map_clsloc.txt and the sorted WNIDs."""
    return [world.wnids.index(wnid) for wnid in world.truth]


# 1. ILSVRC2012_ID is not the label.


def naive_label(identity):
    """Subtract one from the number in the ground truth."""
    return identity - 1


def test_1_the_numbers_of_the_ground_truth_are_no_labels(world, packed, devkit_tar, truth_ids, truth):
    naive = [naive_label(identity) for identity in truth_ids]
    assert list(read_devkit(devkit_tar).validation) == truth
    assert not any(one == other for one, other in zip(naive, truth, strict=True))
    samples, _ = packed("imagenet", {f"{VAL.format(1)}.JPEG": world.photos[0][1]}, devkit=devkit_tar)
    assert (samples[VAL.format(1)].label, naive[0]) == (65, 489)


def naive_error(numbers, truth_ids):
    """Compare a submission with the ground truth: both are numbers from 1 to 1000."""
    return np.mean(np.array(numbers) != truth_ids)


def test_1_a_submission_in_kaggles_numbers_is_not_in_ilsvrcs(devkit_tar, truth_ids, truth, tmp_path):
    (tmp_path / "kaggle.txt").write_text("".join(f"{label + 1} \n" for label in truth))
    given = {"predictions": f"{tmp_path}/kaggle.txt", "labels": {"devkit": devkit_tar}}
    with pytest.raises(UsageError, match=r"give option .convention."):
        evaluate(**given, layout="classification")
    ours = evaluate(**given, layout="classification", convention="kaggle").scores[0].error[0]
    assert (ours, naive_error([label + 1 for label in truth], truth_ids) > 0.99) == (0, True)


# 2. Images are joined by the number in their name, never by their place.


def naive_sorted(names, truth):
    """Torchvision's ImageNet: `zip(val_wnids, sorted(images))`."""
    return dict(zip(sorted(names), truth, strict=False))


def naive_listed(names, truth):
    """The same, in the order of the archive."""
    return dict(zip(names, truth, strict=False))


FORMS = ["{key}.JPEG", "val/{key}.JPEG", "{key}_{wnid}.JPEG", "val/{wnid}/{key}.JPEG"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("naive", [naive_sorted, naive_listed])
def test_2_missing_or_shuffled_images_move_no_label(world, packed, devkit_tar, truth, form, naive):  # noqa: PLR0917
    numbers = (5, 1, 7, 2, 6, 3)  # 4 is missing
    names = {form.format(key=VAL.format(n), wnid=world.truth[n - 1]): n for n in numbers}
    images = {name: world.photos[n][1] for name, n in names.items()}
    samples, notes = packed("imagenet", {"v.tar": world.tar(images)}, "v.tar", devkit=devkit_tar)
    assert {key: s.label for key, s in samples.items()} == {VAL.format(n): truth[n - 1] for n in numbers}
    assert "49,994 numbers are missing, the first is 00000004" in notes
    wrong = naive(list(names), truth)
    assert sum(wrong[name] != truth[n - 1] for name, n in names.items()) >= 3


def naive_keys(lists):
    """The example in ReaL's README, as it stands."""
    return {f"ILSVRC2012_val_{i + i:08d}.JPEG": labels for i, labels in enumerate(lists)}


def test_2_reals_place_and_one_is_the_number(world, truth):
    naive = naive_keys(json.loads(world.read("real/real.json")))
    ours = real(str(world.folder / "real" / "real.json"))
    keys = [VAL.format(number) for number in range(1, 50_001)]
    assert sum(t in ours.find(k).metadata["real_labels"] for k, t in zip(keys, truth, strict=True)) == 42_164
    assert sum(t in naive.get(f"{k}.JPEG", ()) for k, t in zip(keys, truth, strict=True)) < 500


# 3. A class folder's place among those that are there is not its label.


def naive_folders(folders):
    """Torchvision's ImageFolder: `enumerate(sorted(classes))`."""
    return {name: place for place, name in enumerate(sorted(folders))}


def test_3_numbers_do_not_sort_as_text(world, packed):
    labels = [*range(13), 100]
    images = {f"imagenetv2-top-images-format-val/{n}/{n:040x}.jpeg": world.photos[n % 20][1] for n in labels}
    samples, _ = packed("imagenet-v2", images)
    assert {key: sample.label for key, sample in samples.items()} == {f"{n:040x}": n for n in labels}
    naive = naive_folders(map(str, labels))
    assert (naive["2"], [n for n in labels if naive[str(n)] == n]) == (6, [0, 1])


def test_3_a_subset_keeps_its_numbers(world, packed):
    samples, _ = packed("imagefolder", {f"{n}/{n}.jpg": world.photos[n][1] for n in (5, 10)})
    assert {key: sample.label for key, sample in samples.items()} == {"5": 5, "10": 10}
    assert naive_folders(["5", "10"]) == {"10": 0, "5": 1}


def test_3_wnids_of_a_subset_keep_their_places_in_the_class_list(world, packed):
    images = {f"{wnid}/{wnid}_1.JPEG": data for wnid, data in world.photos[:5]}
    listed = world.read("ilsvrc2012/imagenet_synsets.txt")
    samples, _ = packed("imagefolder", {**{f"t/{n}": d for n, d in images.items()}, "l": listed}, "t",
                        classes="@l")  # fmt: skip
    ours = {key[:9]: sample.label for key, sample in samples.items()}
    assert ours == {wnid: world.wnids.index(wnid) for wnid in ours}
    assert not ours.items() & naive_folders(ours).items()


LISTS = {"google": "imagenet21k_goog_synsets.txt", "fall11": "imagenet22k_synsets.txt"}


def naive_list(world, count):
    """The list that has about as many classes: they are all 'ImageNet-21K'."""
    lists = [world.lines(f"imagenet-21k/{name}") for name in LISTS.values()]
    return min(lists, key=lambda listed: abs(len(listed) - count))


def test_3_a_class_list_is_named_and_not_guessed_by_its_length(world, packed):
    """Google's images, of which three classes did not arrive, look as if they were fall11's."""
    google = world.lines(f"imagenet-21k/{LISTS['google']}")
    wnid, data = google[-100], world.photos[0][1]
    naive = naive_list(world, len(google) - 3).index(wnid)
    files = {f"in/{wnid}/{wnid}_1.JPEG": data, "l": world.read(f"imagenet-21k/{LISTS['google']}")}
    with pytest.raises(UsageError, match="no class list"):
        packed("imagenet21k", files, "in")
    with pytest.raises(SourceError, match="/in/l "):
        packed("imagenet21k", files, "in", classes="@l", class_list="fall11")
    samples, _ = packed("imagenet21k", files, "in", classes="@l", class_list="google")
    assert (samples[f"{wnid}_1"].label, naive) == (google.index(wnid), google.index(wnid) - 2)


# 4. The bytes of a file decide its format, and never its name.


def naive_decode(name, data):
    """Look at the suffix, and hand JPEGs to the JPEG decoder."""
    return simplejpeg.decode_jpeg(data) if name.endswith(".JPEG") else np.array(Image.open(io.BytesIO(data)))


def encoded(picture, form, **options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def test_4_a_png_that_is_called_jpeg(world, packed, devkit_tar):
    name = "n02105855_2933.JPEG"  # as in the train set
    picture = Image.open(io.BytesIO(world.photos[0][1]))
    data = encoded(picture, "PNG")
    samples, _ = packed("imagenet", {name: data}, devkit=devkit_tar)
    sample = samples["n02105855_2933"]
    assert (sample.suffix, sample.json["filename"], sample.image) == ("png", name, data)
    assert np.array_equal(decode_image(data), np.array(picture.convert("RGB")))
    with pytest.raises(ValueError, match=r"(?i)jpeg"):
        naive_decode(name, data)


def naive_cmyk(data):
    """Mix the four channels as the book has it, whatever the Adobe marker says."""
    c, m, y, k = (255 - np.moveaxis(simplejpeg.decode_jpeg(data, "CMYK"), 2, 0).astype(float)) / 255
    return np.stack([255 * x * k for x in (c, m, y)], axis=2)


def test_4_adobes_cmyk_is_inverted(world):
    picture = Image.open(io.BytesIO(world.photos[0][1])).convert("RGB")
    data = encoded(picture.convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    assert np.array_equal(decode_image(data), np.array(Image.open(io.BytesIO(data)).convert("RGB")))
    assert np.abs(decode_image(data) - np.array(picture, float)).mean() < 3
    assert np.abs(naive_cmyk(data) - np.array(picture, float)).mean() > 30


def naive_open(path):
    """Choose by the suffix, as `tar xzf` does."""
    return tarfile.open(path, "r:gz" if path.endswith("gz") else "r:")


def test_4_the_tar_gz_of_imagenet_v2_is_none(world, packed, tmp_path):
    name = "imagenetv2-top-images.tar.gz"
    inside = {f"imagenetv2-top-images-format-val/2/{1:040x}.jpeg": world.photos[0][1]}
    samples, _ = packed("imagenet-v2", {name: world.tar(inside)}, name)
    assert samples[f"{1:040x}"].label == 2
    with pytest.raises(tarfile.ReadError, match="not a gzip file"):
        naive_open(f"{tmp_path}/in/{name}")


# 5. A picture and its boxes are rotated together, or not at all.


def naive_upright(data):
    """cv2.imread: turned as the EXIF says."""
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data)))


def test_5_the_can_opener_stays_as_it_is_stored(world, packed):
    data = world.read("imagenet-sample/n02951585_can_opener.JPEG")
    samples, _ = packed("imagefolder", {"c/n02951585_1.JPEG": data})
    told = samples["n02951585_1"].json
    assert (told["width"], told["height"], decode_image(data).shape) == (392, 294, (294, 392, 3))
    assert naive_upright(data).size == (294, 392)


def naive_rotation(pixels, box, degrees):
    """Turn the picture; the box is already there."""
    return np.rot90(pixels, degrees // 90), box


def inside(pixels, box):
    height, width = pixels.shape[:2]
    xmin, xmax, ymin, ymax = box
    return pixels[round(ymin * height) : round(ymax * height), round(xmin * width) : round(xmax * width)]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_5_the_rotation_of_open_images_leaves_the_box_on_its_object(packed, degrees):
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:16, :32] = 255
    files = {f"t/{IDS[0]}.jpg": encoded(Image.fromarray(pixels), "JPEG", quality=95)}
    files["b.csv"] = f"{BOX}\n{IDS[0]},x,{CAT},1,0,0.25,0,0.25\n"
    files["i.csv"] = f"ImageID,OriginalURL,Rotation\n{IDS[0]},http://a/b,{degrees}.0\n"
    samples, _ = packed("open-images", files, "t", boxes="@b.csv", images="@i.csv")
    sample = samples[IDS[0]]
    (told,) = sample.json["boxes"]
    box = [told[side] for side in ("xmin", "xmax", "ymin", "ymax")]
    assert sample.json["rotation"] == degrees
    assert inside(decode_image(sample.image), box).mean() > 240
    assert inside(*naive_rotation(pixels, box, degrees)).mean() < 130


# 6. Boxes: the order of coordinates, the pixels that they refer to, and inclusive ends.


def naive_corners(row):
    """xmin, ymin, xmax, ymax, as everybody else has them."""
    return dict(zip(("xmin", "ymin", "xmax", "ymax"), map(float, row.split(",")[4:8]), strict=True))


def test_6_open_images_has_both_x_first(world, packed):
    row = f"{IDS[0]},xclick,{CAT},1,0.1,0.5,0.25,1"
    files = {f"t/{IDS[0]}.jpg": world.photos[0][1], "b.csv": f"{BOX}\n{row}\n"}
    samples, _ = packed("open-images", files, "t", boxes="@b.csv")
    (told,) = samples[IDS[0]].json["boxes"]
    ours = {side: told[side] for side in ("xmin", "ymin", "xmax", "ymax")}
    assert ours == {"xmin": 0.1, "ymin": 0.25, "xmax": 0.5, "ymax": 1.0}
    assert naive_corners(row) == {"xmin": 0.1, "ymin": 0.5, "xmax": 0.25, "ymax": 1.0}


def naive_overlap(one, other):
    """Width is xmax - xmin."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = np.prod(np.maximum(high - low, 0))
    return shared / (sum(np.prod(box[2:] - box[:2]) for box in (one, other)) - shared)


def test_6_half_of_a_box_is_half_with_both_its_ends():
    true, guess = np.array([1.0, 1, 10, 10]), np.array([1.0, 1, 10, 5])
    assert overlap(true, guess) == 0.5  # which is right; 4/9 is wrong
    assert naive_overlap(true, guess) == pytest.approx(4 / 9)


XML = (
    "<annotation><filename>{}</filename><size><width>500</width><height>375</height><depth>3</depth></size>"
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
    "</object></annotation>"
)


def naive_voc(text):
    """Trust the coordinates in the XML."""
    root = ET.fromstring(text)  # noqa: S314 - of our own making
    corners = [int(root.findtext(f".//{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
    return root.findtext("filename"), root.findtext(".//name"), corners


def test_6_ilsvrcs_xml_is_not_to_be_taken_at_its_word(world, tmp_path):
    hound, crate, other = "n02092002_3", "n03127925_147", "n01751748_9"
    texts = {
        hound: XML.format("%s", "Scottish_deerhound", 30, 2, 1, 40),
        crate: XML.format(crate, "n03127925", 400, 300, 612, 390),
        other: XML.format(other, "n01751748", 1.4, 2, 30.2, 40),
    }
    (tmp_path / "b.tgz").write_bytes(world.gz({f"{k[:9]}/{k}.xml": t.encode() for k, t in texts.items()}))
    found = read_boxes(f"{tmp_path}/b.tgz")
    ours = {key: tuple(found.find(key).metadata["boxes"][0].values()) for key in texts}
    assert ours[hound] == ("n02092002", 1, 2, 30, 40)
    assert ours[crate] == ("n03127925", 400, 300, 500, 375)
    assert ours[other][0] == "n01751748"
    assert naive_voc(texts[hound]) == ("%s", "Scottish_deerhound", [30, 2, 1, 40])
    assert naive_voc(texts[crate])[2] == [400, 300, 612, 390]
    with pytest.raises(ValueError, match=r"1\.4"):
        naive_voc(texts[other])


# 7. A missing label and a negative label are not labels.


def naive_real(labels, lists):
    """An image whose label is not in its list is wrong."""
    return np.mean([label in listed for label, listed in zip(labels, lists, strict=True)])


def test_7_reals_empty_lists_are_left_out(world, truth):
    keys = tuple(VAL.format(number) for number in range(1, 50_001))
    made = Predictions(np.array(truth)[:, None].repeat(5, 1), "column", keys, "row {}".format, columns=1000)
    (score,) = evaluate(made, {"real": str(world.folder / "real" / "real.json")}).scores
    assert (score.images, score.accuracy[0]) == (46_837, pytest.approx(42_164 / 46_837))
    assert naive_real(truth, json.loads(world.read("real/real.json"))) == pytest.approx(42_164 / 50_000)


def naive_positives(text):
    """Every row is a label of its image."""
    return [row["LabelName"] for row in csv.DictReader(io.StringIO(text))]


def test_7_confidence_0_is_a_no(world, packed):
    rows = f"{IDS[0]},verification,{CAT},1\n{IDS[0]},verification,{DOG},0\n"
    text = f"ImageID,Source,LabelName,Confidence\n{rows}"
    files = {f"t/{IDS[0]}.jpg": world.photos[0][1], "l.csv": text}
    told = packed("open-images", files, "t", image_labels="@l.csv")[0][IDS[0]].json
    ours = {name: [label["id"] for label in told[name]] for name in ("human_positive", "human_negative")}
    assert ours == {"human_positive": [CAT], "human_negative": [DOG]}
    assert naive_positives(text) == [CAT, DOG]


def naive_one_hot(label):
    """TFDS gives test images the label -1."""
    return np.eye(1000)[label]


def test_7_a_test_image_is_of_no_class(world, packed):
    samples, _ = packed("imagenet", {"test/ILSVRC2012_test_00000001.JPEG": world.photos[0][1]})
    sample = samples["ILSVRC2012_test_00000001"]
    assert (sample.label, "cls" in sample.members) == (None, False)
    assert naive_one_hot(-1).argmax() == 999


def naive_blacklist(right, skipped):
    """Leave blacklisted images out of every score."""
    return 1 - np.mean([r for r, skip in zip(right, skipped, strict=True) if not skip])


def test_7_the_blacklist_leaves_out_of_localisation_alone(world, truth, devkit_tar, tmp_path):
    numbers = range(1761, 1765)
    xml = {n: XML.format("%s", world.truth[n - 1], 1, 1, 10, 10).encode() for n in numbers}
    (tmp_path / "b.tgz").write_bytes(world.gz({f"val/{VAL.format(n)}.xml": x for n, x in xml.items()}))
    (tmp_path / "blacklist.txt").write_text("".join(f"{n}\n" for n in range(1, 1763)))
    right = [False, True, True, True]  # the first two are blacklisted
    labels = [truth[n - 1] if r else (truth[n - 1] + 1) % 1000 for n, r in zip(numbers, right, strict=True)]
    made = Predictions(np.array(labels)[:, None].repeat(5, 1), "column", tuple(map(VAL.format, numbers)),
                       "row {}".format, np.tile([1.0, 1, 10, 10], (4, 5, 1)), columns=1000)  # fmt: skip
    given = {"devkit": devkit_tar, "boxes": f"{tmp_path}/b.tgz", "blacklist": f"{tmp_path}/blacklist.txt"}
    (score,) = evaluate(made, given, partial=True).scores
    assert (score.error[0], score.localisation_error[0]) == (0.25, 0)
    assert naive_blacklist(right, [True, True, False, False]) == 0


# 8. Names are not unique, ids are not numbers, and a key ends at its first dot.

CRANES = {"n02012849": 134, "n03126707": 517}  # the bird and the machine, both 'crane'
CARDIGANS = {"n02113186": 264, "n02963159": 474}  # the dog 'Cardigan', the jacket 'cardigan'


def naive_by_name(names):
    """{class name: label}, of which a disk that does not mind case makes folders."""
    return {name.lower(): label for label, name in names.items()}


def test_8_classes_that_share_a_name_stay_apart(world, packed, devkit_tar):
    wnids = {**CRANES, **CARDIGANS}
    images = {f"{wnid}/{wnid}_1.JPEG": world.photos[i][1] for i, wnid in enumerate(wnids)}
    samples, _ = packed("imagenet", {"t.tar": world.tar(images)}, "t.tar", devkit=devkit_tar)
    found = {sample.json["wnid"]: sample for sample in samples.values()}
    assert {wnid: sample.label for wnid, sample in found.items()} == wnids
    assert {found[wnid].json["class_name"] for wnid in CRANES} == {"crane"}
    infos = read_devkit(devkit_tar).classes
    naive = naive_by_name({label: infos[label].words.split(", ")[0] for label in wnids.values()})
    assert naive["crane"] == 517  # the bird has become a machine
    assert len(naive_by_name({label: info.words.split(", ")[0] for label, info in enumerate(infos)})) < 1000


def test_8_a_name_that_two_classes_share_is_refused_as_a_label(world, packed):
    rows = [line.split() for line in world.read("ilsvrc2012/map_clsloc.txt").decode().splitlines()]
    names = {wnid: name for wnid, _, name in rows}
    files = {"c.txt": "".join(f"{wnid} {names[wnid]}\n" for wnid in world.wnids)}
    files |= {"a.jpg": world.photos[0][1], "t.csv": "path,label\na.jpg,crane\n"}
    with pytest.raises(SourceError, match=r"'crane' is the name of several classes, \[134, 517\]"):
        packed("table", files, "t.csv", classes="@c.txt")
    assert naive_by_name(dict(enumerate(names[wnid] for wnid in world.wnids)))["crane"] == 517


def naive_cell(text):
    """A number, if it looks like one, as tables are read by default."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def test_8_ids_of_hexadecimal_digits_stay_text(world, packed):
    files = {f"t/{i}.jpg": world.photos[n][1] for n, i in enumerate(IDS)}
    rows = "".join(f"{i},machine,{CAT},0.{n + 5}\n" for n, i in enumerate(IDS))
    files["l.csv"] = f"ImageID,Source,LabelName,Confidence\n{rows}"
    samples, _ = packed("open-images", files, "t", image_labels="@l.csv")
    ours = {key: sample.json["machine"][0]["confidence"] for key, sample in samples.items()}
    assert ours == {i: pytest.approx(0.5 + n / 10) for n, i in enumerate(IDS)}
    assert [naive_cell(i) for i in IDS] == [12345, "000060e3121c7305", float("43e11")]


def naive_hashes(paths):
    """An image's own name is its key."""
    return {Path(path).stem: path for path in paths}


def test_8_the_variants_of_imagenet_v2_share_images(world, tmp_path):
    paths = [f"imagenetv2-{v}-format-val/7/{1:040x}.jpeg" for v in ("top-images", "threshold0.7")]
    keys = []
    for place, path in enumerate(paths):
        open_store(str(tmp_path)).put(path, world.photos[place][1])
        pack("imagenet-v2", f"{tmp_path}/{path.partition('/')[0]}", dest=f"{tmp_path}/{place}", workers=1,
             keys="variant")  # fmt: skip
        keys += Dataset.open(f"{tmp_path}/{place}").keys()
    assert (len(set(keys)), len(naive_hashes(paths))) == (2, 1)


def naive_key(path):
    """The text before the last dot."""
    return Path(path).stem


def test_8_a_key_has_no_dot(world, packed, tmp_path):
    names = ["photo.v1.jpg", "photo.v2.jpg"]
    packed("imagefolder", {f"c/{name}": world.photos[n][1] for n, name in enumerate(names)})
    (shard,) = (tmp_path / "out").glob("*.tar")
    with tarfile.open(shard) as archive:
        assert {base_plus_ext(name)[0] for name in archive.getnames()} == {"photo_v1", "photo_v2"}
    assert {base_plus_ext(f"{naive_key(name)}.jpg")[0] for name in names} == {"photo"}


# 9. Captions are arbitrary text, and some images have none.

TEXTS = [
    "two\nlines\tand a tab",
    "emoji 🍧👩‍👩‍👧 and kakigōri",
    '<a href="http://x/?a=b&c">html</a> &amp; "quotes"',
    "\u0007bell \u001fcontrol, \u0085next line",
    "한국어 العربية עברית",
    "ﬁ ligature, e\u0301 combining",
]


def naive_texts(texts):
    """Read one caption from each line."""
    return "\n".join(texts).splitlines()


@pytest.mark.parametrize("member", ["txt", "json"])
def test_9_texts_come_back_byte_for_byte(world, packed, member):
    files = {}
    for i, text in enumerate(TEXTS):
        files[f"in{i}.jpg"] = world.photos[i][1]
        files[f"in{i}.{member}"] = text if member == "txt" else json.dumps({"note": text}, ensure_ascii=i % 2)
    samples, _ = packed("sidecars", files)
    found = [samples[f"in{i}"] for i in range(len(TEXTS))]
    assert [s.caption if member == "txt" else s.json["note"] for s in found] == TEXTS
    assert len(naive_texts(TEXTS)) > len(TEXTS)


def naive_captions(names, entries):
    """The n-th caption is that of the n-th image."""
    return {name: entry["title"] for name, entry in zip(sorted(names), entries, strict=False)}


@pytest.mark.parametrize("without", ["keep", "drop"])
def test_9_captions_go_by_file_name_and_images_without_one_are_kept_or_dropped(world, packed, without):
    wnid = world.wnids[5]
    names = [f"{wnid}_{i}" for i in range(4)]
    entries = [
        {"filename": f"{wnid}_{i}.JPEG", "wnid": wnid, "title": f"photo {i}", "tags": [], "description": ""}
        for i in (3, 2, 1)  # that of image 0 is missing
    ]
    files = {f"in/{wnid}/{name}.JPEG": world.photos[i][1] for i, name in enumerate(names)}
    files["c.json"] = json.dumps(entries)
    samples, _ = packed("imagefolder", files, "in", captions="@c.json", without_caption=without)
    expected = {name: f"photo {i}" for i, name in enumerate(names) if i}
    found = {key: sample.caption for key, sample in samples.items()}
    assert found == (expected if without == "drop" else {**expected, names[0]: ""})
    naive = naive_captions(names, entries)
    assert (naive[names[0]], naive[names[1]], names[3] in naive) == ("photo 3", "photo 2", False)


def naive_encode(text):
    """UTF-8, like any text."""
    return json.loads(text).encode()


def test_9_half_a_surrogate_pair_is_no_utf_8(world, packed):
    wnid = world.wnids[5]
    entry = f'{{"filename":"{wnid}_1.JPEG","wnid":"{wnid}","title":"ice \\ud83c","tags":[],"description":""}}'
    files = {f"in/{wnid}/{wnid}_1.JPEG": world.photos[0][1], "c.json": f"[{entry}]"}
    samples, _ = packed("imagefolder", files, "in", captions="@c.json")
    assert samples[f"{wnid}_1"].caption == "ice \ufffd"
    with pytest.raises(UnicodeEncodeError):
        naive_encode('"ice \\ud83c"')


# 10. A CSV is read by its header, by a parser of CSV.


def naive_names(text):
    """Leave out the header, split at commas."""
    return {line.split(",")[0]: line.split(",")[1] for line in text.splitlines()[1:]}


def test_10_the_names_of_open_images_are_quoted_and_have_no_header(world):
    text = world.read("open-images/dict.csv").decode()
    ours = read_names(str(world.folder / "open-images" / "dict.csv"), {})
    assert ours == dict(csv.reader(io.StringIO(text, newline="")))
    naive = naive_names(text)
    assert (len(ours), len(naive)) == (7881, 7880)
    assert not ours.items() & naive.items()


V4 = ["ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License"]
LICENSE = "https://creativecommons.org/licenses/by/2.0/"


def naive_license(text):
    """The fifth column of the table in the manual."""
    return next(csv.reader([text.splitlines()[1]]))[4]


def test_10_columns_go_by_their_names(world, packed):
    """V1 has no column for the subset, so the later columns are one further to the left."""
    header = [*V4[:1], *V4[2:], "AuthorProfileURL"]
    text = f"{','.join(header)}\n{IDS[0]},http://a/b,http://a,{LICENSE},http://author\n"
    files = {f"t/{IDS[0]}.jpg": world.photos[0][1], "i.csv": text}
    samples, _ = packed("open-images", files, "t", images="@i.csv")
    assert (samples[IDS[0]].json["license"], naive_license(text)) == (LICENSE, "http://author")


def naive_row(text):
    """Accept any number of cells."""
    header, row = csv.reader(text.splitlines())
    return dict(zip(header, row, strict=False))


def test_10_a_row_that_lacks_a_comma_is_refused(world, packed):
    """As that in the README of V1."""
    row = f'{IDS[0]},http://a/b,"28 Nov 2010 Our new house." 211079'
    text = f"ImageID,OriginalURL,Title,OriginalSize\n{row}\n"
    with pytest.raises(SourceError, match=r"i\.csv, line 2"):
        packed("open-images", {f"t/{IDS[0]}.jpg": world.photos[0][1], "i.csv": text}, "t", images="@i.csv")
    assert naive_row(text)["Title"] == "28 Nov 2010 Our new house. 211079"


def naive_prediction(text):
    """Five words a box."""
    words = text.split(" ")
    return [words[i : i + 5] for i in range(0, len(words), 5)]


def test_10_the_space_at_the_end_of_kaggles_rows_is_no_box(world, packed):
    box = "n01751748 111 108 441 193"
    files = {
        "LOC_synset_mapping.txt": "\n".join(f"{wnid} x" for wnid in world.wnids),
        "LOC_val_solution.csv": f"ImageId,PredictionString\n{VAL.format(1)},{box} \n",
        f"ILSVRC/Data/CLS-LOC/val/{VAL.format(1)}.JPEG": world.photos[0][1],
    }
    samples, _ = packed("imagenet", files, split="val")
    assert samples[VAL.format(1)].label == 65
    assert naive_prediction(f"{box} ") == [box.split(" "), [""]]
