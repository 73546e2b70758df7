"""Images without a label among images that have one."""

import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wds_imagenet import Dataset, Loader, RandomResizedCrop, verify
from wds_imagenet.errors import SourceError
from wds_imagenet.packing.api import pack


@pytest.fixture(params=["table", "huggingface"])
def rows(request, photo_files, tmp_path):
    """The source and URL of three rows: labelled `dog`, not labelled, and labelled `cat`."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, path in zip("abc", photo_files, strict=False):
        (folder / f"{name}.jpg").write_bytes(path.read_bytes())
    if request.param == "table":
        (folder / "t.csv").write_text("path,label\na.jpg,dog\nb.jpg,\nc.jpg,cat\n")
        return "table", str(folder / "t.csv")
    column = [{"bytes": (folder / f"{n}.jpg").read_bytes(), "path": f"{n}.jpg"} for n in "abc"]
    pq.write_table(pa.table({"image": column, "label": ["dog", None, "cat"]}), folder / "t.parquet")
    return "huggingface", str(folder / "t.parquet")


def test_they_are_refused_with_the_option(rows, tmp_path):
    with pytest.raises(SourceError, match=r"has no label.*option without_label='keep'.*'drop'"):
        pack(rows[0], rows[1], dest=str(tmp_path / "out"), workers=1)


def test_they_are_kept_with_the_label_minus_one(rows, tmp_path):
    out = str(tmp_path / "out")
    report = pack(rows[0], rows[1], dest=out, split="train", workers=1, without_label="keep")
    assert any("label is -1" in note for note in report.notes)
    dataset = Dataset.open(out)
    samples = {sample.key: sample for sample in dataset.samples()}
    assert {key: sample.label for key, sample in samples.items()} == {"a": 1, "b": None, "c": 0}
    assert {key: (s.json["label"], s.json["class_name"]) for key, s in samples.items()} == {
        "a": (1, "dog"),
        "b": (-1, ""),
        "c": (0, "cat"),
    }
    assert [item["samples"] for item in dataset.classes] == [1, 1]
    assert verify(out, deep=True).findings == ()
    shard = f"{out}/{dataset.manifest.shards[0].name}"
    with tarfile.open(shard) as archive:
        labels = {n: archive.extractfile(n).read() for n in archive.getnames() if n.endswith(".cls")}
    assert labels == {"a.cls": b"1", "b.cls": b"-1", "c.cls": b"0"}
    loader = Loader(dataset, RandomResizedCrop(32), 3, shuffle=False)
    assert sorted(next(iter(loader)).labels.tolist()) == [-100, 0, 1]


def test_they_are_left_out_if_asked(rows, tmp_path):
    out = str(tmp_path / "out")
    pack(rows[0], rows[1], dest=out, split="train", workers=1, without_label="drop")
    assert {sample.key: sample.label for sample in Dataset.open(out).samples()} == {"a": 1, "c": 0}


def test_images_without_any_label_stay(photo_files, tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo_files[0].read_bytes())
    (tmp_path / "t.jsonl").write_text(json.dumps({"path": "a.jpg"}))
    for treatment in ("keep", "drop"):
        out = str(tmp_path / treatment)
        pack("table", str(tmp_path / "t.jsonl"), dest=out, workers=1, without_label=treatment)
        (sample,) = Dataset.open(out).samples()
        assert "cls" not in sample.members


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize(
    ("treatment", "labels"), [("keep", {"a": 1, "b": None, "c": 0}), ("drop", {"a": 1, "c": 0})]
)
def test_shards_are_treated_alike_whether_compressed_or_not(photo_files, tmp_path, mode, treatment, labels):
    with tarfile.open(tmp_path / "x.tar", mode) as archive:
        for name, path, label in zip("abc", photo_files, ("1", None, "0"), strict=False):
            archive.add(path, f"{name}.jpg")
            if label is not None:
                (tmp_path / "cls").write_text(label)
                archive.add(tmp_path / "cls", f"{name}.cls")
    source, out = ("webdataset", str(tmp_path / "x.tar")), str(tmp_path / "out")
    with pytest.raises(SourceError, match=r"b\.jpg.* has no label.*without_label='keep'.*'drop'"):
        pack(*source, dest=out, workers=1)
    pack(*source, dest=out, workers=1, without_label=treatment)
    assert {sample.key: sample.label for sample in Dataset.open(out).samples()} == labels
