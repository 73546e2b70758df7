import zipfile

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.labels.kaggle import kaggle, read_synsets

HEADER = "ImageId,PredictionString\n"


@pytest.fixture
def mapping(ilsvrc, tmp_path):
    wnids = (ilsvrc / "imagenet_synsets.txt").read_text().split()
    path = tmp_path / "LOC_synset_mapping.txt"
    path.write_text("".join(f"{wnid} word {n}, other\n" for n, wnid in enumerate(wnids)))
    return path


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, **options):
        path = tmp_path / "LOC_val_solution.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return kaggle(str(path), **options)

    return write_and_read


ROWS = HEADER + (
    "ILSVRC2012_val_00048981,n03995372 85 1 499 272 \n"
    "ILSVRC2012_val_00037956,n03481172 131 0 499 254 \n"
    "n04447861_1,n04447861 248 177 417 332 n04447861 171 156 251 175 \n"
)


def test_rows_in_any_order_give_class_and_boxes(read):
    labels = read(ROWS)
    found = labels.find("n04447861_1")
    assert found.label is None
    assert found.metadata == {
        "wnid": "n04447861",
        "boxes": [
            {"wnid": "n04447861", "xmin": 248, "ymin": 177, "xmax": 417, "ymax": 332},
            {"wnid": "n04447861", "xmin": 171, "ymin": 156, "xmax": 251, "ymax": 175},
        ],
    }
    assert (labels.count, labels.labelled) == (3, False)
    assert labels.find("ILSVRC2012_val_00000001") is None


def test_the_label_is_the_place_among_the_sorted_wnids(read, mapping):
    labels = read(ROWS, synsets=str(mapping))
    assert labels.find("ILSVRC2012_val_00048981").label == read_synsets(str(mapping)).index(
        {"name": "word 740, other", "wnid": "n03995372"}
    )
    assert labels.find("ILSVRC2012_val_00048981").label == 740  # Kaggle's class 741
    assert (labels.labelled, len(labels.classes)) == (True, 1000)


@pytest.mark.parametrize("form", ["crlf", "bom", "zip"])
def test_copies_that_went_through_other_hands_are_read(form, read, tmp_path):
    data = ROWS.encode()
    if form == "crlf":
        data = data.replace(b"\n", b"\r\n")
    elif form == "bom":
        data = b"\xef\xbb\xbf" + data
    else:
        with zipfile.ZipFile(tmp_path / "z", "w") as archive:
            archive.writestr("LOC_val_solution.csv", data)
        data = (tmp_path / "z").read_bytes()
    assert read(data).find("ILSVRC2012_val_00037956").metadata["wnid"] == "n03481172"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROWS.removeprefix(HEADER), "line 1: its header is 'ILSVRC2012_val_00048981,"),
        (ROWS + "ILSVRC2012_val_00048981,n03995372 85 1 499 272\n", "line 5: .*48981 is listed twice"),
        (ROWS + "a,n03995372 85 1 499\n", "line 5: 4 values, but each box has five"),
        (ROWS + "a.JPEG,n03995372 1 1 2 2\n", "line 5: 'a.JPEG' is not an ImageId"),
        (ROWS.encode() + b"\xff,n03995372 1 1 2 2\n", "line 5 is not UTF-8"),
    ],
)
def test_a_malformed_row_is_refused_with_its_line(text, message, read):
    with pytest.raises(SourceError, match=r"LOC_val_solution\.csv") as caught:
        read(text)
    caught.match(message)


def test_a_class_that_the_mapping_lacks_is_refused(read, mapping):
    with pytest.raises(SourceError, match="line 2: the class n99999999 is not in"):
        read(HEADER + "a,n99999999 1 1 2 2\n", synsets=str(mapping))


@pytest.mark.parametrize("change", [lambda lines: lines[:-1], lambda lines: lines[::-1]])
def test_a_mapping_that_is_not_the_sorted_thousand_is_refused(change, read, mapping):
    mapping.write_text("\n".join(change(mapping.read_text().splitlines())))
    with pytest.raises(SourceError, match="is not a LOC_synset_mapping"):
        read(ROWS, synsets=str(mapping))
