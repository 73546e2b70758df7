"""Open Images in shards: many labels an image, from a folder and from a gzipped tar alike."""

import gzip
import io
import tarfile

import pytest

from wds_imagenet.packing.api import pack
from wds_imagenet.reading.dataset import Dataset

IDS = ["000060e3121c7305", "0000000000012345", "43e0000000000011"]
LABELS = "ImageID,Source,LabelName,Confidence\n" + "".join(
    f"{name},{source},/m/01yrx,{confidence}\n"
    for name, source, confidence in zip(
        IDS, ["verification", "verification", "machine"], ["0", "1", "0.7"], strict=True
    )
)


@pytest.fixture
def folder(photos, tmp_path):
    (tmp_path / "in" / "train_x").mkdir(parents=True)
    for name, photo in zip(IDS, sorted((photos / "imagenet-sample").iterdir()), strict=False):
        (tmp_path / "in" / "train_x" / f"{name}.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "labels.csv").write_text(LABELS)
    return tmp_path


def packed(source, folder, dest):
    pack(
        "open-images",
        str(source),
        dest=str(dest),
        image_labels=str(folder / "labels.csv"),
        name="oi",
        workers=1,
    )
    return {sample.key: sample for sample in Dataset.open(str(dest)).samples()}


def test_labels_lie_in_the_json_and_no_sample_has_a_class(folder, s3_url):
    samples = packed(folder / "in", folder, s3_url)
    assert samples.keys() == set(IDS)
    assert all(sample.label is None for sample in samples.values())
    filled = {
        name: [f for f in ("human_positive", "human_negative", "machine") if samples[name].json[f]]
        for name in IDS
    }
    assert list(filled.values()) == [["human_negative"], ["human_positive"], ["machine"]]
    assert samples[IDS[2]].json["machine"] == [{"id": "/m/01yrx", "confidence": 0.7, "source": "machine"}]


def test_a_gzipped_tar_gives_the_same_samples(folder):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.add(folder / "in" / "train_x", "train_x")
    (folder / "train_x.tar.gz").write_bytes(gzip.compress(tar.getvalue(), 1))
    ours, theirs = (
        packed(folder / name, folder, folder / f"out-{name}") for name in ("in", "train_x.tar.gz")
    )
    assert ours.keys() == theirs.keys()
    assert all((ours[k].image, ours[k].json) == (theirs[k].image, theirs[k].json) for k in ours)
