"""Processes."""

import os

import pytest

from wds_imagenet.util.processes import usable_cpus


def test_the_usable_cpus_are_those_of_this_process() -> None:
    assert usable_cpus() == len(os.sched_getaffinity(0))


def test_a_system_without_cpu_affinity_counts_its_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, usable in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert usable_cpus() == usable
