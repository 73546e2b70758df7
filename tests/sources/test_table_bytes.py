"""Any bytes in place of a table give rows or an error of ours."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.imagenet import read_classes
from wds_imagenet.inputs.csv_files import read_csv_files
from wds_imagenet.labels import read_class_names
from wds_imagenet.sources import table

WORDS = [
    "path",
    "label",
    "caption",
    "a.jpg",
    "0",
    "1.0",
    "-1",
    "NaN",
    "null",
    "true",
    '{"path": "a.jpg"}',
    "[0, 2]",
]
CONTENT = st.binary(max_size=120) | st.lists(
    st.sampled_from([*WORDS, *",;\t|\n\r\"'{}[]: \\\x00\xff"]), max_size=40
).map(lambda words: "".join(words).encode("latin-1"))
HEADED = st.tuples(
    st.sampled_from([b"", b"path,label\n", b"path\tlabel,n\n", b"\xef\xbb\xbf", b"\xff\xfe"]), CONTENT
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables")
    (path / "a.jpg").write_bytes(b"x")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.csv.gz", "t.parquet", "c.txt"])
@settings(max_examples=120, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=HEADED)
def test_any_bytes_give_rows_or_our_error(name, folder, parts):
    url = str(folder / name)
    (folder / name).write_bytes(b"".join(parts))
    for read in (
        lambda: list(table(url).references) if name != "c.txt" else read_classes(url),
        lambda: [list(file.rows) for file in read_csv_files(url, {}, lambda _: True)],
        lambda: read_class_names(url, "en"),
    ):
        with suppress(WdsImagenetError):
            read()
