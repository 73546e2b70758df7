"""The class table of an indexed data set: names where the samples have them, and bounded by their number."""

import time

import pytest

from wds_imagenet.indexing.class_table import ClassCounts


def table(*samples):
    counts = ClassCounts()
    for label, name in samples:
        counts.add(label, name)
    return [(item["name"], item["samples"]) for item in counts.table()]


def test_labels_without_names_are_their_numbers():
    assert table((2, None), (0, None), (2, 7)) == [("0", 1), ("1", 0), ("2", 2)]


def test_names_are_kept_where_every_class_has_one():
    assert table((1, "crane"), (0, "cat"), (3, "crane")) == [
        *(("cat", 1), ("crane", 1), ("2", 0), ("crane", 1)),
    ]
    assert table((0, "cat"), (1, None)) == [("0", 1), ("1", 1)]
    assert table((0, "cat"), (0, "dog")) == [("0", 2)]


def test_counts_of_shards_are_added():
    one, other = ClassCounts(), ClassCounts()
    one.add(0, "cat")
    one.add(1, "dog")
    other.add(1, "dog")
    one.update(other)
    assert [(item["name"], item["samples"]) for item in one.table()] == [("cat", 1), ("dog", 2)]
    other.add(1, "fox")
    one.update(other)
    assert [item["name"] for item in one.table()] == ["0", "1"]


@pytest.mark.parametrize("label", [1 << 16, 30_000_000, 5_000_000_000, 10**17])
def test_a_label_that_is_no_class_index_costs_neither_time_nor_memory(label):
    began = time.perf_counter()
    assert table((label, None), (0, None)) == []
    assert time.perf_counter() - began < 1
