"""A wrong argument of a loader is rejected by its name, before anything is opened."""

import re
from inspect import signature

import numpy as np
import pytest
from torch.utils.data import DataLoader

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.errors import UsageError
from wds_imagenet.reading.arguments import whole
from wds_imagenet.torch import IterableDataset

CROP = RandomResizedCrop(16)


@pytest.mark.parametrize("value", ["8", 8.0, True, None, np.float64(8), [8]])
def test_other_values_than_whole_numbers_are_refused(value):
    with pytest.raises(UsageError, match="batch_size is a whole number, and not"):
        Loader("/nowhere", CROP, value)


@pytest.mark.parametrize("value", [8, np.int64(8), np.uint8(8)])
def test_whole_numbers_of_python_and_numpy_are_taken(value):
    assert whole("n", value) == 8
    assert type(whole("n", value)) is int


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is at least 1, and not 0"),
        ({"prefetch_bytes": -1}, "prefetch_bytes is at least 0, and not -1"),
        ({"batch_size": 10**12}, "batch_size is at most 16777216, and not 1000000000000: choose a smaller"),
        ({"rank": 0, "world_size": 10**9}, "world_size is at most 1048576, and not 1000000000"),
        (
            {"rank": 0, "world_size": 10**5000},
            "world_size is at most 1048576, and not a number of 16610 bits",
        ),
        ({"threads": 0}, "threads is at least 1, and not 0"),
        ({"threads": "2"}, "threads is a whole number, and not '2'"),
        ({"lanes": 0}, "an order needs at least one lane, and at most 1048576; not 0"),
        ({"lanes": 240.0}, r"lanes is a whole number, and not 240\.0"),
        ({"seed": "0"}, "seed is a whole number, and not '0'"),
        ({"epoch": -1}, "epoch is at least 0, and not -1"),
        ({"rank": "0", "world_size": "1"}, "rank is a whole number, and not '0'"),
        ({"batchsize": 8}, "there is no argument 'batchsize': did you mean 'batch_size'?"),
        ({"shufle": False}, "there is no argument 'shufle': did you mean 'shuffle'?"),
        (
            {"num_worker": 4},
            "there is no argument 'num_worker', which is like DataLoader's num_workers: threads=",
        ),
        ({"endpoint_url": "x"}, r"storage_options=\{'endpoint_url': …\}"),
        (
            {"bogus": 1},
            r"no argument 'bogus'; an option of the store goes into storage_options=\{'bogus': …\}",
        ),
        ({"storage_options": {"bogus": 1}}, "there is no storage option 'bogus'"),
    ],
)
def test_an_impossible_argument_is_named(small_shards, options, message):
    with pytest.raises(UsageError, match=message):
        Loader(small_shards, **{"transform": CROP, "batch_size": 8, **options})


@pytest.mark.parametrize("options", [{}, {"process": True}, {"pin_memory": True}], ids=str)
def test_a_batch_that_cannot_be_allocated_is_an_error_that_names_its_size(small_shards, options):
    most = 1 << 24
    remedy = "choose a smaller batch_size" + ", or pin_memory=False" * ("pin_memory" in options)
    with (
        Loader(small_shards, RandomResizedCrop(4096), most, **{"pin_memory": False, **options}) as loader,
        pytest.raises(UsageError, match=rf"^batch_size {most}: 844,424,930,131,968 bytes .* {remedy}$"),
    ):
        next(iter(loader))


def test_a_data_set_accepts_only_the_options_of_its_store(tmp_path):
    with pytest.raises(UsageError, match=r"'endpont_url' \(did you mean 'endpoint_url'\?\); there are dead"):
        Dataset.open(str(tmp_path), storage_options={"endpont_url": "http://localhost:1"})


DATA_LOADERS = [
    *("num_workers", "sampler", "batch_sampler", "collate_fn", "worker_init_fn", "persistent_workers"),
    *(
        "prefetch_factor",
        "timeout",
        "multiprocessing_context",
        "generator",
        "pin_memory_device",
        "in_order",
        "drop_last",
    ),
]


@pytest.mark.parametrize("name", DATA_LOADERS)
@pytest.mark.parametrize("kind", [Loader, IterableDataset])
def test_an_argument_of_the_data_loader_is_answered_with_ours(kind, name):
    assert name in signature(DataLoader).parameters
    with pytest.raises(UsageError, match=rf"no argument '{name}', which is DataLoader's: .*[=a-z]") as caught:
        kind("/nowhere", CROP, 8, **{name: 1})
    *_, advice = str(caught.value).split(": ", 1)
    ours = [word for word in re.findall(r"(\w+)=", advice) if word != "seconds"]
    assert set(ours) <= {*signature(Loader).parameters}
    assert ours or name in {"collate_fn", "worker_init_fn", "persistent_workers", "in_order"}


def test_every_argument_of_the_data_loader_is_ours_or_answered():
    theirs = {*signature(DataLoader).parameters} - {
        "dataset",
        "batch_size",
        "shuffle",
        "pin_memory",
    }
    assert theirs <= {*DATA_LOADERS}
