import json
from pathlib import Path

import pytest

from wds_imagenet.errors import MissingExtraError, SourceError, UsageError
from wds_imagenet.sources import table
from wds_imagenet.storage.http_download import Download

IMAGES = {"i/a.jpg": b"one", "i/b.jpg": b"two!", "i/c.png": b""}
ROWS = [["i/b.jpg", "dog", "a dog, running"], ["i/a.jpg", "cat", 'the "cat"'], ["i/c.png", "cat", ""]]
CSV = 'path,label,caption\ni/b.jpg,dog,"a dog, running"\ni/a.jpg,cat,"the ""cat"""\ni/c.png,cat,\n'


@pytest.fixture
def read(make_tree):
    """Return a function that lists a table which lies beside the images."""

    def write_and_read(content, name="t.csv", **options):
        folder = make_tree({**IMAGES, name: content})
        return table(f"{folder}/{name}", **options)

    return write_and_read


def shown(listing):
    return [(r.key, r.size, r.label, r.caption) for r in listing.references]


EXPECTED = [("b", 4, 1, "a dog, running"), ("a", 3, 0, 'the "cat"'), ("c", 0, 0, None)]


def as_json_lines(rows):
    return "\n".join(json.dumps(dict(zip(["path", "label", "caption"], row, strict=True))) for row in rows)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (CSV, "t.csv"),
        (CSV.replace("\n", "\r\n"), "t.csv"),
        ("\ufeff" + CSV, "t.CSV"),
        (CSV.rstrip(), "t.csv"),
        (CSV.replace("\n", "\n\n"), "t.csv"),
        ("\n".join("\t".join(row) for row in [["path", "label", "caption"], *ROWS[:1]]), "t.tsv"),
        (as_json_lines(ROWS), "t.jsonl"),
        ("\ufeff" + as_json_lines(ROWS) + "\r\n\n", "t.ndjson"),
    ],
)
def test_rows_are_references_in_their_order(read, content, name):
    listing = read(content, name)
    if name == "t.tsv":
        assert shown(listing) == [("b", 4, 0, "a dog, running")]
    else:
        assert shown(listing) == EXPECTED
        assert listing.classes == ({"name": "cat"}, {"name": "dog"})


def test_parquet_is_read_alike(make_tree):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = make_tree(IMAGES)
    names = ["path", "label", "caption", "n", "x", "tags", "when"]
    extra = [[1, None, 3], [0.5, 1.0, float("nan")], [["a"], [], ["b", "c"]]]
    when = pa.array([0, None, 86_400], pa.timestamp("s"))
    pq.write_table(
        pa.table([*map(list, zip(*ROWS, strict=True)), *extra, when], names=names), f"{folder}/t.parquet"
    )
    listing = table(f"{folder}/t.parquet")
    assert shown(listing) == EXPECTED
    assert [dict(reference.metadata) for reference in listing.references] == [
        {"n": 1, "x": 0.5, "tags": ["a"], "when": "1970-01-01T00:00:00"},
        {"n": None, "x": 1.0, "tags": [], "when": None},
        {"n": 3, "x": None, "tags": ["b", "c"], "when": "1970-01-02T00:00:00"},
    ]


def test_parquet_with_images_or_damage_is_refused(make_tree):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = make_tree({**IMAGES, "bad.parquet": b"PAR1 nothing PAR1"})
    pq.write_table(pa.table({"path": ["i/a.jpg"], "image": [{"bytes": b"x"}]}), f"{folder}/t.parquet")
    with pytest.raises(SourceError, match=r"t\.parquet: column 'image' holds bytes"):
        table(f"{folder}/t.parquet")
    with pytest.raises(SourceError, match=r"bad\.parquet cannot be read as Parquet"):
        table(f"{folder}/bad.parquet")


def test_a_parquet_column_of_maps_is_refused_by_name(make_tree):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = make_tree(IMAGES)
    maps = pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table([["i/a.jpg"], maps], names=["path", "facts"]), f"{folder}/t.parquet")
    with pytest.raises(SourceError, match=r"t\.parquet: column 'facts' holds a map: write it as a struct"):
        table(f"{folder}/t.parquet")


def test_without_pyarrow_the_extra_is_named(read, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'wds-imagenet\[parquet\]'"):
        read(b"PAR1", "t.parquet")


def test_other_columns_become_typed_metadata(read):
    header = ",path,id,count,score,mixed,gaps\n"
    rows = "0,i/a.jpg,007,1,0.5,1,2\n1,i/b.jpg,000060e3121c7305,-2,3,x,\n"
    assert [dict(reference.metadata) for reference in read(header + rows).references] == [
        {"id": "007", "count": 1, "score": 0.5, "mixed": "1", "gaps": "2"},
        {"id": "000060e3121c7305", "count": -2, "score": 3.0, "mixed": "x", "gaps": ""},
    ]


def test_json_keeps_its_types_and_gaps_are_none(read):
    lines = ['{"file_name": "i/a.jpg", "n": "1", "box": [1, 2]}', '{"file_name": "i/b.jpg", "ok": true}']
    found = [dict(reference.metadata) for reference in read("\n".join(lines), "t.jsonl").references]
    assert found == [{"n": "1", "box": [1, 2], "ok": None}, {"n": None, "box": None, "ok": True}]


def test_numbers_are_labels_as_they_are(read):
    listing = read("image,class\ni/a.jpg,5\ni/b.jpg,10\ni/c.png,-1\n")
    assert [reference.label for reference in listing.references] == [5, 10, None]
    assert listing.classes == ()


def test_a_class_list_numbers_the_names(read, make_tree):
    classes = make_tree({"list": "dog\ncat\nbird"}, "lists") + "/list"
    listing = read(CSV, classes=classes)
    assert [reference.label for reference in listing.references] == [0, 1, 1]
    assert len(listing.classes) == 3


def test_columns_can_be_chosen_and_are_noted(read):
    text = "path,file,label,y,note\nx,i/a.jpg,9,3,hello\n"
    listing = read(text, image_column="file", label_column="y", caption_column="note")
    assert shown(listing) == [("a", 3, 3, "hello")]
    assert dict(listing.references[0].metadata) == {"path": "x", "label": 9}
    assert listing.notes == ("columns: images from 'file', labels from 'y', captions from 'note'",)
    assert read("path,label\ni/a.jpg,9\n", label_column="").references[0].label is None


def test_root_is_where_paths_begin(make_tree):
    folder = make_tree({**IMAGES, "tables/t.csv": "path\na.jpg\nsub/../b.jpg\n./c.png\n"})
    listing = table(f"{folder}/tables/t.csv", root=f"{folder}/i")
    assert [r.url for r in listing.references] == [
        f"{folder}/i/{name}" for name in ("a.jpg", "b.jpg", "c.png")
    ]


def test_an_absolute_path_must_lie_in_the_root(read, make_tree):
    folder = make_tree(IMAGES)
    assert shown(read(f"path\n{folder}/i/a.jpg\nfile://{folder}/i/b.jpg\n")) == [
        ("a", 3, None, None),
        ("b", 4, None, None),
    ]
    with pytest.raises(SourceError, match=r"line 2: .*/i/a\.jpg lies outside of .*/i/b"):
        read(f"path\n{folder}/i/a.jpg\n", root=f"{folder}/i/b")
    assert len(read(f"path\n{folder}/i/a.jpg\n", root="/").references) == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../t.csv", "'..'"),
        ("i/../../secret.jpg", "'..'"),
        ("/etc/passwd", "/etc/passwd lies outside of"),
        ("//etc/passwd", "/etc/passwd lies outside of"),
        ("file:///etc/passwd", "/etc/passwd lies outside of"),
        ("ssh://host/a.jpg", "ssh:// is not supported"),
        ("simplecache::s3://b/a.jpg", "chained URLs are not opened"),
        ("i/a.jpg\0", "not a path within a store"),
        (".", "not a path within a store"),
    ],
)
def test_a_table_cannot_point_out_of_the_root(read, path, message):
    with pytest.raises(SourceError, match=rf"t\.csv, line 3: .*{message}"):
        read(f"path\ni/a.jpg\n{path}\n")


def test_urls_are_not_looked_up_and_those_of_the_web_become_downloads(read):
    urls = ["https://host/x/y/1.jpg?size=b", "s3://bucket/x/2.jpg"]
    listing = read("url\n" + "\n".join(urls))
    assert [(r.url, r.key, r.name, r.size) for r in listing.references] == [
        (str(Download(urls[0])), "1", "x/y/1.jpg", None),
        (urls[1], "2", "x/2.jpg", None),
    ]


def test_a_table_on_another_store_lists_images_beside_it():
    import fsspec

    store = fsspec.filesystem("memory")
    for name, content in {**IMAGES, "t.csv": CSV.encode()}.items():
        store.pipe_file(f"/tables/{name}", content)
    listing = table("memory://tables/t.csv")
    assert shown(listing) == EXPECTED
    assert listing.references[0].url == "memory://tables/i/b.jpg"
    store.pipe_file("/tables/other.csv", b"path\ni/a.jpg\ni/x.jpg\n")
    faults = [reference.fault for reference in table("memory://tables/other.csv").references]
    assert faults[0] is None
    assert "line 3: there is no i/x.jpg; for images" in faults[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty: a table begins with a header"),
        ("path,label\n", "lists no images"),
        ("name,kind\nx,y\n", r"no column with a usual name for images: .*image_column', one of name, kind "),
        ("i/a.jpg,3\ni/b.jpg,4\n", r"one of i/a\.jpg, 3 \(the names in the header line\)"),
        ("path;label\ni/a.jpg;3\n", "has the one column 'path;label': give option delimiter=';'"),
        ("path\tlabel\ni/a.jpg\t3\n", r"give option delimiter='\\t'"),
        ("path,label\ni/a.jpg,3\ni/b.jpg\n", "line 3 has 1 cells, but the header has 2"),
        ('path,caption\ni/a.jpg,"two\nlines"\ni/b.jpg,x,y\n', "line 4 has 3 cells"),
        ("path,path\ni/a.jpg,3\n", "has the column 'path' twice"),
        ('path,caption\ni/a.jpg,"open\n', "line 2 is not valid CSV"),
        ('path,caption\ni/a.jpg,"a"b\n', "line 2 is not valid CSV"),
        ("path,caption\ni/a.jpg," + "x" * 200_000, "line 2 is not valid CSV.*field larger"),
        (b"path,caption\ni/a.jpg,\xff\n", "line 2 is not UTF-8"),
        ("path\ni/a.jpg\n".encode("utf-16"), "is UTF-16: save it as UTF-8"),
        (b"\x1f\x8b\x08\0", "cannot be unpacked after its first 0 bytes: the data ends before"),
        ("path\ni/a.jpg\ni/a.jpg\n", r"line 3 names the same image as .*line 2, .*i/a\.jpg"),
        (
            "path,label\ni/a.jpg,3\ni/b.jpg,cat\n",
            r"line 2: the class '3' is a number, but 'cat' \(.*line 3\)",
        ),
        ("path,label\ni/a.jpg,-7\n", "line 2: -7 is not a label"),
    ],
)
def test_a_malformed_table_is_refused_by_line(read, content, message):
    with pytest.raises(SourceError, match=rf"(?s)t\.csv.*{message}"):
        read(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"path": "i/a.jpg"}\n{"path": ', "line 2 is not valid JSON"),
        ('{"path": "i/a.jpg"}\n["i/b.jpg"]', "line 2 is not a JSON object"),
        ('{"path": "i/a.jpg", "path": "i/b.jpg"}', "names 'path' twice"),
        ('{"path": "i/a.jpg", "caption": 3}', "line 1: the caption 3 is not text"),
        ('{"path": "i/a.jpg", "label": [0.5]}', r"line 1: 0\.5 is not a label"),
        ("\n\n", "no column with a usual name for images"),
    ],
)
def test_malformed_json_lines_are_refused_by_line(read, content, message):
    with pytest.raises(SourceError, match=rf"t\.jsonl.*{message}"):
        read(content, "t.jsonl")


def test_a_delimiter_can_be_given(read):
    assert shown(read("path;label\ni/a.jpg;3\n", delimiter=";")) == [("a", 3, 3, None)]
    assert shown(read("path\tlabel\ni/a.jpg\t3\n", delimiter="tab")) == [("a", 3, 3, None)]
    with pytest.raises(UsageError, match="option 'delimiter' is one character"):
        read(CSV, delimiter="::")


def test_a_table_is_known_by_its_suffix(read, make_tree):
    with pytest.raises(SourceError, match=r"t\.json does not have the name of a table.*'sidecars'"):
        read("{}", "t.json")
    with pytest.raises(UsageError, match="is a folder, not a file"):
        table(make_tree(IMAGES))


def test_stems_that_repeat_get_their_folders(make_tree):
    folder = make_tree({"x/1.jpg": b"", "y/1.jpg": b"", "t.csv": "path\nx/1.jpg\ny/1.jpg\n"})
    assert [reference.key for reference in table(f"{folder}/t.csv").references] == ["x/1", "y/1"]


def test_long_tables_are_read_across_windows(make_tree, monkeypatch):
    from wds_imagenet.sources.table import rows

    monkeypatch.setattr(rows, "_WINDOW", 7)
    folder = make_tree({**IMAGES, "t.csv": CSV})
    assert shown(table(f"{folder}/t.csv")) == EXPECTED
    monkeypatch.setattr(rows, "_MAX_LINE", 20)
    with pytest.raises(SourceError, match="line 2 is longer than 20 bytes"):
        table(f"{folder}/t.csv")


COCO = (
    "file,id,split,caption,license\n"
    "i/a.jpg,11,val,one cat,3\ni/b.jpg,12,val,a dog,4\ni/a.jpg,13,val,a cat,3\ni/a.jpg,14,val,,3\n"
)


def test_rows_of_one_image_are_refused_with_advice(read):
    with pytest.raises(SourceError, match=r"line 4 names the same image as .*line 2, .*a\.jpg") as caught:
        read(COCO)
    assert "option duplicates='group'" in str(caught.value)
    assert "option 'key_column'" in str(caught.value)


def test_other_images_of_one_key_are_refused_with_advice(read):
    with pytest.raises(SourceError, match="a column of unique keys as option 'key_column'"):
        read("file\nhttps://h/p.png?id=1\nhttps://h/p.png?id=2\n")


def test_number_labels_that_are_far_apart_are_noted(read):
    notes = read("file,label\na.jpg,20230101\nb.jpg,20210315\n").notes
    assert any("the labels reach 20230101, but only 2 labels occur" in note for note in notes)


def test_grouped_rows_make_one_sample_with_all_captions(read):
    a, b = read(COCO, duplicates="group").references
    assert (a.key, a.caption, b.key, b.caption) == ("a", "one cat", "b", "a dog")
    assert a.metadata == {"id": [11, 13, 14], "split": "val", "license": 3, "captions": ["one cat", "a cat"]}
    assert b.metadata == {"id": [12], "split": "val", "license": 4, "captions": ["a dog"]}


def test_rows_with_keys_of_their_own_are_samples_of_their_own(read):
    listing = read(COCO, key_column="id")
    assert [(r.key, r.name) for r in listing.references] == [
        ("11", "i/a.jpg"),
        ("12", "i/b.jpg"),
        ("13", "i/a.jpg"),
        ("14", "i/a.jpg"),
    ]
    assert listing.references[0].metadata == {"split": "val", "license": 3}


def test_grouping_changes_nothing_where_no_image_repeats(read):
    alone, grouped = (read("path,label\ni/a.jpg,x\ni/b.jpg,y\n", duplicates=d) for d in ("fail", "group"))
    assert list(alone.references) == list(grouped.references)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("path,k\ni/a.jpg,x\ni/b.jpg,x\n", {"key_column": "k"}, r"line 3 has the same key as .*line 2, 'x'"),
        ("path,k\ni/a.jpg,x\ni/a.jpg,x\n", {"key_column": "k"}, r"line 3 has the same key as .*line 2, 'x'"),
        ("path,k\ni/a.jpg,a.b\n", {"key_column": "k"}, r"line 2, column 'k': key 'a\.b' may hold letters"),
        ("path,k\ni/a.jpg,\n", {"key_column": "k"}, r"line 2, column 'k': key '' may hold letters"),
        ("path\ni/a.jpg\n", {"key_column": "k"}, r"has no column 'k'; its columns are path"),
        (
            "path,label\ni/a.jpg,x\ni/a.jpg,y\n",
            {"duplicates": "group"},
            r"line 3 gives i/a\.jpg the label 1, but .*line 2 gave it 0",
        ),
        (
            "path,k\ni/a.jpg,x\ni/a.jpg,y\n",
            {"duplicates": "group", "key_column": "k"},
            r"line 3 gives i/a\.jpg the key 'y', but .*line 2 gave it 'x'",
        ),
        (
            "path,caption,captions\ni/a.jpg,x,y\n",
            {"duplicates": "group"},
            "column 'captions' has the name of the field for all captions: rename it",
        ),
    ],
)
def test_keys_and_groups_that_contradict_are_refused_by_line(read, content, options, message):
    with pytest.raises(SourceError, match=message):
        read(content, **options)


def test_an_unknown_treatment_of_duplicates_is_refused(read):
    with pytest.raises(UsageError, match="option 'duplicates' is fail or group, not 'all'"):
        read(COCO, duplicates="all")


@pytest.mark.parametrize(
    ("name", "duplicates"),
    [("t.csv", "fail"), ("t.csv", "group"), ("t.jsonl", "fail"), ("t.parquet", "fail")],
)
def test_a_table_is_not_held_in_memory(make_tree, little_memory, name, duplicates):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"url": f"s3://b/{i}.jpg", "label": i % 9, "caption": f"{i} {'x' * 4000}"} for i in range(8000)]
    path = f"{make_tree({'list': ''})}/{name}"
    if name == "t.parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100)
    else:
        text = [json.dumps(row) if name == "t.jsonl" else ",".join(map(str, row.values())) for row in rows]
        Path(path).write_text("\n".join(["url,label,caption"] * (name == "t.csv") + text))
    del rows
    with little_memory(24 << 20):
        assert len(table(path, duplicates=duplicates).references) == 8000


@pytest.mark.parametrize(
    ("content", "name", "options"),
    [
        ("path,label\ni/a.jpg,0;2\ni/b.jpg,1\n", "t.csv", {"label_separator": ";"}),
        ('path,label\ni/a.jpg,"[0, 2]"\ni/b.jpg,[1]\n', "t.csv", {"label_separator": ","}),
        ('{"path": "i/a.jpg", "label": [0, 2]}\n{"path": "i/b.jpg", "label": [1]}\n', "t.jsonl", {}),
    ],
)
def test_several_labels_of_an_image_become_a_field(read, content, name, options):
    listing = read(content, name, **options)
    assert [(r.label, r.metadata) for r in listing.references] == [
        (None, {"labels": [0, 2]}),
        (None, {"labels": [1]}),
    ]
    assert "images have several labels: the field 'labels' lists them" in listing.notes


def test_several_columns_that_may_have_labels_ask_which(read):
    content = "path,fine_label,coarse_label\ni/a.jpg,3,1\n"
    with pytest.raises(
        SourceError, match=r"whether 'fine_label' or 'coarse_label' has .*option 'label_column'"
    ):
        read(content)
    assert read(content, label_column="coarse_label").references[0].label == 1
    assert read(content, label_column="").references[0].metadata == {"fine_label": 3, "coarse_label": 1}


def test_one_empty_cell_among_numbers_is_noted_and_can_be_filled(read):
    content = "path,n\ni/a.jpg,3\ni/b.jpg,\n"
    listing = read(content)
    assert [r.metadata["n"] for r in listing.references] == ["3", ""]
    (note,) = [note for note in listing.notes if "become text" in note]
    assert note == (
        "the numbers of 'n' become text, because 1 cell is empty; option 'null_as' of table and huggingface "
        "fills them"
    )
    filled = read(content, null_as="-1")
    assert [r.metadata["n"] for r in filled.references] == [3, -1]
    assert len(filled.notes) == len(listing.notes) - 1
    lines = '{"path": "i/a.jpg", "n": 3}\n{"path": "i/b.jpg", "n": null}\n'
    assert [r.metadata["n"] for r in read(lines, "t.jsonl").references] == [3, None]
    assert [r.metadata["n"] for r in read(lines, "t.jsonl", null_as="0").references] == [3, 0]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("path,label\ni/a.jpg,0\n,1\ni/x.jpg,1\n", "t.csv"),
        ('{"path": "i/a.jpg", "label": 0}\n{"label": 1}\n{"path": "i/x.jpg", "label": 1}\n', "t.jsonl"),
        (
            '{"path": "i/a.jpg", "label": 0}\n{"path": null, "label": 1}\n{"path": "i/x.jpg", "label": 1}',
            "t.jsonl",
        ),
    ],
)
def test_rows_without_an_image_have_a_fault_with_their_line(read, content, name):
    first, empty, missing = read(content, name).references
    assert first.fault is None
    assert f"{name}, line {3 if name == 't.csv' else 2}: the cell of the image is empty" in empty.fault
    assert f"{name}, line {4 if name == 't.csv' else 3}: there is no i/x.jpg;" in missing.fault
    assert "option 'root'" in missing.fault


def test_two_rows_without_an_image_are_not_the_same_image(read):
    listing = read("path,label\n,0\n,1\ni/a.jpg,1\ni/a.jpg,1\n", duplicates="group")
    assert [r.key for r in listing.references] == ["no_image_in_line_2", "no_image_in_line_3", "a"]


def test_booleans_decimals_and_nan_are_labels_or_none(make_tree):
    import decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    def labels(values, kind=None):
        folder = make_tree({**IMAGES, "t.parquet": b""})
        table_ = pa.table({"path": ["i/a.jpg", "i/b.jpg"], "label": pa.array(values, kind)})
        pq.write_table(table_, f"{folder}/t.parquet")
        return [r.label for r in table(f"{folder}/t.parquet").references]

    assert labels([True, False]) == [1, 0]
    assert labels([decimal.Decimal("3.00"), decimal.Decimal("1.00")]) == [3, 1]
    assert labels([float("nan"), 2.0]) == [None, 2]
    assert labels(pa.array(["dog", "cat"]).dictionary_encode()) == [1, 0]
    assert labels(["dog", "cat"], pa.large_string()) == [1, 0]


LONG = "path,label,x\ni/a.jpg,cat,1\ni/b.jpg,dog,1\ni/a.jpg,dog,1\ni/a.jpg,cat,1\n"


def test_rows_of_one_image_with_several_labels_need_the_option_that_allows_them(read):
    with pytest.raises(
        SourceError, match=r"line 4 gives .*; option label_separator=';' gives images several"
    ):
        read(LONG, duplicates="group")


def test_the_labels_of_all_rows_of_an_image_are_put_together(read):
    listing = read(LONG, duplicates="group", label_separator=";")
    assert [item["name"] for item in listing.classes] == ["cat", "dog"]
    found = {r.key: (r.label, r.metadata["labels"], r.metadata["x"]) for r in listing.references}
    assert found == {"a": (None, [0, 1], 1), "b": (None, [1], 1)}


@pytest.mark.parametrize("bits", ["0,1", "1,1", "True,False", "0.0,1.0"])
def test_a_note_names_columns_that_say_yes_or_no_for_each_class(read, bits):
    notes = read(f"path,cat,dog,n\ni/a.jpg,{bits},5\ni/b.jpg,{bits},6\n").notes
    (note,) = [note for note in notes if "'cat', 'dog' have only 0 and 1" in note]
    assert "'label_column'" in note
    assert "'label_separator'" in note


@pytest.mark.parametrize("header", ["path,label,cat,dog", "path,x,cat,dog"])
def test_no_note_comes_if_there_are_labels_or_one_such_column(read, header):
    cells = "0,1,1" if "label" in header else "5,7,1"
    assert not any("only 0 and 1" in note for note in read(f"{header}\ni/a.jpg,{cells}\n").notes)
