"""Parquet files are read a few rows at a time, whatever their metadata promises."""

import io
import tracemalloc

import pytest

from wds_imagenet.inputs.parquet import open_parquet

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def test_a_large_value_that_a_dictionary_repeats_takes_little_memory():
    size = 8 << 20
    large = pa.DictionaryArray.from_arrays(pa.array([0] * 200, pa.int32()), pa.array(["x" * size]))
    file = io.BytesIO()
    pq.write_table(pa.table({"path": ["a.jpg"] * 200, "caption": large}), file, compression="zstd")
    data = file.getvalue()
    assert len(data) < 10_000
    rows = 0
    tracemalloc.start()
    try:
        with open_parquet(lambda at, count: data[at : at + count], len(data), "x.parquet") as parquet:
            for row in parquet.read(["path", "caption"]):
                rows += 1
                assert len(row.values["caption"]) == size
        peak = tracemalloc.get_traced_memory()[1] + pa.total_allocated_bytes()
    finally:
        tracemalloc.stop()
    assert rows == 200
    assert peak < 600 << 20
