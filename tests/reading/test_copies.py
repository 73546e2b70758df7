"""A copy of a loader is independent, and other programs' uses of one work or get an error that names ours."""

import copy
import pickle

import pytest

from wds_imagenet import Loader, RandomResizedCrop
from wds_imagenet.errors import NoAttributeError, UsageError

CROP = RandomResizedCrop(8, flip=True)
COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda loader: pickle.loads(pickle.dumps(loader)),
}


def contents(batches):
    return [(batch.keys, batch.images.numpy().tobytes()) for batch in batches]


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_a_copy_in_the_midst_of_an_epoch_continues_on_its_own(small_shards, make):
    whole = Loader(str(small_shards), CROP, 96, seed=5, last="drop")
    epochs = [contents(whole) for _ in range(2)]
    loader = Loader(str(small_shards), CROP, 96, seed=5, last="drop")
    iteration = iter(loader)
    next(iteration)
    other = make(loader)
    assert other.state_dict() == loader.state_dict()
    assert contents([next(iter(other))]) == epochs[0][1:2]
    assert contents(iteration) == epochs[0][1:]
    assert contents(make(loader)) == contents(loader) == epochs[1]


def test_a_copy_of_a_loader_with_a_process_starts_its_own(small_shards):
    with Loader(str(small_shards), CROP, 96, process=True) as loader, copy.copy(loader) as other:
        assert contents([next(iter(loader))]) == contents([next(iter(other))])
        assert other._source is not loader._source


def test_a_pickled_loader_has_all_of_its_options(small_shards):
    options = {
        "batch_size": 7,
        "seed": 9,
        "epoch": 3,
        "lanes": 36,
        "threads": 3,
        "last": "pad",
        "shuffle": True,
    }
    more = {"on_bad": "skip", "with_json": True, "with_captions": True, "rank": 1, "world_size": 2}
    one = Loader(str(small_shards), CROP, **options, **more, prefetch_bytes=5)
    other = pickle.loads(pickle.dumps(one))
    assert repr(other) == repr(one)
    assert other.state_dict() == one.state_dict()
    assert other.rank_slice == one.rank_slice
    assert other._epochs.spec == one._epochs.spec
    assert (other.threads, other._epochs.prefetch_bytes) == (3, 5)


def test_a_transform_that_cannot_be_pickled_is_picklings_own_error(small_shards):
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(Loader(str(small_shards), lambda sample: sample.image, 8))


def test_an_attribute_of_a_data_loader_is_answered_with_ours(small_shards):
    loader = Loader(str(small_shards), CROP, 8)
    with pytest.raises(
        NoAttributeError, match=r"no 'sampler', which is DataLoader's: shuffle=.*load_state_dict"
    ):
        _ = loader.sampler
    with pytest.raises(NoAttributeError, match=r"no 'collate_fn'.*IterableDataset"):
        _ = loader.collate_fn
    with pytest.raises(NoAttributeError, match="a Loader has no attribute 'batchez'"):
        _ = loader.batchez
    assert not hasattr(loader, "batch_sampler")
    assert getattr(loader, "num_workers", None) is None
    with pytest.raises(UsageError, match=r"a Loader has no items: .*wds_imagenet\.torch\.IterableDataset"):
        _ = loader[0]
