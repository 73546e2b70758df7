"""A label layer lies beside unchanged shards, is complete or absent, and has the same bytes every time."""

import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import webdataset

from wds_imagenet.errors import CorruptError, DataError, ManifestError, PlanError, SourceError, UsageError
from wds_imagenet.format.layers import LayerPlan, check_layer, layer_names
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.indexing.index import index
from wds_imagenet.indexing.shard_entries import index_shards
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.api import pack
from wds_imagenet.storage import open_store

LAYERS = ".wds-imagenet/layers"
COUNT = 90


@pytest.fixture(scope="module")
def files(photos, photo_files, tmp_path_factory):
    """Real photos under names of the train and of the validation set, and label files for them."""
    root = tmp_path_factory.mktemp("files")
    (root / "val").mkdir()
    (root / "maps").mkdir()
    entries = []
    for i, photo in enumerate(photo_files[:COUNT]):
        wnid = photo.name[:9]
        shutil.copyfile(photo, root / "val" / f"ILSVRC2012_val_{i + 1:08d}.JPEG")
        (root / "train" / wnid).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, root / "train" / wnid / f"{wnid}_{i}.JPEG")
        labels = np.broadcast_to((np.arange(5) + i)[:, None, None], (5, 15, 15))
        scores = np.random.default_rng(i).normal(0, 5, (5, 15, 15))
        (root / "maps" / wnid).mkdir(exist_ok=True)
        torch.save(torch.tensor(np.stack([scores, labels])).half(), root / "maps" / wnid / f"{wnid}_{i}.pt")
        if i % 3:
            entries.append({"filename": f"{wnid}_{i}.JPEG", "wnid": wnid, "title": f"title {i}"})
            entries[-1] |= {"tags": ["a b", "é"], "description": ""}
    (root / "captions.json").write_text(json.dumps(entries))
    shutil.copyfile(photos / "real" / "real.json", root / "real.json")
    return root


@pytest.fixture(scope="module")
def packed(files, tmp_path_factory):
    """Pack the train names in 9 shards of some 5 blocks, as a path."""
    folder = tmp_path_factory.mktemp("packed") / "train"
    pack("imagefolder", str(files / "train"), dest=str(folder), samples_per_shard=10, block_bytes=200_000)
    return folder


@pytest.fixture
def base(packed, tmp_path):
    return Path(shutil.copytree(packed, tmp_path / "data"))


@pytest.fixture(scope="module")
def train_files(files):
    return {"labels": {"relabel": str(files / "maps")}, "captions": str(files / "captions.json")}


@pytest.fixture(scope="module")
def captions(files):
    return {"captions": str(files / "captions.json"), "layer": "new"}


@pytest.fixture(scope="module")
def expected(packed, captions, tmp_path_factory, hash_files):
    """Every file of a layer of captions that was written undisturbed."""
    folder = shutil.copytree(packed, tmp_path_factory.mktemp("undisturbed") / "data")
    add_layer(str(folder), workers=1, **captions)
    return hash_files(folder)


def tars(folder, layer):
    return sorted((folder / LAYERS / layer).glob("*.tar"))


def manifests(folder, layer):
    base = Manifest.from_json((folder / ".wds-imagenet/manifest.json").read_bytes())
    own = Manifest.from_json((folder / LAYERS / layer / "manifest.json").read_bytes())
    return base, own, LayerPlan.from_json((folder / LAYERS / layer / "plan.json").read_bytes())


def test_nothing_of_the_data_set_is_touched(packed, expected, hash_files):
    own = {path: value for path, value in expected.items() if LAYERS not in path}
    assert own == hash_files(packed)


def test_tarfile_finds_the_samples_of_the_shards_in_their_order(base, train_files, files):
    add_layer(str(base), layer="new", workers=1, **train_files)
    texts = {e["filename"][:-5]: e for e in json.loads((files / "captions.json").read_text())}
    assert len(tars(base, "new")) == len(list(base.glob("*.tar")))
    for shard in tars(base, "new"):
        with tarfile.open(shard) as layer, tarfile.open(base / shard.name) as own:
            keys = [name[:-5] for name in own.getnames() if name.endswith(".json")]
            names = [f"{key}.{suffix}" for key in keys for suffix in ("json", "txt", "relabel.npy")]
            assert layer.getnames() == names != []
            for key in keys:
                record = json.loads(layer.extractfile(f"{key}.json").read())
                entry = texts.get(key, {"title": "", "tags": [], "description": ""})
                assert record == {name: entry[name] for name in ("description", "tags", "title")}
                title = " ".join([entry["title"], *entry["tags"]])
                assert layer.extractfile(f"{key}.txt").read().decode() == title
                wnid = key.partition("_")[0]
                tensor = torch.load(files / "maps" / wnid / f"{key}.pt", weights_only=True)
                assert np.array_equal(
                    np.load(io.BytesIO(layer.extractfile(f"{key}.relabel.npy").read())), tensor.numpy()
                )


@pytest.mark.filterwarnings("ignore:unclosed file")  # webdataset leaves closing to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # which says so
def test_webdataset_reads_a_layer_as_it_reads_shards(base, captions):
    add_layer(str(base), workers=1, **captions)
    pipeline = webdataset.WebDataset(list(map(str, tars(base, "new"))), shardshuffle=False, empty_check=False)
    found = [sample["__key__"] for sample in pipeline]
    gc.collect()
    assert found == (base / ".wds-imagenet/keys.txt").read_text().splitlines()


def test_blocks_match_those_of_the_shards_and_name_their_data_set(base, train_files):
    report = add_layer(str(base), layer="new", workers=1, **train_files)
    own, layer, plan = manifests(base, "new")
    check_layer(own, layer, plan)
    assert len(own.shards) == 9
    assert sum(len(shard.blocks) for shard in own.shards) > len(own.shards)
    assert (plan.base, layer.keys_sha256, layer.plan) == (own.fingerprint, own.keys_sha256, plan.fingerprint)
    assert layer.suffixes == report.suffixes == ("json", "txt", "relabel.npy")
    assert report.fields == {"description": "text", "tags": "list", "title": "text"}


def test_a_rerun_changes_nothing_and_other_labels_are_refused(base, train_files, files, hash_files):
    add_layer(str(base), layer="new", workers=1, **train_files)
    before = hash_files(base)
    again = add_layer(str(base), layer="new", workers=1, **train_files)
    assert (again.resumed, hash_files(base)) == (9, before)
    with pytest.raises(PlanError, match=r"/layers/new holds the finished work of another plan: its "):
        add_layer(str(base), layer="new", labels={"relabel": str(files / "maps")})
    assert hash_files(base) == before
    add_layer(str(base), labels={"relabel": str(files / "maps")}, workers=1)
    assert layer_names(hash_files(base)) == ["new", "relabel"]


@pytest.mark.parametrize("run", [(1, 1), (1, 8), (2, 4)])
def test_killed_at_any_tar_it_goes_on_and_ends_with_the_same_bytes(base, captions, expected, hash_files, run):
    workers, tar = run
    program = [sys.executable, str(Path(__file__).with_name("layer_adder.py")), str(base)]
    with subprocess.Popen(
        [*program, json.dumps(captions), str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout:
            if int(line) == tar:
                os.killpg(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert layer_names(hash_files(base)) == []
    report = add_layer(str(base), workers=workers, **captions)
    assert report.resumed >= tar - workers
    assert hash_files(base) == expected


def test_a_plan_that_another_run_left_is_not_overwritten(base, captions):
    folder = base / LAYERS / "new"
    folder.mkdir(parents=True)
    (folder / "x.tar").write_bytes(b"")
    with pytest.raises(PlanError, match="x\\.tar', which 'add-layer' would overwrite, and no plan"):
        add_layer(str(base), **captions)


def test_a_dry_run_writes_nothing(base, train_files, hash_files):
    before = hash_files(base)
    report = add_layer(str(base), dry_run=True, **train_files)
    assert (report.manifest, report.layer, hash_files(base)) == (None, "relabel-captions", before)


def test_a_layer_on_an_object_store_is_that_on_a_disk(files, photos, s3_url, tmp_path):
    devkit = str(photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz")
    options = {"devkit": devkit, "split": "validation", "samples_per_shard": 40, "name": "v"}
    for dest in (s3_url, str(tmp_path / "local")):
        pack("imagenet", str(files / "val"), dest=dest, workers=1, **options)
        report = add_layer(dest, labels={"real": str(files / "real.json")}, workers=2)
        assert report.samples == COUNT
    store = open_store(s3_url)
    there = {info.path: store.read(info.path).data for info in store.list_objects(LAYERS)}
    files_here = [p for p in (tmp_path / "local" / LAYERS).rglob("*") if p.is_file()]
    assert there == {str(p.relative_to(tmp_path / "local")): p.read_bytes() for p in files_here}
    assert add_layer(s3_url, labels={"real": str(files / "real.json")}).resumed == 3


def test_shards_that_others_wrote_are_labelled_once_they_are_indexed(files, tmp_path):
    truth = json.loads((files / "real.json").read_text())
    (tmp_path / "part").mkdir()
    with tarfile.open(tmp_path / "part" / "s.tar", "w") as archive:
        for path in sorted((files / "val").iterdir())[:20]:
            archive.add(path, f"deep/{path.stem}.jpg")
    index_shards(open_store(str(tmp_path)), ["part/s.tar"], name="theirs", split="val", block_bytes=300_000)
    add_layer(str(tmp_path), labels={"real": str(files / "real.json")}, workers=2)
    with tarfile.open(tmp_path / LAYERS / "real" / "part" / "s.tar") as archive:
        records = [json.loads(archive.extractfile(m).read()) for m in archive]
    assert [record["real_labels"] for record in records] == truth[:20]


def test_labels_replace_the_class_and_its_table(base, files, tmp_path):
    pictures = sorted((files / "train").rglob("*.JPEG"))
    rows = ["ImageId,PredictionString", *(f"{p.stem},{p.parent.name} 1 1 9 9 " for p in pictures)]
    (tmp_path / "solution.csv").write_text("\n".join(rows) + "\n")
    synsets = tmp_path / "synsets.txt"
    names = sorted({p.name for p in (files / "train").iterdir()})
    fill = (f"n{99_000_000 + i:08d}" for i in range(1000 - len(names)))
    synsets.write_text("".join(f"{wnid} name {wnid}\n" for wnid in sorted([*names, *fill])))
    options = {"labels": {"kaggle": str(tmp_path / "solution.csv")}}
    add_layer(str(base), label_options={"kaggle.synsets": str(synsets)}, workers=1, **options)
    _, layer, _ = manifests(base, "kaggle")
    assert layer.suffixes == ("cls", "json")
    assert len(layer.classes) == 1000
    assert sum(item["samples"] for item in layer.classes) == COUNT


@pytest.mark.parametrize(
    "mistake",
    [
        ({}, UsageError, "no labels to add"),
        ({"labels": {"nosuch": "x"}}, UsageError, "no label source 'nosuch', only"),
        ({"labels": {"real": "R"}, "layer": "../up"}, UsageError, "cannot name a layer"),
        ({"labels": {"real": "R"}, "label_options": {"real.x": "1"}}, UsageError, "has no option 'x'"),
        ({"labels": {"real": "R"}, "label_options": {"kaggle.synsets": "1"}}, UsageError, "no label file"),
        ({"labels": {"real": "R"}}, SourceError, "has none of the images here"),
        ({"labels": {"captions": "C"}, "captions": "C"}, UsageError, "two files of captions"),
        ({"labels": {"real": "R"}, "workers": 0}, UsageError, "at least one worker"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(base, files, hash_files, mistake):
    options, error, message = mistake
    before = hash_files(base)
    places = {"R": str(files / "real.json"), "C": str(files / "captions.json")}
    labels = {name: places.get(url, url) for name, url in options.get("labels", {}).items()}
    captions = {"captions": places[options["captions"]]} if "captions" in options else {}
    with pytest.raises(error, match=message):
        add_layer(str(base), **{**options, "labels": labels, **captions})
    assert hash_files(base) == before


def test_a_map_that_one_image_lacks_is_named(base, files, tmp_path):
    maps = shutil.copytree(files / "maps", tmp_path / "maps")
    gone = sorted(maps.rglob("*.pt"))[7]
    gone.unlink()
    with pytest.raises(SourceError, match=rf"does not have 1 image, the first of which is '{gone.stem}'"):
        add_layer(str(base), labels={"relabel": str(maps)})


def test_a_folder_that_is_no_data_set_or_has_other_keys_is_refused(base, files, tmp_path):
    with pytest.raises(ManifestError, match="is no data set"):
        add_layer(str(tmp_path), labels={"real": str(files / "real.json")})
    (base / ".wds-imagenet/keys.txt").write_bytes(b"a\n")
    with pytest.raises(CorruptError, match="keys\\.txt was changed"):
        add_layer(str(base), labels={"real": str(files / "real.json")})


def test_a_plan_that_is_not_ours_cannot_be_read(base, captions):
    add_layer(str(base), workers=1, **captions)
    data = (base / LAYERS / "new" / "plan.json").read_bytes()
    for bad in (b"", b"{}", b"[]", data[:-1], data.replace(b'"version":1', b'"version":2'), b" " + data):
        with pytest.raises(DataError):
            LayerPlan.from_json(bad)


def test_shards_without_samples_are_no_data_set_that_takes_a_layer(tmp_path, captions):
    tarfile.open(tmp_path / "empty-000000.tar", "w").close()
    with pytest.raises(SourceError, match="no samples to index"):
        index(str(tmp_path))
    with pytest.raises(ManifestError):
        add_layer(str(tmp_path), workers=1, **captions)
    assert not list(tmp_path.glob(".wds-imagenet/layers"))
