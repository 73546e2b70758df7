"""Each file format is read, and a malformed file is refused with its line."""

import gzip
import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.formats import read_predictions


@pytest.fixture
def read(tmp_path):
    def reader(content, name="predictions", layout=None, keys=None):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if keys is not None:
            (tmp_path / "keys.txt").write_bytes(keys)
        return read_predictions([str(path)], layout, str(tmp_path / "keys.txt") if keys else None, {})

    return reader


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        *("490 361 \n7\n", "\ufeff490 361\r\n7\r\n", "490\t361\n7", "  490  361\n7\n\n\n"),
        *("490,361\n7\n", "490, 361,\r\n7,\r\n", "490;361\n7"),
    ],
)
def test_marks_carriage_returns_tabs_and_ends_do_not_matter(read, text):
    made = read(text, layout="classification")
    assert made.guesses.tolist() == [[490, 361, -1, -1, -1], [7, -1, -1, -1, -1]]
    assert (made.kind, made.keys, made.where(1)[-6:]) == ("number", None, "line 2")


def test_a_line_of_localisation_may_have_commas(read):
    made = read("43,336,86,588,438\n7, 1, 2, 3, 4.5\n", layout="localisation")
    assert (made.guesses[:, 0].tolist(), made.boxes[1, 0].tolist()) == ([43, 7], [1, 2, 3, 4.5])


def test_wnids_with_commas_are_no_header(read):
    assert read("n01440764,n01443537\nn01440764\n", layout="classification").kind == "wnid"


def test_a_line_of_localisation_is_labels_with_boxes(read):
    made = read("43 336 86 588 438 885 309.5 -1 551 3e2 \n", layout="localisation")
    assert made.guesses.tolist() == [[43, 885, -1, -1, -1]]
    assert made.boxes[0, :2].tolist() == [[336, 86, 588, 438], [309.5, -1, 551, 300]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("1\n\n3\n", "line 2 is empty"),
        ("1\nx\n", "line 2: 'x' is neither a class number nor a WNID"),
        ("1 -1\n", "line 1: '-1' is neither"),
        ("1\n2.0\n", "line 2: '2.0' is neither"),
        ("1\n99999999999999999999\n", "line 2: '99999999999999999999' is neither"),
        ("1\nn01440764\n", r"WNIDs \(line 2\) and numbers \(line 1\)"),
        ("１\n", "line 1: '１' is neither"),  # noqa: RUF001 - a digit of another alphabet
        ("1: 2\n", "'1:' is neither"),
    ],
)
def test_a_malformed_line_is_named(read, text, message):
    with pytest.raises(SourceError, match=message):
        read(text, layout="classification")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3 4 5\n1 2 3 4\n", "line 2: 4 values are not groups of"),
        ("1 2 3 4 nan\n", "line 1: 'nan' is no coordinate"),
        ("1 2 3 4 1e400\n", "'1e400' is no coordinate"),
        ("1 2 3 4 1_0\n", "'1_0' is no coordinate"),
        ("1 2 3 4 y\n", "line 1: 'y' is no coordinate"),
        ("2.5 2 3 4 5\n", "'2.5' is neither"),
    ],
)
def test_half_a_box_is_named(read, text, message):
    with pytest.raises(SourceError, match=message):
        read(text, layout="localisation")


def test_kaggles_submission_is_read_by_its_header(read):
    made = read("\ufeffImageId,PredictionString\r\nb,1 0 0 9 9 2 1 1 5 5 \r\na,\r\n")
    assert made.keys == ("b", "a")
    assert made.guesses[:, :2].tolist() == [[1, 2], [-1, -1]]
    assert made.boxes[0, 1].tolist() == [1, 1, 5, 5]


def test_ranked_labels_are_read_from_csv_and_json_lines(read):
    for text in (
        'key,labels\na,3 1\n"b",7\n',
        '{"key": "a", "labels": [3, "1"]}\n\n{"key": "b", "labels": [7]}\n',
    ):
        made = read(text)
        assert made.keys == ("a", "b")
        assert made.guesses[:, :2].tolist() == [[3, 1], [7, -1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ImageID,PredictionString\na,1\n", "line 1: the columns are ImageID, PredictionString: write"),
        ("key,label,score\na,1,2\n", "line 1: the columns are key, label, score"),
        ("1,2,x\n", "line 1: the columns are 1, 2, x"),
        ("key,labels\na;1\n", r"line 2: \['a;1'\] is not a key and its guesses"),
        ("key,labels\na,1\n,2\n", "line 3: "),
        ("key,labels\n", "is empty"),
        ('key,labels\na,"1\n', "line 2: unexpected end of data"),
        ("ImageId,PredictionString\na,1 2 3 4 5\nb,1 2 3\n", "line 3: 3 values are not groups"),
        ('{"key": "a", "labels": [1]}\n{"key": "b"}\n', "line 2: the line is not"),
        ('{"key": "a", "labels": [1.5]}\n', "line 1: the line is not"),
        ('{"key": "a", "labels": [true]}\n', "line 1: the line is not"),
        ('{"key": "a", "key": "b", "labels": []}\n', "line 1: JSON object names 'key' twice"),
        (b"\xff\xfe1\x00", "is neither UTF-8 text nor"),
    ],
)
def test_a_malformed_table_is_refused_by_line(read, text, message):
    with pytest.raises(SourceError, match=message):
        read(text)


def test_a_file_that_records_its_format_takes_no_layout(read):
    for content in (
        "key,labels\na,1\n",
        '{"key": "a", "labels": [1]}',
        npz(logits=np.eye(2), keys=["a", "b"]),
    ):
        with pytest.raises(UsageError, match="records its own format"):
            read(content, layout="classification")


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8"])
def test_logits_are_known_by_their_first_bytes_and_not_by_their_name(read, dtype):
    logits = np.asfortranarray(np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], dtype))
    for content in (
        npz(logits=logits, keys=np.array(["a", "b"])),
        npz(keys=np.array([b"a", b"b"]), logits=logits),
    ):
        made = read(content, name="logits.txt")
        assert (made.keys, made.columns, made.kind) == (("a", "b"), 3, "column")
        assert made.guesses[:, :3].tolist() == [[1, 2, 0], [0, 2, 1]]
        assert made.where(1).endswith("logits.txt, row 1 (from 0)")


def test_an_npy_takes_its_keys_from_a_file(read):
    made = read(npy(np.eye(2)), keys=b"\xef\xbb\xbfa\r\nb\r\n")
    assert (made.keys, made.guesses[:, 0].tolist()) == (("a", "b"), [0, 1])
    with pytest.raises(UsageError, match="has no keys of its own"):
        read(npy(np.eye(2)))
    with pytest.raises(SourceError, match="2 rows of logits, but 3 keys"):
        read(npy(np.eye(2)), keys=b"a\nb\nc\n")


def test_a_rank_without_samples_writes_no_rows(read):
    made = read(npz(logits=np.zeros((0, 3), "f4"), keys=np.array([], str)))
    assert (len(made), made.columns) == (0, 3)


def zipped(name, data, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npz(logits=np.eye(2)), "it has no array 'keys', only logits"),
        (
            npz(logits=np.eye(2), keys=np.array(["a", "b"], object)),
            "an array of Python objects, which needs pickle",
        ),
        (npz(logits=np.eye(2), keys=np.array([1, 2])), r"keys are strings of shape \[N\], not int64"),
        (npz(logits=np.eye(2), keys=np.array(["a", "b"]))[:-300], "cannot be read"),
        (zipped("keys.npy", npy(np.array(["a", "b"]))[:-1]), r"an array \(2,\) of <U1 in 7 bytes"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
    ],
)
def test_arrays_that_are_damaged_or_hold_objects_are_refused(read, content, message):
    with pytest.raises(SourceError, match=message):
        read(content)


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: d[:9]])
def test_an_npy_of_another_length_is_refused(read, change):
    with pytest.raises(SourceError, match="cannot be read"):
        read(change(npy(np.eye(2))), keys=b"a\nb\n")


def test_a_header_with_a_huge_shape_allocates_nothing(read):
    huge = npy(np.zeros((2, 2))).replace(b"(2, 2), }      ", b"(999999, 999), }")
    assert len(huge) == len(npy(np.zeros((2, 2)))) + 1
    with pytest.raises(SourceError, match="cannot be read"):
        read(huge, keys=b"a\nb\n")


def test_flipped_bytes_end_in_our_error_or_in_predictions(read):
    whole = bytearray(npz(logits=np.random.default_rng(0).random((4, 6)), keys=np.array(list("abcd"))))
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        try:
            read(bytes(damaged))
        except (SourceError, UsageError):
            continue


def test_rows_without_keys_are_refused_before_they_are_decompressed(read):
    file = io.BytesIO()
    np.savez_compressed(file, logits=np.zeros((40_000, 100), "f4"), keys=np.array(["a", "b"]))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="there are 40,000 rows of logits, but 2 keys"):
            read(file.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_logits_are_unpacked_a_few_rows_at_a_time(tmp_path):
    file, count = tmp_path / "zeros.npz", 40_000
    logits = np.zeros((count, 1000), "f4")
    logits[np.arange(count), np.arange(count) % 1000] = 1
    np.savez_compressed(file, logits=logits, keys=np.arange(count).astype(str))
    del logits
    tracemalloc.start()
    try:
        made = read_predictions([str(file)], None, None, {})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120 << 20, "the array has 160 MB"
    assert made.guesses[:, 0].tolist() == [row % 1000 for row in range(count)]


def test_a_fault_in_a_later_part_of_the_logits_has_its_row(read):
    logits = np.zeros((3, 1 << 20), "<f8")
    logits[2, 5] = np.nan
    with pytest.raises(SourceError, match=r"row 2 \(from 0\) \(c\): column 5 is NaN"):
        read(npz(logits=logits, keys=np.array(["a", "b", "c"])))


def test_logits_in_the_order_of_fortran_are_read_alike(read):
    logits = np.random.default_rng(0).random((7, 9))
    keys = np.array(list("abcdefg"))
    one, other = (read(npz(logits=array, keys=keys)) for array in (logits, np.asfortranarray(logits)))
    assert (one.guesses == other.guesses).all()


def test_logits_of_more_classes_than_any_model_has_are_not_unpacked(tmp_path):
    file = tmp_path / "wide.npz"
    np.savez_compressed(file, logits=np.zeros((2, 8_000_000), "f4"), keys=np.array(["a", "b"]))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"8,000,000 columns of logits; at most 1,048,576 are read"):
            read_predictions([str(file)], None, None, {})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_text_of_more_lines_than_any_data_set_has_is_not_split(tmp_path):
    file = tmp_path / "lines.csv.gz"
    file.write_bytes(gzip.compress(b"\n" * (1 << 25), 1))
    with pytest.raises(SourceError, match=r"has 33,554,432 lines; at most 16,777,216 are read"):
        read_predictions([str(file)], None, None, {})
