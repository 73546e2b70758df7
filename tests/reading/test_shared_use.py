"""A data set that several threads use for the first time is also pickled for a child process."""

import pickle
import threading
import time

import pytest

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.errors import UsageError


class Slow:
    """A value that takes its time to be pickled, as a large manifest does."""

    def __reduce__(self):
        time.sleep(0.2)
        return Slow, ()


def test_a_data_set_can_be_pickled_while_its_caches_fill(small_shards):
    dataset = Dataset.open(str(small_shards))
    dataset.fetcher._etags["slow"] = Slow()
    dataset.manifest.__dict__["slow"] = Slow()
    dataset.__dict__["slow"] = Slow()
    dumped = []
    thread = threading.Thread(target=lambda: dumped.append(pickle.dumps(dataset)))
    thread.start()
    for number in range(40):
        dataset.fetcher._etags[str(number)] = None
        dataset.manifest.__dict__[str(number)] = None
        dataset.__dict__[str(number)] = None
        time.sleep(0.01)
    thread.join()
    (data,) = dumped
    assert [sample.key for sample in pickle.loads(data).samples()] == list(dataset.keys())


def test_a_process_starts_while_another_thread_uses_the_data_set(small_shards):
    dataset = Dataset.open(str(small_shards))
    with Loader(dataset, RandomResizedCrop(8), 100, process=True) as loader:
        threads = [
            threading.Thread(target=use)
            for use in (loader.close, lambda: list(dataset.samples()), lambda: dataset["k0001"])
        ]
        for thread in threads:
            thread.start()
        keys = [key for batch in loader.batches(0) for key in batch.keys]
        for thread in threads:
            thread.join()
    assert sorted(keys) == sorted(dataset.keys())


def test_a_slice_is_a_list_of_samples_and_reads_each_block_once(small_shards, monkeypatch):
    dataset = Dataset.open(str(small_shards))
    keys = list(dataset.keys())
    read = []
    samples = dataset.blocks.samples
    monkeypatch.setattr(dataset.blocks, "samples", lambda at: read.append(at) or samples(at))
    for item in (slice(0, 3), slice(-2, None), slice(None, None, -50), slice(9, 4), slice(0, 10**9, 100)):
        assert [sample.key for sample in dataset[item]] == keys[item]
    read.clear()
    assert len(dataset[:]) == 500
    assert read == dataset.block_locations


@pytest.mark.parametrize("item", [1.0, None, True, (0, 1), [0], b"k0001"])
def test_an_item_of_another_kind_is_named(small_shards, item):
    with pytest.raises(UsageError, match="an index is a whole number, and not"):
        _ = Dataset.open(str(small_shards))[item]
