"""Rows sorted on disk."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.spilled.rows import SpilledRow, SpilledRows

IMAGES = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.lists(st.tuples(IMAGES, st.integers(0, 3))))
def test_rows_come_image_by_image_then_by_kind_then_as_they_came(given_rows):
    rows = [SpilledRow(image, kind, 0, i, 0, 0.5, "é\n") for i, (image, kind) in enumerate(given_rows)]
    with SpilledRows() as spilled:
        spilled.add(iter(rows))
        found = [row for _, of_image in spilled.images() for row in of_image]
    assert found == sorted(rows, key=lambda row: (row.image, row.kind, row.line))


def test_nothing_is_left_behind_and_an_error_passes_through(tmp_path, monkeypatch):
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def rows():
        for i in range(200_000):
            yield SpilledRow(random.getrandbits(60), 0, 0, i, 0, 0.0, "x" * 400)
        assert not list(Path(tmp_path).iterdir())  # the file has no name even now
        raise SourceError("line 7")

    with SpilledRows() as spilled, pytest.raises(SourceError, match="line 7"):
        spilled.add(rows())
    assert not list(Path(tmp_path).iterdir())
