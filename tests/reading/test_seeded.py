"""Augmentations of other libraries are reproducible within `sample.seeded()`."""

import random
import threading

import numpy as np
import pytest
import torch

from wds_imagenet import Loader
from wds_imagenet.errors import UsageError


def drawn(sample):
    """Draw in the ways of torchvision: functions, methods in place, and functions of another tensor."""
    with sample.seeded():
        ones = torch.ones(2)
        return torch.cat(
            [
                *(
                    torch.rand(2),
                    torch.randint(0, 99, (2,)),
                    torch.empty(2).uniform_(-1, 1),
                    torch.randperm(3),
                ),
                *(torch.normal(0.0, 1.0, (2,)), torch.multinomial(ones, 2), torch.rand_like(ones)),
            ]
        ).numpy()


def drawn_of_all(sample):
    with sample.seeded(python_and_numpy=True):
        return np.array([random.random(), np.random.rand(), float(torch.rand(()))])  # noqa: NPY002


@pytest.mark.parametrize("transform", [drawn, drawn_of_all])
def test_two_runs_are_equal_on_any_threads_and_after_a_resume(small_shards, transform):
    one = Loader(str(small_shards), transform, 100, threads=1)
    first = [batch.images for batch in one]
    torch.manual_seed(99)
    stop = threading.Event()
    disturbing = threading.Thread(target=lambda: [torch.rand(9) for _ in iter(stop.is_set, True)])
    disturbing.start()
    two = Loader(str(small_shards), transform, 100, threads=4)
    two.load_state_dict({**two.state_dict(), "samples": 200})
    again = [batch.images for batch in two]
    stop.set()
    disturbing.join()
    assert all(torch.equal(a, b) for a, b in zip(first[2:], again, strict=True))
    assert len({row.numpy().tobytes() for images in first for row in images}) == 500


def test_the_global_generators_are_left_as_they_were(small_shards):
    torch.manual_seed(1)
    random.seed(2)
    np.random.seed(3)  # noqa: NPY002
    expected = float(torch.rand(())), random.random(), np.random.rand()  # noqa: NPY002
    torch.manual_seed(1)
    random.seed(2)
    np.random.seed(3)  # noqa: NPY002
    list(Loader(str(small_shards), drawn_of_all, 100))
    assert (float(torch.rand(())), random.random(), np.random.rand()) == expected  # noqa: NPY002


def test_a_function_that_takes_no_generator_is_an_error(small_shards):
    def dropping(sample):
        with sample.seeded():
            return torch.nn.functional.dropout(torch.ones(3)).numpy()

    with pytest.raises(UsageError, match="torch's dropout takes no generator"):
        next(iter(Loader(str(small_shards), dropping, 10)))
