"""A search finds all samples of a class, and no others."""

import io
import json

import pytest
from PIL import Image

from wds_imagenet import Dataset
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.view import item_reader as module
from wds_imagenet.view.item_reader import ItemReader
from wds_imagenet.view.overview import make_overview

LABELS = [i * i % 7 for i in range(60)]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """60 small images in 60 blocks, whose keys do not tell their labels."""
    folder = tmp_path_factory.mktemp("reader")
    references = []
    for i, label in enumerate(LABELS):
        out = io.BytesIO()
        Image.new("RGB", (20 + i, 16), (i, 0, 0)).save(out, "PNG")
        path = folder / f"k{i}.png"
        path.write_bytes(out.getvalue())
        references.append(Reference(f"k{i}", str(path), 0, path.stat().st_size, path.name, label))
    options = PackOptions("small", samples_per_shard=20, block_bytes=1000)
    pack_listing(Listing(references), str(folder / "out"), options, workers=1)
    return Dataset.open(str(folder / "out"))


def everything(reader, label, count):
    """All indices of a class, page by page as a reader leafs."""
    start, found = 0, []
    while start < len(reader.dataset):
        one = reader.find(label, start, count)
        assert one.stop > start
        found += one.indices
        start = one.stop
    return found


@pytest.mark.parametrize("count", [1, 4, 100])
@pytest.mark.parametrize("label", [0, 1, 4, 3])
def test_leafing_through_a_class_finds_each_of_its_samples_once(small, label, count, monkeypatch):
    monkeypatch.setattr(module, "MAX_SEARCH_BYTES", 5000)
    expected = [i for i, sample in enumerate(small.samples()) if sample.label == label]
    assert (expected == []) == (label == 3)
    assert everything(ItemReader(small), label, count) == expected


def test_a_search_reads_a_bounded_amount(small, monkeypatch):
    monkeypatch.setattr(module, "MAX_SEARCH_BYTES", 1)
    found = ItemReader(small).find(3, 0, 5)
    assert (found.indices, 0 < found.stop < len(small)) == ([], True)


def test_blocks_without_the_class_are_skipped_if_keys_name_the_class(dataset, monkeypatch):
    label = dataset[5].label
    reader = ItemReader(dataset)
    monkeypatch.setattr(reader, "_scan", None)
    expected = [i for i, sample in enumerate(dataset.samples()) if sample.label == label]
    assert everything(reader, label, 10) == expected != []


def test_items_are_the_samples_in_their_order(small):
    items = ItemReader(small).items(range(60))
    samples = list(small.samples())
    assert [(i.index, i.key, i.label) for i in items] == [(n, s.key, s.label) for n, s in enumerate(samples)]
    assert [json.loads(i.json) for i in items] == [s.json for s in samples]
    assert [(i.width, i.height) for i in items] == [(s.json["width"], 16) for s in samples]


def test_a_sample_that_is_not_there_is_an_index_error(small):
    for index in (-1, 60):
        with pytest.raises(IndexError):
            ItemReader(small).item(index)


def test_an_overview_of_all_counts_all_and_one_of_a_part_is_marked_so(small):
    whole, part = make_overview(small), make_overview(small, max_bytes=20_000)
    assert (whole.samples, whole.complete, part.complete) == (60, True, False)
    assert 0 < part.samples < 60
    assert dict(whole.labels["label"]) == {str(label): LABELS.count(label) for label in set(LABELS)}
    assert (whole.sizes[0].least, whole.sizes[0].most) == (20, 79)
    assert make_overview(small, max_bytes=20_000) == part != make_overview(small, seed=1, max_bytes=20_000)
