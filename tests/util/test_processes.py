"""Processes."""

import os

from wds_imagenet.util.processes import usable_cpus


def test_the_usable_cpus_are_those_of_this_process() -> None:
    assert usable_cpus() == len(os.sched_getaffinity(0))
