import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.sources import columns
from wds_imagenet.sources.columns import CellType, choose_column, choose_label, parse_null
from wds_imagenet.sources.label_cells import LabelValues, class_name


def typed(cells):
    column = CellType()
    for cell in cells:
        column.add(cell)
    return [column.parse(cell) for cell in cells]


INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.lists(INT64, min_size=1))
def test_a_column_of_integers_is_read_back(numbers):
    found = typed([str(number) for number in numbers])
    assert found == numbers
    assert all(type(number) is int for number in found)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_column_of_floats_is_read_back(numbers):
    found = typed([repr(number) for number in numbers])
    assert found == numbers
    assert all(type(number) is float for number in found)


@given(st.lists(st.text(), min_size=1))
def test_a_value_is_read_as_a_number_only_if_it_was_written_as_one(cells):
    for cell, value in zip(cells, typed(cells), strict=True):
        assert value == cell or math.isclose(float(cell), value)


@pytest.mark.parametrize(
    "cell",
    [
        *("", "007", "-0", "+1", "1e5", "12e45678", "000060e3121c7305", "0000000000012345"),
        *("0000000000012e45", "9223372036854775808", "nan", "inf", "1e+999", " 1", "1_000", "1.", ".5"),
        *("٣", "0x1f", "True"),
    ],
)
def test_one_cell_that_is_no_plain_number_keeps_all_as_text(cell):
    assert typed(["1", cell]) == ["1", cell]
    assert typed(["1.5", cell]) == ["1.5", cell]


def test_whole_numbers_among_fractions_are_fractions():
    found = typed(["1", "2.5", "-3e-2"])
    assert found == [1.0, 2.5, -0.03]
    assert all(type(number) is float for number in found)


def test_columns_are_found_by_their_usual_names_in_the_usual_order():
    names = ["URL", "Title", "Class", "path"]
    assert choose_column(names, None, columns.IMAGE, "t.csv") == "path"
    assert choose_column(names, None, columns.LABEL, "t.csv") == "Class"
    assert choose_column(names, None, columns.CAPTION, "t.csv") == "Title"
    assert choose_column(names, "URL", columns.IMAGE, "t.csv") == "URL"
    assert choose_column(names, "", columns.LABEL, "t.csv") is None
    assert choose_column(["a"], None, columns.LABEL, "t.csv") is None
    with pytest.raises(SourceError, match=r"t\.csv has no column 'url'; its columns are URL, Title"):
        choose_column(names, "url", columns.IMAGE, "t.csv")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *((3, "3"), (-1, "-1"), (3.0, "3"), ("3.0", "3"), ("490.00", "490")),
        *(
            (" cat ", "cat"),
            ("v1.0", "v1.0"),
            ("", None),
            (" ", None),
            (None, None),
            (math.nan, None),
            (True, "True"),
            (False, "False"),
        ),
    ],
)
def test_a_class_goes_by_its_number_or_name(value, name):
    assert class_name(value) == name


@pytest.mark.parametrize("value", [0.5, "0.5", "-.5", math.inf, [0.5], {"a": 1}])
def test_other_values_than_numbers_and_names_are_not_labels(value):
    with pytest.raises(SourceError, match=r"line 1: .* is not a label"):
        LabelValues().add(value, lambda: "line 1")


@pytest.mark.parametrize(
    "value",
    [
        "0;2",
        "0,2",
        "0|2",
        "0, 2",
        "0 2",
        "[0, 2]",
        "[3]",
        "['cat', 'dog']",
        "{1, 2}",
        "cat|dog",
        "cat; dog",
        "1,234",
    ],
)
def test_a_cell_that_looks_like_several_labels_asks_for_the_separator(value):
    with pytest.raises(SourceError, match=r"line 1: .* looks like several .*option 'label_separator'"):
        LabelValues().add(value, lambda: "line 1")
    certain = LabelValues("")
    certain.add(value, lambda: "line 1")
    assert list(certain.first) == [value]


def found(values, separator=None):
    labels = LabelValues(separator)
    for value in values:
        labels.add(value, lambda: "line 1")
    naming = labels.label_classes(None)
    return [labels.find(value, naming) for value in values], [item["name"] for item in naming.classes]


@pytest.mark.parametrize(
    ("values", "separator"),
    [
        (["0;2", "1", "", "2;0;2"], ";"),
        (["0, 2", "1", "", "2,0"], ","),
        (["[0, 2]", "[1]", "[]", "[2, 0]"], ","),
        (["0 2", "1", "", "2 0"], " "),
        (["0 | 2", "1", "", "2|0"], "|"),
        ([[0, 2], [1], [], [2, 0]], None),
        ([["0", 2.0], [1], None, [2, None, 0, -1]], None),
    ],
)
def test_the_labels_of_a_cell_are_a_list_of_the_image(values, separator):
    assert found(values, separator) == ([(None, {"labels": x}) for x in ([0, 2], [1], [], [2, 0])], [])


def test_several_names_are_numbered_as_one_name_is():
    assert found(["['dog', 'cat']", "['cat']"], ",") == (
        [(None, {"labels": [1, 0]}), (None, {"labels": [0]})],
        ["cat", "dog"],
    )


def test_commas_within_names_stay_unless_each_part_is_a_class():
    assert found(["tench, Tinca tinca", "cat"])[0] == [(1, {}), (0, {})]
    with pytest.raises(SourceError, match="line 1: 'cat, dog' looks like several labels"):
        found(["cat, dog", "cat", "dog"])


@pytest.mark.parametrize(
    "names",
    [
        ["image", "fine_label", "coarse_label"],
        ["path", "classId"],
        ["url", "category_id"],
        ["file", "y"],
        ["species"],
    ],
)
def test_a_column_that_may_have_the_labels_is_asked_about(names):
    with pytest.raises(SourceError, match=r"uncertain whether '.*' has .*option 'label', or option label=''"):
        choose_label(names, None, "t.csv", "label")
    assert choose_label(names, "", "t.csv", "label") is None
    assert choose_label(names, names[-1], "t.csv", "label") == names[-1]


@pytest.mark.parametrize(
    "name", ["caption", "class_confidence", "photographer", "labelled_by_score", "yellow"]
)
def test_other_columns_are_no_labels(name):
    assert choose_label(["path", name], None, "t.csv", "label") is None


@pytest.mark.parametrize("null", ["", "NA", "nan", "NaN", "null", "None"])
def test_nulls_among_numbers_become_the_number_given_for_them(null):
    def filled(cells, number):
        column = CellType(number)
        for cell in cells:
            column.add(cell)
        return [column.parse(cell) for cell in cells], column.gaps

    assert filled(["3", null], None) == (["3", null], 1)
    assert filled(["3", null], -1) == ([3, -1], 1)
    assert filled(["3", null], 0.5) == ([3.0, 0.5], 1)
    assert filled(["3.5", null], 0) == ([3.5, 0.0], 1)
    assert filled(["cat", null], 0) == (["cat", null], 0)
    assert filled([null], 0) == ([null], 0)
    assert filled([str(1 << 62), null], 0.5)[0] == [str(1 << 62), null]  # a fraction would lose digits


def test_the_number_for_null_is_a_number():
    assert [parse_null(text) for text in (None, "0", "-1", "0.5")] == [None, 0, -1, 0.5]
    with pytest.raises(UsageError, match="option 'null_as' is a number, such as 0 or -1, not 'none'"):
        parse_null("none")
