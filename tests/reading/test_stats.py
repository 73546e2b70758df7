"""The verdict names the stage that holds a loader up."""

import time

import numpy as np
import pytest

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.reading.batches.stats import Stats


@pytest.mark.parametrize(
    ("stats", "sentence"),
    [
        (Stats(), "The bottleneck is unknown: no batch was handed out yet."),
        (
            Stats(batches=10, wait_seconds=0.1, consumer_seconds=9.9),
            "The training loop is the bottleneck: it takes 990.0 ms a batch, and waits ",
        ),
        (
            Stats(batches=1, wait_seconds=2, starved_seconds=3, transform_seconds=1, bytes=10**7),
            "The store is the bottleneck: decoding threads waited for blocks 75% of their time, while 5.0 ",
        ),
        (
            Stats(
                batches=1,
                samples=100,
                wait_seconds=2,
                transform_seconds=2,
                transform_cpu_seconds=2,
                own_cpu_seconds=1.5,
            ),
            "The transform in Python is the bottleneck: it takes 15.00 ms an image, 75% of the ",
        ),
        (
            Stats(
                batches=1,
                samples=100,
                wait_seconds=2,
                transform_cpu_seconds=2,
                own_cpu_seconds=1.5,
                process_cpu_seconds=2,
            ),
            "The transform in Python is the bottleneck: it takes 15.00 ms an image, 75% of the ",
        ),
        (
            Stats(batches=1, samples=100, wait_seconds=2, transform_seconds=2, transform_cpu_seconds=2),
            "Decoding is the bottleneck: 20.00 ms of CPU time an image; ",
        ),
    ],
)
def test_each_bottleneck_has_its_sentence(stats, sentence):
    assert stats.verdict().startswith(sentence)


def test_a_transform_in_python_gets_a_process_and_in_a_process_workers():
    python = {"batches": 1, "samples": 9, "wait_seconds": 2, "transform_cpu_seconds": 2, "own_cpu_seconds": 2}
    assert "; process=True keeps it from holding the GIL" in Stats(**python).verdict()
    assert "num_workers=" in Stats(**python, process_cpu_seconds=2).verdict()


def slow_python(sample):
    count = sum(i * i for i in range(20_000))
    return np.array([count, int(sample.image[0, 0, 0])])


def test_a_loader_with_a_slow_stage_is_told_apart(small_shards, photo_shards, monkeypatch):
    python = Loader(str(small_shards), slow_python, 50, threads=2)
    assert sum(len(batch) for batch in python) == 500
    assert python.stats().verdict().startswith("The transform in Python is the bottleneck")

    loop = Loader(str(small_shards), RandomResizedCrop(8), 100, threads=2)
    for _ in loop:
        time.sleep(0.3)
    assert loop.stats().verdict().startswith("The training loop is the bottleneck")

    decoding = Loader(str(photo_shards), RandomResizedCrop(224), 100, threads=2, lanes=4)
    list(decoding)
    assert decoding.stats().verdict().startswith("Decoding is the bottleneck")

    dataset = Dataset.open(str(small_shards))
    read = dataset.blocks.read
    monkeypatch.setattr(dataset.blocks, "read", lambda at: (time.sleep(0.1), read(at))[1])
    store = Loader(dataset, RandomResizedCrop(8), 50, threads=2, lanes=4, prefetch_bytes=0)
    list(store)
    assert store.stats().verdict().startswith("The store is the bottleneck")
