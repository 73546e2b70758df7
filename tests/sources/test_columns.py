import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.sources import columns
from wds_imagenet.sources.columns import CellType, LabelValues, choose_column, class_name


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
        *((" cat ", "cat"), ("v1.0", "v1.0"), ("", None), (" ", None), (None, None)),
    ],
)
def test_a_class_goes_by_its_number_or_name(value, name):
    assert class_name(value) == name


@pytest.mark.parametrize("value", [True, 0.5, "0.5", "-.5", math.nan, math.inf, [1], {"a": 1}])
def test_other_values_than_numbers_and_names_are_not_labels(value):
    with pytest.raises(SourceError, match=r"line 1: .* is not a label"):
        LabelValues().add(value, lambda: "line 1")
