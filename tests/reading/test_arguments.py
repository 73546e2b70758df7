"""What a loader is given by mistake is refused by name, before anything is opened."""

import numpy as np
import pytest

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.errors import UsageError
from wds_imagenet.reading.loader.arguments import whole

CROP = RandomResizedCrop(16)


@pytest.mark.parametrize("value", ["8", 8.0, True, None, np.float64(8), [8]])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(UsageError, match="batch_size is a whole number, and not"):
        Loader("/nowhere", CROP, value)


@pytest.mark.parametrize("value", [8, np.int64(8), np.uint8(8)])
def test_whole_numbers_of_python_and_numpy_are_taken(value):
    assert whole("n", value) == 8
    assert type(whole("n", value)) is int


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_size": 0}, "batch_size is at least 1, and not 0"),
        ({"prefetch_bytes": -1}, "prefetch_bytes is at least 0, and not -1"),
        ({"threads": 0}, "threads is at least 1, and not 0"),
        ({"threads": "2"}, "threads is a whole number, and not '2'"),
        ({"lanes": 0}, "an order needs at least one lane, not 0"),
        ({"lanes": 240.0}, r"lanes is a whole number, and not 240\.0"),
        ({"seed": "0"}, "seed is a whole number, and not '0'"),
        ({"epoch": -1}, "epoch is at least 0, and not -1"),
        ({"rank": "0", "world_size": "1"}, "rank is a whole number, and not '0'"),
        ({"batchsize": 8}, "there is no option 'batchsize': did you mean 'batch_size'?"),
        ({"shufle": False}, "there is no option 'shufle': did you mean 'shuffle'?"),
        ({"bogus": 1}, "there is no storage option 'bogus'"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_named(small_shards, options, says):
    with pytest.raises(UsageError, match=says):
        Loader(small_shards, **{"transform": CROP, "batch_size": 8, **options})


def test_a_data_set_knows_no_other_options_than_its_store(tmp_path):
    with pytest.raises(UsageError, match=r"'endpont_url' \(did you mean 'endpoint_url'\?\); there are dead"):
        Dataset.open(str(tmp_path), storage_options={"endpont_url": "http://localhost:1"})
