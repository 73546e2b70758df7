"""Parquet files as Hugging Face writes ImageNet-1k's, streamed."""

import datetime as dt
import json
import math
import os
from pathlib import Path

import pytest

from wds_imagenet.errors import ChangedError, SourceError, UsageError
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.sources.huggingface.source import huggingface

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NAMES = [f"class {i}, of a kind" for i in range(1000)]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(path, columns, features=None, rows=100, types=None):
    """Write Parquet as `datasets` does: an image is a struct, and the schema holds the features."""
    table = pa.table(
        {n: pa.array(v, (types or {}).get(n, IMAGE if n == "image" else None)) for n, v in columns.items()}
    )
    if features is not None:
        told = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": told})
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=rows)
    return str(path)


def features(names=NAMES, **more):
    return {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}, **more}


def images(*contents):
    return [{"bytes": content, "path": f"{i}.jpg"} for i, content in enumerate(contents)]


@pytest.fixture(scope="session")
def published(train_images, tmp_path_factory):
    """Two files of 100 photos each, and one of test, as ImageNet-1k lies there."""
    folder = tmp_path_factory.mktemp("hf") / "data"
    photos = list(train_images.items())[:200]
    for part in range(2):
        some = photos[part * 100 : part * 100 + 100]
        column = [{"bytes": data, "path": f"{n.partition('.')[0]}_{n[:9]}.JPEG"} for n, data in some]
        labels = range(part * 100, part * 100 + 100)
        write(
            folder / f"train-{part:05d}-of-00002.parquet", {"image": column, "label": labels}, features(), 30
        )
    column = [
        {"bytes": d, "path": f"ILSVRC2012_test_{i + 1:08d}.JPEG"} for i, (_, d) in enumerate(photos[:5])
    ]
    write(folder / "test-00000-of-00001.parquet", {"image": column, "label": [-1] * 5}, features())
    return str(folder.parent)


def arrivals(*arguments, **options):
    return list(huggingface(*arguments, **options).images())


def test_every_image_arrives_as_it_was_with_key_and_label(published, train_images):
    stream = huggingface(published, split="train")
    assert isinstance(stream, Stream)
    there = [(a.reference.key, a.reference.label, a.data) for a in stream.images()]
    photos = list(train_images.items())[:200]
    assert there == [(n.partition(".")[0], i, data) for i, (n, data) in enumerate(photos)]
    assert (stream.samples, stream.split, stream.labelled, stream.captioned) == (200, "train", True, False)
    assert [item["name"] for item in stream.classes] == NAMES
    assert abs(stream.size - sum(len(d) for _, d in photos)) < stream.size * 0.01


def test_a_second_pass_gives_the_same_images(published):
    stream = huggingface(published, split="train")
    assert list(stream.images()) == list(stream.images())


def test_a_test_split_has_no_labels(published):
    stream = huggingface(f"{published}/data/test-*.parquet")
    assert (stream.split, stream.labelled, stream.classes) == ("test", False, ())
    assert {a.reference.label for a in stream.images()} == {None}
    assert next(stream.images()).reference.key == "ILSVRC2012_test_00000001"


def test_on_s3_it_is_the_same(published, s3_url):
    from wds_imagenet.storage import open_store

    store = open_store(s3_url)
    for path in Path(published, "data").iterdir():
        store.put(f"data/{path.name}", path.read_bytes())
    here, there = huggingface(published, split="train"), huggingface(s3_url, split="train")
    assert here.identity == there.identity
    assert [(a.reference.key, a.data) for a in here.images()] == [
        (a.reference.key, a.data) for a in there.images()
    ]


def test_the_identity_has_no_url_and_changes_with_the_options(published, tmp_path):
    (tmp_path / "classes").write_text("\n".join(reversed(NAMES)))
    plain = huggingface(published, split="train").identity
    assert str(tmp_path.parent) not in json.dumps(plain)
    by_row = huggingface(published, split="train", keys="row").identity
    assert len({json.dumps(i) for i in (plain, by_row, huggingface(published, split="test").identity)}) == 3


def test_a_missing_file_is_an_error(published, tmp_path):
    (tmp_path / "train-00001-of-00002.parquet").write_bytes(
        Path(published, "data/train-00001-of-00002.parquet").read_bytes()
    )
    with pytest.raises(SourceError, match="lacks 1 of the 2 files train-"):
        huggingface(str(tmp_path))


def test_keys_are_whole_paths_where_stems_repeat(tmp_path):
    column = [{"bytes": b"1", "path": path} for path in ("a/1.jpg", "b/1.jpg")]
    url = write(tmp_path / "x.parquet", {"image": column})
    assert [a.reference.key for a in arrivals(url)] == ["a/1", "b/1"]


@pytest.mark.parametrize("paths", [["1.jpg", "1.jpg"], ["1.jpg", None], [None, None], ["", "1.jpg"]])
def test_keys_are_rows_where_paths_give_none(tmp_path, paths):
    column = [{"bytes": b"1", "path": path} for path in paths]
    url = write(tmp_path / "train.parquet", {"image": column}, rows=1)
    assert [a.reference.key for a in arrivals(url)] == ["train_00000000", "train_00000001"]
    with pytest.raises(SourceError, match="give no unique keys"):
        huggingface(url, keys="path")


def test_keys_count_on_from_file_to_file(tmp_path):
    for i in range(3):
        write(tmp_path / f"train-{i}.parquet", {"image": images(b"1", b"2")}, rows=1)
    keys = [a.reference.key for a in arrivals(str(tmp_path), keys="row")]
    assert keys == [f"train_{i:08d}" for i in range(6)]


def test_other_columns_become_metadata_of_one_type(tmp_path):
    moment = dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
    columns = {
        "image": images(b"1", b"2"),
        "caption": ["a", None],
        "n": [1, 2],
        "gap": [1, None],
        "f": [0.5, 1.0],
        "nan": [math.nan, 1.0],
        "t": ["x", None],
        "l": [["a"], []],
        "o": [{"a": 1}, {"a": None}],
        "d": [moment, None],
        "b": [True, False],
        "mask": [b"1", b"2"],
    }
    stream = huggingface(write(tmp_path / "x.parquet", columns))
    assert stream.fields == {
        "n": "integer", "gap": "text", "f": "number", "nan": "text", "t": "text", "l": "list",
        "o": "object", "d": "text", "b": "boolean",
    }  # fmt: skip
    first, second = (a.reference for a in stream.images())
    assert (first.caption, second.caption, stream.captioned) == ("a", None, True)
    assert first.metadata["d"] == moment.isoformat()
    assert (first.metadata["nan"], second.metadata["nan"]) == (None, "1.0")
    assert (first.metadata["gap"], second.metadata["o"]) == ("1", {"a": None})
    assert "mask" not in first.metadata
    assert any("columns that hold bytes, 1 in all: mask" in note for note in stream.notes)


def test_images_may_be_bare_bytes(tmp_path):
    url = write(tmp_path / "x.parquet", {"picture": [b"1", b"2"]}, {"picture": {"_type": "Image"}})
    assert [(a.reference.key, a.data) for a in arrivals(url)] == [
        ("image_00000000", b"1"),
        ("image_00000001", b"2"),
    ]


def test_names_are_labels_in_code_point_order_or_by_a_list(tmp_path):
    url = write(tmp_path / "x.parquet", {"image": images(b"1", b"2", b"3"), "label": ["dog", "cat", "dog"]})
    assert [a.reference.label for a in arrivals(url)] == [1, 0, 1]
    (tmp_path / "classes").write_text("dog\ncat\n")
    stream = huggingface(url, classes=str(tmp_path / "classes"))
    assert [a.reference.label for a in stream.images()] == [0, 1, 0]
    assert [item["name"] for item in stream.classes] == ["dog", "cat"]


def test_columns_can_be_chosen(tmp_path):
    columns = {"image": images(b"1"), "second": [b"2"], "label": [3], "fine": [7], "words": ["w"]}
    url = write(tmp_path / "x.parquet", columns)
    (arrival,) = arrivals(url, image="second", label="fine", caption="words")
    assert (arrival.data, arrival.reference.label, arrival.reference.caption) == (b"2", 7, "w")
    (bare,) = arrivals(url, label="", caption="", image="image")
    assert (bare.reference.label, bare.reference.metadata["label"]) == (None, 3)


@pytest.mark.parametrize(
    ("columns", "told", "message"),
    [
        ({"n": [1]}, None, r"no column with bytes of images among n"),
        ({"a": [b"1"], "b": [b"2"]}, None, r"several columns of images \(a, b\)"),
        ({"a": [b"1"], "label": [0.5]}, None, r"row 1: .*0\.5"),
        ({"image": images(b"1", b"2"), "label": [0, 3]}, features(["a", "b"]), r"row 2: there is no class 3"),
        ({"image": images(b"1", b"2"), "label": [0, -3]}, None, r"row 2: -3 is not a label"),
        ({"image": images(b"1"), "label": [0]}, features(7), r"names of its classes cannot be read"),
        ({"image": images(b"1")}, [], r"features cannot be read"),
        ({"image": images()}, None, r"there are no rows"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_file_and_row(tmp_path, columns, told, message):
    url = write(tmp_path / "x.parquet", columns, told)
    with pytest.raises(SourceError, match=f"x\\.parquet.*{message}|{message}.*x\\.parquet"):
        arrivals(url)


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    url = write(tmp_path / "x.parquet", {"image": images(b"1"), "n": [1]})
    with pytest.raises(SourceError, match="no column 'lable'; its columns are image, n"):
        huggingface(url, label="lable")
    with pytest.raises(SourceError, match="no images in a column 'n'"):
        huggingface(url, image="n")
    with pytest.raises(UsageError, match="path or row"):
        huggingface(url, keys="hash")


def test_files_of_different_columns_are_refused(tmp_path):
    write(tmp_path / "0.parquet", {"image": images(b"1"), "label": [0]})
    write(tmp_path / "1.parquet", {"image": images(b"1")})
    with pytest.raises(SourceError, match=r"1\.parquet has other columns or features than .*0\.parquet"):
        huggingface(str(tmp_path))


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-9], lambda d: d[:0], lambda d: d[:300] + b"PAR1", lambda d: d[:500]]
)
def test_a_file_that_is_no_parquet_is_named(published, tmp_path, damage):
    whole = Path(published, "data/test-00000-of-00001.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(damage(whole))
    with pytest.raises(SourceError, match=r"x\.parquet cannot be read as Parquet"):
        huggingface(str(tmp_path / "x.parquet"))


def test_a_damaged_page_is_named_with_file_and_row(tmp_path):
    table = pa.table({"image": [bytes([i]) * 5000 for i in range(20)]})
    pq.write_table(
        table, tmp_path / "x.parquet", row_group_size=10, write_page_checksum=True, compression="none"
    )
    data = bytearray((tmp_path / "x.parquet").read_bytes())
    data[data.index(bytes([13]) * 5000) + 7] ^= 1
    (tmp_path / "x.parquet").write_bytes(data)
    with pytest.raises(SourceError, match=r"x\.parquet, after row 10, cannot be read"):
        arrivals(str(tmp_path / "x.parquet"))


def test_a_file_that_is_replaced_meanwhile_is_noticed(tmp_path):
    for i in range(2):
        write(tmp_path / f"{i}.parquet", {"image": images(b"1")})
    stream = huggingface(str(tmp_path))
    write(tmp_path / "1.parquet", {"image": images(b"22")})
    with pytest.raises(ChangedError, match=r"1\.parquet"):
        list(stream.images())


def test_a_few_rows_of_a_row_group_are_in_memory_at_a_time(tmp_path):
    table = pa.table({"image": [os.urandom(1 << 20) for _ in range(100)]})
    pq.write_table(table, tmp_path / "x.parquet", use_dictionary=False, write_batch_size=1)
    del table
    stream = huggingface(str(tmp_path / "x.parquet"))
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in stream.images()]
    assert len(held) == 100
    assert max(held) < 40 << 20


def test_a_row_without_bytes_has_a_fault_with_its_row(tmp_path):
    rows = [*images(b"1"), None, {"bytes": None, "path": "far/a.jpg"}]
    url = write(tmp_path / "x.parquet", {"image": rows, "label": [0, 1, 2]})
    good, null, path = arrivals(url)
    assert (good.reference.fault, good.reference.key) == (None, "0")
    assert null.reference.fault == "x.parquet, row 2 has no bytes of an image"
    assert (
        path.reference.fault
        == "x.parquet, row 3 has no bytes of an image, only the path 'far/a.jpg', which is not read"
    )
    assert (null.data, path.data) == (b"", b"")


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ([[0, 2], [1]], {}),
        (["0;2", "1"], {"label_separator": ";"}),
        (["[0, 2]", "[1]"], {"label_separator": ","}),
    ],
)
def test_several_labels_become_a_field(tmp_path, labels, options):
    url = write(tmp_path / "x.parquet", {"image": images(b"1", b"2"), "label": labels})
    stream = huggingface(url, **options)
    assert (stream.labelled, stream.fields) == (False, {"labels": "list"})
    assert [a.reference.metadata["labels"] for a in stream.images()] == [[0, 2], [1]]


def test_lists_of_class_labels_have_their_names(tmp_path):
    told = {"label": {"_type": "Sequence", "feature": {"_type": "ClassLabel", "names": ["a", "b", "c"]}}}
    url = write(tmp_path / "x.parquet", {"image": images(b"1", b"2"), "label": [[0, 2], [1]]}, told)
    stream = huggingface(url)
    assert [item["name"] for item in stream.classes] == ["a", "b", "c"]


def test_columns_that_may_have_labels_ask_which(tmp_path):
    url = write(tmp_path / "x.parquet", {"image": images(b"1"), "fine_label": [3], "coarse_label": [1]})
    with pytest.raises(SourceError, match=r"whether 'fine_label' or 'coarse_label' has .*option 'label'"):
        huggingface(url)
    assert huggingface(url, label="").fields == {"fine_label": "integer", "coarse_label": "integer"}


def test_nulls_among_numbers_are_noted_and_can_be_filled(tmp_path):
    columns = {"image": images(b"1", b"2"), "n": [3, None], "f": [math.nan, 0.5], "inf": [math.inf, None]}
    url = write(tmp_path / "x.parquet", columns)
    stream = huggingface(url)
    assert (
        "the numbers of 'n' become text, because 1 row has none; option 'null_as' of table and huggingface "
        "fills them" in stream.notes
    )
    assert stream.fields == {"n": "text", "f": "text", "inf": "text"}
    filled = huggingface(url, null_as="-1")
    assert filled.fields == {"n": "integer", "f": "number", "inf": "text"}
    assert [(a.reference.metadata["n"], a.reference.metadata["f"]) for a in filled.images()] == [
        (3, -1),
        (-1, 0.5),
    ]
    assert filled.identity != stream.identity


@pytest.mark.parametrize("label", [None, -1])
def test_the_first_row_without_a_label_among_others_is_declared(tmp_path, label):
    url = write(tmp_path / "x.parquet", {"image": images(b"1", b"2", b"3"), "label": [0, label, label]})
    stream = huggingface(url)
    assert (stream.labelled, stream.unlabelled) == (True, f"{url}, row 2")
    assert [a.reference.label for a in stream.images()] == [0, None, None]
