import numpy as np
import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.conventions import UNKNOWN, ClassIds, merge_class_ids, to_labels
from wds_imagenet.evaluation.predictions import NO_GUESS

TABLE = ClassIds("kit", 3, ("n00000010", "n00000020", "n00000030"), (2, 3, 1))


@pytest.mark.parametrize(
    ("convention", "labels"),
    [
        ("ilsvrc2012-id", [UNKNOWN, 2, 0, 1, UNKNOWN]),
        ("sorted-index", [0, 1, 2, UNKNOWN, UNKNOWN]),
        ("kaggle", [UNKNOWN, 0, 1, 2, UNKNOWN]),
    ],
)
def test_a_number_is_another_class_by_each_convention(convention, labels):
    numbers = np.array([[0, 1, 2, 3, 999_999_999]])
    assert to_labels(numbers, convention, TABLE).tolist() == [labels]


def test_a_wnid_is_its_class():
    numbers = np.array([[30, 10, 15, 40, NO_GUESS]])
    assert to_labels(numbers, "wnid", TABLE).tolist() == [[2, 0, UNKNOWN, UNKNOWN, NO_GUESS]]


def test_the_sorted_index_is_not_the_label_where_the_classes_are_not_sorted():
    table = ClassIds("list", 3, ("n00000020", "n00000010", "n00000030"))
    assert to_labels(np.array([[0, 1, 2]]), "sorted-index", table).tolist() == [[1, 0, 2]]


def test_all_thousand_identities_are_the_devkits(kit, truth_ids):
    table = ClassIds("kit", 1000, None, tuple(info.ilsvrc2012_id for info in kit.classes))
    assert to_labels(truth_ids, "ilsvrc2012-id", table).tolist() == list(kit.validation)


def test_a_convention_needs_its_class_ids():
    with pytest.raises(UsageError, match="ilsvrc2012-id needs the devkit"):
        to_labels(np.array([[1]]), "ilsvrc2012-id", ClassIds("real", 1000))


def test_files_that_contradict_each_other_are_refused():
    with pytest.raises(SourceError, match=r"label 0 is n00000010 in kit, but n00000011 in other"):
        merge_class_ids([TABLE, ClassIds("other", 3, ("n00000011", "n00000020", "n00000030"))])
    with pytest.raises(SourceError, match="kit has 3 classes, but real has 1,000"):
        merge_class_ids([TABLE, ClassIds("real", 1000)])
