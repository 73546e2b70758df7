"""A destination is claimed only when a shard is ready to be published."""

import pickle
import shutil

import pytest
import torch

from wds_imagenet import Dataset
from wds_imagenet.errors import ImageError, PlanError, SourceError
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.publish.plan_lock import PlanLock
from wds_imagenet.storage import open_store

PLAN = ".wds-imagenet/plan.json"


def files_at(url):
    return [item.path for item in open_store(str(url)).list_objects()]


@pytest.fixture
def folder(small_folder, tmp_path):
    return shutil.copytree(small_folder, tmp_path / "in")


@pytest.fixture
def maps(folder, tmp_path):
    """A damaged label map for each image, and a function that repairs them."""
    values = torch.arange(5).half()[None, :, None, None].expand(2, 5, 15, 15).clone()
    paths = [tmp_path / "maps" / p.parent.name / f"{p.stem}.pt" for p in folder.rglob("*.JPEG")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(values, path)
    whole = [path.read_bytes() for path in paths]
    for path, data in zip(paths, whole, strict=True):
        path.write_bytes(data[::-1])

    def repair():
        for path, data in zip(paths, whole, strict=True):
            path.write_bytes(data)

    return str(tmp_path / "maps"), repair


@pytest.mark.parametrize("workers", [1, 2])
def test_packing_with_bad_label_maps_leaves_nothing_and_goes_on_when_they_are_mended(
    folder, maps, tmp_path, workers
):
    url, repair = maps
    options = {"dest": f"{tmp_path}/out", "labels": {"relabel": url}, "workers": workers}
    with pytest.raises(SourceError, match=r"\.pt cannot be read as a file of torch\.save"):
        pack("imagefolder", str(folder), **options, samples_per_shard=20)
    assert files_at(tmp_path / "out") == []
    repair()
    assert pack("imagefolder", str(folder), **options, samples_per_shard=20).samples == 60


@pytest.mark.parametrize("workers", [1, 2])
def test_a_layer_of_bad_label_maps_leaves_nothing_and_goes_on_when_they_are_mended(
    folder, maps, tmp_path, workers
):
    url, repair = maps
    dest = f"{tmp_path}/out"
    pack("imagefolder", str(folder), dest=dest, workers=1, samples_per_shard=20)
    before = files_at(dest)
    with pytest.raises(SourceError, match=r"\.pt cannot be read as a file of torch\.save"):
        add_layer(dest, labels={"relabel": url}, workers=workers)
    assert files_at(dest) == before
    repair()
    assert add_layer(dest, labels={"relabel": url}, workers=workers).samples == 60


def test_other_options_may_follow_a_run_that_put_nothing(folder, tmp_path):
    first = min(folder.rglob("*.JPEG"), key=lambda path: (path.parent.name, path.name))
    first.write_bytes(first.read_bytes()[:-300])
    options = {"dest": f"{tmp_path}/out", "workers": 1, "shuffle": False}
    with pytest.raises(ImageError, match="cut off"):
        pack("imagefolder", str(folder), **options)
    assert files_at(tmp_path / "out") == []
    assert pack("imagefolder", str(folder), **options, on_bad="skip").samples == 59


def test_published_shards_stay_with_their_plan(folder, tmp_path):
    last = max(folder.rglob("*.JPEG"), key=lambda path: (path.parent.name, path.name))
    whole = last.read_bytes()
    last.write_bytes(whole[:-300] + b"\0" * 300)
    options = {"dest": f"{tmp_path}/out", "workers": 1, "shuffle": False, "samples_per_shard": 20}
    with pytest.raises(ImageError):
        pack("imagefolder", str(folder), **options)
    assert {PLAN, "out-train-000000.tar"} <= {*files_at(tmp_path / "out")}
    with pytest.raises(PlanError, match="on_bad"):
        pack("imagefolder", str(folder), **options, on_bad="skip")
    last.write_bytes(whole)
    assert pack("imagefolder", str(folder), **options).resumed == 2
    assert len(Dataset.open(f"{tmp_path}/out")) == 60


@pytest.mark.parametrize("kind", ["disk", "s3"])
def test_packers_of_one_plan_claim_a_destination_once(tmp_path, kind, request):
    url = str(tmp_path) if kind == "disk" else request.getfixturevalue("s3_url")
    store = open_store(url)
    ours, theirs = PlanLock(PLAN, b"{}"), PlanLock(PLAN, b"{ }")
    ours(store)
    store.delete(PLAN)
    ours(store)  # it is not asked twice
    assert files_at(url) == []
    pickle.loads(pickle.dumps(theirs))(store)
    with pytest.raises(PlanError, match=r"another packer has just put another plan at .*plan\.json"):
        PlanLock(PLAN, b"{}")(store)
    PlanLock(PLAN, b"{ }")(store)
    assert store.read(PLAN).data == b"{ }"
