"""Kaggle's solutions: rows in any order, with a space at the end of each prediction."""

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.kaggle_csv import read_solution

VAL = "ILSVRC2012_val_{:08d}"
HEADER = "ImageId,PredictionString\n"


@pytest.mark.parametrize(
    "text",
    [
        "ImageId,PredictionString\n{row}",
        "\ufeffImageId,PredictionString\r\n{row}\r\n",
        'PredictionString,More,ImageId\n"n01751748 1 1 2 2",,{id}\n',
        "ImageId,PredictionString\n{id}_n01751748,n01751748 1.5 1 2 2",
    ],
)
def test_columns_go_by_name_and_line_ends_do_not_matter(make_tree, text):
    row = f"{VAL.format(1)},n01751748 1 1 2 2 n01751748 3 3 4 4 "
    folder = make_tree({"s.csv": text.format(row=row, id=VAL.format(1))})
    assert read_solution(f"{folder}/s.csv", {}).wnids == {VAL.format(1): "n01751748"}


ROW = f"{VAL.format(1)},n01751748 1 1 2 2 \n"
GOOD = f"{HEADER}{VAL.format(2)},n01751748 1 1 2 2 \n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ImageId,Label\n" + ROW, r"s\.csv, line 1: its header is 'ImageId,Label', not ImageId,Pred"),
        (ROW, r"s\.csv, line 1: its header is 'ILSVRC2012_val_00000001,"),
        ((HEADER + ROW).replace(",", ";"), "line 1: its header is 'ImageId;PredictionString'"),
        ("", "line 1: its header is ''"),
        (HEADER, "lists no images"),
        (GOOD + ROW + "\n" + ROW, "line 5: ILSVRC2012_val_00000001 is listed twice"),
        (GOOD + ROW.replace("_00000001", "_00050001"), "line 3: .* has a number that no val image has"),
        (GOOD + ROW.replace("_00000001", "_1"), "line 3: 'ILSVRC2012_val_1' is not an image of ILSVRC2012"),
        (GOOD + ROW.replace("n01751748", "490"), "line 3: '490' is not a WNID"),
        (GOOD + ROW.replace("2 2 ", "2 nan"), "line 3: 'nan' is not a number of pixels"),
        (GOOD + ROW.replace("2 2 ", "2"), "line 3: 4 values, but each box has five"),
        (GOOD + ROW.replace("2 2 ", "2 " + "9" * 30), "line 3: '9+' is not a number of pixels"),
        (GOOD + f"{VAL.format(1)},\n", "line 3: 0 values"),
        (GOOD + ROW.replace("2 2 ", "2 2 n01440764 1 1 2 2"), "line 3: .* has boxes of several classes"),
        (GOOD + "n01440764_7,n01751748 1 1 2 2\n", "line 3: .* class n01440764 and n01751748 at once"),
        (GOOD + f'{VAL.format(1)},"n01751748', "line 3 is not valid CSV"),
        (GOOD + f"{VAL.format(1)}\n", "line 3: it has 1 cells, not 2"),
        ((HEADER + ROW).encode("utf-16"), "line 1 is not UTF-8"),
        (GOOD.encode() + b"\xff,x", "line 3 is not UTF-8"),
    ],
)
def test_a_malformed_solution_is_refused_with_its_line(make_tree, text, message):
    with pytest.raises(SourceError, match=message):
        read_solution(f"{make_tree({'s.csv': text})}/s.csv", {})
