"""Samples joined with label layers keep their order, and every byte is verified."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from wds_imagenet import Dataset, Decode, Loader, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.errors import CorruptError, ManifestError, UsageError
from wds_imagenet.images.crop import random_crop
from wds_imagenet.images.probe import probe
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.reading.batches.soft_labels import read_array
from wds_imagenet.reading.findings.blocks import verify_blocks, verify_layer_blocks
from wds_imagenet.reading.layers import list_layers, merge
from wds_imagenet.reading.verify import verify
from wds_imagenet.sample import Sample
from wds_imagenet.storage import open_store
from wds_imagenet.torch import IterableDataset
from wds_imagenet.util.rng import Rng

LAYERS = ".wds-imagenet/layers"
COUNT = 48
CROP = RandomResizedCrop(64)


def label_map(number):
    """A label map as ReLabel has them: float16 [2, 5, 15, 15]."""
    draw = np.random.default_rng(number)
    names = np.argsort(draw.random((1000, 15, 15)), axis=0)[:5]
    return np.stack([draw.normal(0, 5, (5, 15, 15)), names]).astype(np.float16)


@pytest.fixture(scope="module")
def layered(photo_paths, tmp_path_factory):
    """Photos in 3 shards, with a layer of captions, one of label maps and one of other labels."""
    root = tmp_path_factory.mktemp("layered")
    references, entries, rows = [], [], ["ImageId,PredictionString"]
    for i, path in enumerate(photo_paths[:COUNT]):
        wnid = path.name[:9]
        key = f"{wnid}_{i}"
        references.append(Reference(key, str(path), 0, path.stat().st_size, f"{key}.JPEG", i % 4, f"old {i}"))
        entries.append({"filename": f"{key}.JPEG", "wnid": wnid, "title": f"new {i}", "tags": []})
        rows.append(f"{key},{wnid} 1 1 5 5 ")
        (root / "maps" / wnid).mkdir(parents=True, exist_ok=True)
        torch.save(torch.from_numpy(label_map(i)), root / "maps" / wnid / f"{key}.pt")
    (root / "captions.json").write_text(json.dumps(entries))
    (root / "kaggle.csv").write_text("\n".join(rows) + "\n")
    wnids = sorted({e["wnid"] for e in entries})
    wnids += [f"n{99_000_000 + i:08d}" for i in range(1000 - len(wnids))]
    (root / "synsets.txt").write_text("".join(f"{w} name of {w}\n" for w in wnids))
    data = root / "data"
    options = PackOptions("d", samples_per_shard=16, block_bytes=200_000)
    pack_listing(Listing(references), str(data), options, workers=1)
    add_layer(str(data), captions=str(root / "captions.json"), workers=1)
    add_layer(str(data), labels={"relabel": str(root / "maps")}, layer="maps", workers=1)
    kaggle = {"kaggle": str(root / "kaggle.csv")}
    add_layer(
        str(data), labels=kaggle, label_options={"kaggle.synsets": str(root / "synsets.txt")}, workers=1
    )
    return data


@pytest.fixture
def copy(layered, tmp_path):
    return shutil.copytree(layered, tmp_path / "data")


def number(key):
    return int(key.partition("_")[2])


def damage(copy, layer, at):
    """Flip a bit in the first tar of a layer, and return its name."""
    shard = min((copy / LAYERS / layer).glob("*.tar"))
    data = bytearray(shard.read_bytes())
    data[at] ^= 8
    shard.chmod(0o644)
    shard.write_bytes(data)
    return shard.name


def test_the_layers_members_replace_and_its_fields_are_merged_over(layered):
    plain, over = (
        Dataset.open(str(layered)),
        Dataset.open(str(layered), layers=["captions", "kaggle", "maps"]),
    )
    for old, new in zip(plain.samples(), over.samples(), strict=True):
        i = number(new.key)
        assert (old.key, old.image) == (new.key, new.image)
        assert (old.caption, new.caption) == (f"old {i}", f"new {i}")
        assert new.json["title"] == f"new {i}"
        assert new.json["filename"] == old.json["filename"]
        assert (old.label, old.json["label"]) == (i % 4, i % 4)
        assert new.json["label"] == new.label
        assert over.classes[new.label]["wnid"] == new.key[:9] == new.json["wnid"]
        assert np.array_equal(read_array(new.members["relabel.npy"]), label_map(i))
    assert over.suffixes == ("cls", "image", "json", "txt", "relabel.npy")
    assert over[5].caption == next(s.caption for s in over.samples() if s.key == over[5].key)


def test_a_data_set_without_layers_reads_as_before(layered):
    assert Dataset.open(str(layered)).suffixes == ("cls", "image", "json", "txt")
    assert list_layers(open_store(str(layered))) == ["captions", "kaggle", "maps"]


def test_the_order_is_that_of_the_data_set_and_its_state_loads(layered):
    loaders = [
        Loader(str(layered), CROP, 8, lanes=8, layers=layers, with_captions=True, threads=2)
        for layers in ([], ["captions", "kaggle"])
    ]
    plain, over = (list(loader) for loader in loaders)
    assert [b.keys for b in plain] == [b.keys for b in over]
    for before, after in zip(plain, over, strict=True):
        assert torch.equal(before.images, after.images)
        assert after.captions == [f"new {number(key)}" for key in after.keys]
        assert not torch.equal(before.labels, after.labels)
    state = loaders[0].state_dict()
    loaders[1].load_state_dict(state)
    assert loaders[1].epoch == 1


def points(start, stop):
    """Return the points of one axis that RoIAlign samples, in the coordinates of `grid_sample`."""
    length = max(stop - start, 1.0)
    count = math.ceil(length)
    at = start + (torch.arange(count) + 0.5) * length / count
    return at.clamp(0, 14) / 7 - 1


def reference_label(key, box):
    """The published formula: scatter, RoIAlign to 1 × 1 (torch's own bilinear sampling), softmax."""
    maps = torch.from_numpy(label_map(number(key))).float()
    scores = torch.zeros(1000, 15, 15).scatter_(0, maps[1].long(), maps[0])
    left, top, right, bottom = (15 * edge - 0.5 for edge in box)
    y, x = torch.meshgrid(points(top, bottom), points(left, right), indexing="ij")
    grid = torch.stack([x, y], -1)[None]
    found = torch.nn.functional.grid_sample(scores[None], grid, align_corners=True)
    return found[0].mean((1, 2)).softmax(0)


def test_soft_labels_belong_to_the_drawn_crops(layered):
    dataset = Dataset.open(str(layered), layers=["maps"])
    sizes = {s.key: (probe(s.image).width, probe(s.image).height) for s in dataset.samples()}
    seen = 0
    loader = Loader(dataset, CROP, 8, lanes=8, threads=2, soft_labels=True, seed=3)
    for batch in loader:
        assert batch.soft_labels.dtype == torch.float32
        assert batch.soft_labels.shape == (8, 1000)
        for row, key in enumerate(batch.keys):
            width, height = sizes[key]
            crop = random_crop(width, height, Rng(3, 0, dataset.index_of(key)))
            left, top, right, bottom = crop.box
            box = left / width, top / height, right / width, bottom / height
            expected = reference_label(key, box)
            assert torch.allclose(batch.soft_labels[row], expected, atol=1e-5), key
            seen += 1
    assert seen == COUNT


def test_a_mirror_changes_no_soft_label_and_a_center_crop_has_one(layered):
    dataset = Dataset.open(str(layered), layers=["maps"])
    one, other = (
        torch.cat(
            [b.soft_labels for b in Loader(dataset, RandomResizedCrop(32, flip=f), 12, soft_labels=True)]
        )
        for f in (0.0, 1.0)
    )
    assert torch.equal(one, other)
    central = Loader(dataset, ResizeCenterCrop(64, 56), 12, soft_labels=True, shuffle=False)
    batch = next(iter(central))
    assert torch.allclose(batch.soft_labels.sum(1), torch.ones(12))


def test_a_data_loader_gives_the_same_soft_labels(layered):
    options = {"lanes": 8, "soft_labels": True, "layers": ["maps"], "seed": 1}
    own = list(Loader(str(layered), CROP, 16, **options))
    dataset = IterableDataset(str(layered), CROP, 16, **options)
    theirs = list(DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context="forkserver"))
    assert [b.keys for b in own] == [b.keys for b in theirs]
    assert all(torch.equal(a.soft_labels, b.soft_labels) for a, b in zip(own, theirs, strict=True))


def test_a_process_of_its_own_gives_the_same_soft_labels_and_captions(layered):
    options = {"lanes": 8, "soft_labels": True, "layers": ["maps", "captions"], "with_captions": True}
    with Loader(str(layered), CROP, 8, process=True, **options) as there:
        for own, theirs in zip(Loader(str(layered), CROP, 8, **options), there, strict=True):
            assert torch.equal(own.soft_labels, theirs.soft_labels)
            assert own.captions == theirs.captions


def test_padding_has_no_soft_label_and_a_batch_without_them_none(layered):
    last = list(Loader(str(layered), CROP, 20, lanes=4, soft_labels=True, layers=["maps"]))[-1]
    assert int(last.mask.sum()) == 8
    assert torch.equal(last.soft_labels.sum(1) > 0.5, last.mask)
    moved = last.to("cpu")
    assert torch.equal(moved.soft_labels, last.soft_labels)
    assert next(iter(Loader(str(layered), CROP, 8))).soft_labels is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"soft_labels": True}, r"have no relabel\.npy, only cls, image, json, txt"),
        ({"soft_labels": True, "layers": ["maps"], "transform": Decode()}, "soft labels belong to crops"),
        ({"layers": "maps"}, r"a list of names: pass \['maps'\]"),
        ({"layers": ["../maps"]}, "cannot name a layer"),
    ],
)
def test_mistakes_are_refused_before_anything_is_read(layered, options, message):
    options = {"transform": CROP, **options}
    with pytest.raises(UsageError, match=message):
        Loader(str(layered), options.pop("transform"), 8, **options)


def test_layers_belong_to_a_url(layered):
    with pytest.raises(UsageError, match="layers belong to a URL"):
        Loader(Dataset.open(str(layered)), CROP, 8, layers=["maps"])


def test_a_layer_that_is_not_there_or_not_finished_is_named(copy):
    with pytest.raises(ManifestError, match=r"no layer 'x', only captions, kaggle, maps"):
        Dataset.open(str(copy), layers=["x"])
    (copy / LAYERS / "maps" / "manifest.json").unlink()
    with pytest.raises(
        ManifestError, match=r"no layer 'maps', only captions, kaggle.*'add-layer' was interrupted"
    ):
        Dataset.open(str(copy), layers=["maps"])


def test_a_layer_of_another_data_set_is_refused(copy, small_shards, tmp_path):
    other = shutil.copytree(small_shards, tmp_path / "other")
    shutil.copytree(copy / LAYERS, other / LAYERS)
    with pytest.raises(ManifestError, match="'captions' was made for another data set"):
        Dataset.open(str(other), layers=["captions"])


def test_a_layer_whose_plan_was_changed_is_refused(copy):
    plan = copy / LAYERS / "maps" / "plan.json"
    plan.write_bytes(plan.read_bytes().replace(b'"count":48', b'"count":49'))
    with pytest.raises(ManifestError, match="does not belong to its plan"):
        Dataset.open(str(copy), layers=["maps"])


@pytest.mark.parametrize("at", [5, 700, 2000])
def test_a_flipped_bit_in_a_layer_is_an_error_that_names_its_location(copy, at):
    name = damage(copy, "captions", at)
    assert sum(1 for _ in Dataset.open(str(copy)).samples()) == COUNT
    place = rf"layers/captions/{name}, bytes 0 to [\d,]+: the block's checksum"
    with pytest.raises(CorruptError, match=place) as caught:
        list(Dataset.open(str(copy), layers=["captions"]).samples())
    assert "run the same 'add-layer'" in str(caught.value)
    with pytest.raises(CorruptError, match=place):
        list(Loader(str(copy), CROP, 8, layers=["captions"]))


def test_verify_finds_the_faults_of_a_layer(copy):
    dataset = Dataset.open(str(copy), layers=["captions", "maps"])
    assert not [
        f for layer in dataset.layers for c in verify_layer_blocks(dataset, layer) for f in c.findings
    ]
    assert not [f for c in verify_blocks(dataset) for f in c.findings]
    name = damage(copy, "captions", 700)
    (extra := copy / LAYERS / "maps" / "extra.tar").write_bytes(b"")
    captions, maps = Dataset.open(str(copy), layers=["captions", "maps"]).layers
    found = [f for c in verify_layer_blocks(dataset, captions) for f in c.findings]
    assert (found[0].shard, found[0].offset) == (f"{LAYERS}/captions/{name}", 0)
    strays = [f for c in verify_layer_blocks(dataset, maps) for f in c.findings]
    assert [f.shard for f in strays] == [str(extra.relative_to(copy))]
    assert not [f for c in verify_blocks(dataset) for f in c.findings]


def test_verify_reads_every_finished_layer_or_those_that_are_named(copy):
    whole = verify(copy)
    assert whole.ok
    assert whole.layers == ("captions", "kaggle", "maps")
    assert whole.samples == whole.expected_samples == COUNT
    with pytest.raises(ManifestError, match="no layer 'x'"):
        verify(copy, layers=["x"])
    name, seen = damage(copy, "captions", 700), []
    report = verify(copy, on_progress=seen.append)
    assert {finding.shard for finding in report.findings} == {f"{LAYERS}/captions/{name}"}
    assert [finding for one in seen for finding in one.findings] == list(report.findings)
    assert verify(copy, layers=["maps"]).ok
    assert verify(copy, layers=()).layers == ()


def test_verify_finds_a_layer_without_its_manifest(copy):
    folder = copy / LAYERS / "maps"
    (folder / "manifest.json").unlink()
    report = verify(copy)
    assert [(f.file, f.what) for f in report.findings] == [
        (
            f"{LAYERS}/maps/",
            "unfinished or lost layer: run add-layer again, or remove the folder",
        )
    ]
    assert report.layers == ("captions", "kaggle")
    assert verify(copy, layers=["captions"]).ok
    shutil.rmtree(folder)
    assert verify(copy).ok
    folder.mkdir()
    (folder / ".DS_Store").write_bytes(b"")
    assert verify(copy).ok


def test_layers_on_an_object_store(layered, s3_url):
    store = open_store(s3_url)
    for path in sorted(p for p in layered.rglob("*") if p.is_file()):
        store.put(str(path.relative_to(layered)), path.read_bytes())
    with Loader(s3_url, CROP, 8, layers=["captions", "maps"], soft_labels=True, with_captions=True) as loader:
        here = Loader(str(layered), CROP, 8, layers=["captions", "maps"], soft_labels=True)
        for one, other in zip(loader, here, strict=True):
            assert one.keys == other.keys
            assert torch.equal(one.soft_labels, other.soft_labels)
        assert loader.stats().blocks % 3 == 0


def test_samples_of_other_keys_are_never_merged():
    with pytest.raises(CorruptError, match="'b' where 'a' belongs"):
        merge(Sample("a", {}), Sample("b", {}))


@pytest.mark.parametrize("bad", [b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00" + bytes(80)])
def test_bytes_that_are_no_array_are_a_value_error(bad):
    with pytest.raises(ValueError, match=r"array|magic|header|version"):
        read_array(bad)
