"""Shards of several splits in one folder are told apart, and never mixed."""

import io
import json
import pickle
import tarfile

import pytest
from PIL import Image

from wds_imagenet import Dataset, Loader, ResizeCenterCrop, index, pack, repair, verify
from wds_imagenet.errors import ExistsError, SourceError, UsageError
from wds_imagenet.storage import open_store


def png():
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, "PNG")
    return file.getvalue()


def write(path, label):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for suffix, data in (("cls", b"%d" % label), ("png", png())):
            member = tarfile.TarInfo(f"k{label}.{suffix}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def labels(url):
    return [sample.label for sample in Dataset.open(url).samples()]


LAYOUTS = {
    "timm's names": ["imagenet1k-train-00.tar", "imagenet1k-train-01.tar", "imagenet1k-validation-00.tar"],
    "a folder for each split": ["train/00.tar", "train/01.tar", "val/00.tar"],
    "years": ["train2017-00.tar", "train2017-01.tar", "val2017-00.tar"],
    "declared in _info.json": ["a-00.tar", "a-01.tar", "b-00.tar"],
}


@pytest.fixture(params=LAYOUTS)
def folder(request, tmp_path):
    names = LAYOUTS[request.param]
    for label, name in enumerate(names):
        write(tmp_path / "in" / name, label)
    splits = {"train": {"filenames": names[:2]}, "validation": {"filenames": names[2:]}}
    if "_info.json" in request.param:
        (tmp_path / "in" / "_info.json").write_text(json.dumps({"splits": splits}))
    return str(tmp_path / "in")


def test_a_mixture_is_refused_and_the_option_chooses(folder, tmp_path):
    for run in (index, lambda url: pack("webdataset", url, dest=str(tmp_path / "out"), workers=1)):
        with pytest.raises(SourceError, match=r"several splits \(train, validation\).*option 'split'"):
            run(folder)
    assert not (tmp_path / "in" / ".wds-imagenet").exists()
    pack("webdataset", folder, dest=str(tmp_path / "val"), split="validation", workers=1)
    assert labels(str(tmp_path / "val")) == [2]
    assert index(folder, split="val").manifest.split == "validation"
    assert labels(folder) == [2]
    pack("webdataset", folder, dest=str(tmp_path / "train"), split="train", workers=1, shuffle=False)
    assert labels(str(tmp_path / "train")) == [0, 1]


def test_the_only_split_in_the_names_is_the_split(tmp_path):
    write(tmp_path / "x-validation-0.tar", 0)
    assert index(str(tmp_path)).manifest.split == "validation"


def test_names_without_split_take_the_split_that_is_asked_for(tmp_path):
    write(tmp_path / "x-0.tar", 0)
    assert index(str(tmp_path), split="test").manifest.split == "test"


def test_a_split_that_no_name_has_is_refused_for_a_folder_and_taken_for_named_shards(tmp_path):
    write(tmp_path / "in" / "x-train-0.tar", 0)
    for run in (index, lambda url, **o: pack("webdataset", url, dest=f"{tmp_path}/out", workers=1, **o)):
        with pytest.raises(
            SourceError,
            match=r"no files of the split 'validation', only of train; .*: .*in/\*\.tar",
        ):
            run(f"{tmp_path}/in", split="validation")
    pack(
        "webdataset",
        f"{tmp_path}/in/*.tar",
        dest=f"{tmp_path}/v",
        split="validation",
        workers=1,
    )
    assert Dataset.open(f"{tmp_path}/v").manifest.split == "validation"


def test_a_part_of_a_set_packed_as_train_becomes_validation(tmp_path):
    for label in range(3):
        write(tmp_path / "in" / f"{label}.tar", label)
    pack("webdataset", f"{tmp_path}/in", dest=f"{tmp_path}/packed", workers=1, samples_per_shard=1)
    (tmp_path / "keys").write_text("k1\n")
    report = pack(
        *("webdataset", f"{tmp_path}/packed"),
        dest=f"{tmp_path}/val",
        split="validation",
        select_keys=f"{tmp_path}/keys",
        workers=1,
    )
    assert (labels(f"{tmp_path}/val"), Dataset.open(f"{tmp_path}/val").manifest.split) == ([1], "validation")
    assert any("are of the split 'train'; they become 'validation'" in note for note in report.notes)


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_a_second_split_of_a_folder_has_its_manifest_in_a_folder_of_its_own(place, tmp_path, request):
    for label, name in enumerate(("a-train-0.tar", "a-validation-0.tar", "a-validation-1.tar")):
        write(tmp_path / "in" / name, label)
    url = str(tmp_path / "in")
    if place == "s3":
        url = request.getfixturevalue("s3_url")
        for path in (tmp_path / "in").iterdir():
            open_store(url).put_file(path.name, path)
    first, second = index(url, split="train"), index(url, split="validation")
    assert (first.url, second.url) == (Dataset.open(url).url, f"{Dataset.open(url).url}/validation")
    assert (labels(first.url), labels(second.url)) == ([0], [1, 2])
    assert list(verify(second.url).findings) == []
    copy = pickle.loads(pickle.dumps(Dataset.open(second.url)))  # as a child process gets it
    with Loader(copy, transform=ResizeCenterCrop(4, 4), batch_size=2, shuffle=False) as loader:
        assert [batch.labels.tolist() for batch in loader] == [[1, 2]]
    with pytest.raises(UsageError, match="shards in the folder above, which repair does not mend"):
        repair(second.url)
    for split in ("train", "validation"):
        with pytest.raises(ExistsError):
            index(url, split=split)


def test_shards_far_from_their_manifest_are_refused(tmp_path):
    write(tmp_path / "in" / "a.tar", 0)
    with pytest.raises(UsageError, match=r"neither in .* nor in the folder above"):
        index(f"{tmp_path}/in", out=f"{tmp_path}/in/x/y")
    assert labels(index(f"{tmp_path}/in", out=f"{tmp_path}/in/x").url) == [0]


def test_the_folder_of_an_indexed_second_split_is_packed_as_its_own(folder, tmp_path):
    index(folder, split="train")
    url = index(folder, split="validation").url
    assert url.endswith("/validation")
    pack("webdataset", url, dest=str(tmp_path / "val"), workers=1)
    assert (labels(str(tmp_path / "val")), Dataset.open(str(tmp_path / "val")).manifest.split) == (
        [2],
        "validation",
    )
