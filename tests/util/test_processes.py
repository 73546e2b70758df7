"""Processes."""

import os
import tempfile

import pytest

from wds_imagenet.errors import UsageError
from wds_imagenet.util.processes import check_socket_path, usable_cpus


def test_the_usable_cpus_are_those_of_this_process() -> None:
    assert usable_cpus() == len(os.sched_getaffinity(0))


def test_a_system_without_cpu_affinity_counts_its_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, usable in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert usable_cpus() == usable


def test_a_temporary_folder_with_a_path_too_long_for_a_socket_is_named(monkeypatch, tmp_path):
    check_socket_path()
    long = tmp_path / ("x" * 100)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(UsageError, match=r"x{100} is too long for a socket: set TMPDIR"):
        check_socket_path()
