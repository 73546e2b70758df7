"""An iteration that another one replaced raises an error, and loses no batch without one."""

from copy import copy

import pytest

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.errors import UsageError

AGAIN = r"another iteration of this Loader has begun.*copy\.copy\(loader\)"


def make(dataset, **options):
    return Loader(Dataset.open(str(dataset)), RandomResizedCrop(8), 100, threads=2, **options)


@pytest.fixture
def loader(small_shards):
    with make(small_shards) as one:
        yield one


@pytest.mark.parametrize("process", [False, True])
def test_a_loop_in_a_loop_is_an_error(small_shards, process):
    with make(small_shards, process=process) as loader:
        outer = iter(loader)
        next(outer)
        for _ in loader:
            break
        for _ in range(2):
            with pytest.raises(UsageError, match=AGAIN):
                next(outer)


def test_two_iterations_side_by_side_are_an_error(loader):
    with pytest.raises(UsageError, match=AGAIN):
        list(zip(loader, loader, strict=True))


def test_a_copy_iterates_side_by_side(loader):
    with copy(loader) as other:
        assert all(one.keys == two.keys for one, two in zip(loader, other, strict=True))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda one: one.set_epoch(5), r"set_epoch"),
        (lambda one: one.load_state_dict(one.state_dict()), r"load_state_dict"),
    ],
)
def test_another_position_within_the_loop_is_an_error(loader, change, name):
    iteration = iter(loader)
    next(iteration)
    change(loader)
    with pytest.raises(UsageError, match=rf"{name} was called on this Loader.*copy\.copy\(loader\)"):
        next(iteration)
    assert next(iter(loader)).keys


def test_after_the_last_batch_nothing_is_lost_and_nothing_raised(loader):
    batches = 0
    for _ in loader:
        batches += 1
        if batches == len(loader):
            loader.set_epoch(3)
    assert (batches, loader.epoch) == (5, 3)
    ended = iter(loader)
    assert len(list(ended)) == 5
    iter(loader)
    assert list(ended) == []


def test_a_closed_iteration_still_ends_if_another_begins(loader):
    iteration = iter(loader)
    next(iteration)
    loader.close()
    iter(loader)
    assert list(iteration) == []
