"""`bench` measures a loader, in this process and in a child process."""

import pytest

from wds_imagenet import Loader, RandomResizedCrop
from wds_imagenet.reading.benchmark import measure

CROP = RandomResizedCrop(64)


@pytest.fixture(params=[False, True], ids=["threads", "process"])
def measured(small_shards, request):
    with Loader(str(small_shards), CROP, 48, threads=2, process=request.param) as loader:
        return measure(loader, 0.5)


def test_all_the_cpu_time_is_counted_whichever_process_used_it(measured):
    stats = measured.stats
    parts = stats.fetch_cpu_seconds + stats.walk_cpu_seconds + stats.transform_cpu_seconds
    assert 0 < parts <= measured.cpu_seconds
    assert 0 < stats.native_cpu_seconds <= stats.transform_cpu_seconds or not stats.native_cpu_seconds


def test_counting_begins_after_the_first_batch(small_shards):
    with Loader(str(small_shards), CROP, 48, threads=1) as loader:
        before = measure(loader, 0.01)
    assert before.stats.batches >= 1
    assert before.stats.first_batch_seconds > 0
    assert before.stats.batches == loader.stats().batches - 1


def test_the_loaders_own_process_is_in_the_memory(small_shards):
    peaks = []
    for process in (False, True):
        with Loader(str(small_shards), CROP, 48, threads=2, process=process) as loader:
            peaks.append(measure(loader, 0.01).peak_bytes)
    assert peaks[1] > peaks[0] + (64 << 20)  # it has its own Python and torch
