"""A stream is not resumed if its label files have changed since the first run."""

import gzip
import io
import json
import shutil
import tarfile

import pytest

from wds_imagenet.errors import PlanError
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.dataset import Dataset

TRAIN, VALIDATION, SECOND = "n01440764_10026", "ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002"
XML = (
    "<annotation><size><width>50</width><height>40</height></size><object><name>n01440764</name><bndbox>"
    "<xmin>1</xmin><ymin>2</ymin><xmax>{}</xmax><ymax>20</ymax></bndbox></object></annotation>"
)


def caption(title):
    return json.dumps(
        [{"filename": f"{TRAIN}.JPEG", "wnid": TRAIN[:9], "title": title, "tags": [], "description": ""}]
    )


def blacklist(first):
    return f"{first}\n" + "".join(f"{n}\n" for n in range(10, 1771))


def real(first):
    return json.dumps([[first], *[[3]] * 49_999])


def solution(corner):
    return f"ImageId,PredictionString\n{VALIDATION},n01440764 1 2 {corner} 4 \n"


LABELS = {
    "captions": ("c.json", caption("cat"), caption("dog")),
    "blacklist": ("b.txt", blacklist(1), blacklist(2)),
    "real": ("real.json", real(65), real(66)),
    "kaggle": ("LOC_val_solution.csv", solution(33), solution(44)),
    "boxes": (f"val/{VALIDATION}.xml", XML.format(30), XML.format(40)),
}
"""By label source: its file, its first content, and its second content of the same length."""


@pytest.fixture
def shards(tmp_path, photos):
    """A gzipped shard of two images: a stream."""
    photo = next((photos / "imagenet-sample").glob("*.JPEG")).read_bytes()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for key in (VALIDATION, SECOND):
            info = tarfile.TarInfo(f"{key}.jpg")
            info.size = len(photo)
            archive.addfile(info, io.BytesIO(photo))
    (tmp_path / "in.tar.gz").write_bytes(gzip.compress(out.getvalue()))
    return str(tmp_path / "in.tar.gz")


@pytest.fixture
def run(shards, tmp_path):
    """Return a function that packs the stream with a label file in a folder of that name."""

    def write_and_pack(source, text, folder="labels"):
        path = tmp_path / folder / LABELS[source][0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        url = str(path.parent if source == "boxes" else path)
        return pack("webdataset", shards, dest=f"{tmp_path}/out", labels={source: url}, samples_per_shard=1)

    return write_and_pack


@pytest.mark.parametrize("source", LABELS)
def test_a_resumed_pack_with_changed_labels_is_refused_with_the_difference(run, tmp_path, source):
    _, before, after = LABELS[source]
    assert len(before) == len(after)
    run(source, before)
    (tmp_path / "out" / ".wds-imagenet" / "manifest.json").unlink()
    with pytest.raises(PlanError, match=f"the content of the labels '{source}' is not the same") as caught:
        run(source, after)
    assert " was " not in str(caught.value)
    shutil.rmtree(tmp_path / "labels")
    run(source, before, folder="moved")
    assert len(Dataset.open(f"{tmp_path}/out")) == 2


@pytest.fixture
def pack_kaggle(shards, tmp_path):
    """Return a function that packs the stream with Kaggle's labels, by a mapping of a thousand classes."""
    rows = "".join(f"{key},n01440764 1 2 3 4 \n" for key in (VALIDATION, SECOND))
    (tmp_path / "LOC_val_solution.csv").write_text(f"ImageId,PredictionString\n{rows}")

    def write_and_pack(folder, last):
        synsets = tmp_path / folder / "synsets.txt"
        synsets.parent.mkdir()
        wnids = sorted({"n01440764", last, *(f"n{i:08d}" for i in range(998))})
        synsets.write_text("".join(f"{wnid} a name\n" for wnid in wnids))
        labels = {"kaggle": str(tmp_path / "LOC_val_solution.csv")}
        options = {"labels": labels, "label_options": {"kaggle.synsets": str(synsets)}}
        return pack("webdataset", shards, dest=f"{tmp_path}/out", samples_per_shard=1, **options)

    return write_and_pack


def test_a_file_given_as_an_option_is_identified_by_its_content_and_may_move(pack_kaggle, tmp_path):
    pack_kaggle("here", "n99999999")
    assert str(tmp_path) not in (tmp_path / "out" / ".wds-imagenet" / "plan.json").read_text()
    assert pack_kaggle("there", "n99999999").already
    with pytest.raises(PlanError, match="the content of the labels 'kaggle' is not the same"):
        pack_kaggle("another", "n00000999")  # tench is one label further on


def test_another_template_gives_other_captions_and_is_refused(shards, tmp_path):
    (tmp_path / "c.json").write_text(caption("cat"))
    options = {"dest": f"{tmp_path}/out", "captions": str(tmp_path / "c.json")}
    pack("webdataset", shards, **options, label_options={"captions.template": "{title}"})
    with pytest.raises(PlanError, match="the content of the labels 'captions' is not the same"):
        pack("webdataset", shards, **options, label_options={"captions.template": "a photo of {title}"})


def test_labels_of_another_size_or_source_are_named_too(run, tmp_path):
    run("captions", caption("cat"))
    (tmp_path / "out" / ".wds-imagenet" / "manifest.json").unlink()
    with pytest.raises(PlanError, match=r"of the labels 'captions', bytes was \d+ there, is \d+ now"):
        run("captions", caption("a cat"))
    with pytest.raises(PlanError, match=r"labels 'captions' are no longer given; the labels 'real' are new"):
        run("real", real(65))
