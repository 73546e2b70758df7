"""Rows of tables whose image is missing: an error with the row, or left out and listed."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wds_imagenet import Dataset
from wds_imagenet.errors import DataError
from wds_imagenet.packing.api import pack


@pytest.fixture
def table(photo_files, tmp_path):
    """Return a function that writes a table of four rows, of which only the first and last have an image."""
    folder = tmp_path / "in"
    folder.mkdir()
    data = [path.read_bytes() for path in photo_files[:2]]
    for name, content in zip("ad", data, strict=True):
        (folder / f"{name}.jpg").write_bytes(content)

    def written(form):
        url = folder / f"t.{form}"
        if form == "csv":
            url.write_text("path,label,n\na.jpg,0,5\n,1,\nc.jpg,1,7\nd.jpg,1,8\n")
        elif form == "jsonl":
            rows = [("a.jpg", 0, 5), (None, 1, None), ("c.jpg", 1, 7), ("d.jpg", 1, 8)]
            url.write_text("\n".join(json.dumps({"path": p, "label": x, "n": n}) for p, x, n in rows))
        else:
            images = [{"bytes": b, "path": f"{n}.jpg"} for n, b in zip("ad", data, strict=True)]
            column = pa.array([images[0], None, {"bytes": None, "path": "c.jpg"}, images[1]])
            pq.write_table(pa.table({"image": column, "label": [0, 1, 1, 1], "n": [5, 6, 7, 8]}), url)
        return str(url)

    return written


FORMS = [("csv", "table"), ("jsonl", "table"), ("parquet", "huggingface")]


@pytest.mark.parametrize(("form", "source"), FORMS)
def test_rows_without_an_image_are_left_out_and_listed(form, source, table, tmp_path):
    out = tmp_path / "out"
    report = pack(source, table(form), dest=str(out), split="train", workers=1, on_bad="skip")
    assert (report.samples, report.skipped) == (2, 2)
    samples = {sample.key: (sample.label, sample.json["n"]) for sample in Dataset.open(str(out)).samples()}
    assert samples == {"a": (0, 5), "d": (1, 8)}
    lines = [json.loads(line) for line in (out / ".wds-imagenet" / "report.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    assert all(f"t.{form}" in line["reason"] for line in lines)


@pytest.mark.parametrize(
    ("form", "source", "absolute"),
    [*((*form, False) for form in FORMS), *((*form, True) for form in FORMS[:2])],
)
def test_the_place_of_the_input_is_neither_in_the_plan_nor_in_the_report(
    form, source, table, tmp_path, absolute
):
    url = Path(table(form))
    manifests = []
    for name in ("in", "moved"):
        if name == "moved":
            url = url.parent.rename(tmp_path / "moved") / url.name
        if absolute:
            url.write_text(re.sub(r"[^\",\n]*\b([acd]\.jpg)", rf"{url.parent}/\1", url.read_text()))
        out = tmp_path / f"out-{name}"
        pack(source, str(url), dest=str(out), name="n", split="train", workers=1, on_bad="skip")
        manifests.append(Dataset.open(str(out)).manifest)
        assert str(tmp_path) not in (out / ".wds-imagenet" / "report.jsonl").read_text()
        with pytest.raises(DataError) as caught:
            pack(source, str(url), dest=str(tmp_path / "none"), split="train", workers=1)
        assert str(caught.value).count(str(url.parent)) == 1
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize(("form", "source"), FORMS)
def test_without_skip_the_error_names_the_row_and_the_option(form, source, table, tmp_path):
    place = {"csv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[form]
    with pytest.raises(DataError, match=rf"t\.{form}, {place}.*option on_bad='skip'"):
        pack(source, table(form), dest=str(tmp_path / "out"), split="train", workers=1)


def test_a_null_among_numbers_is_noted_and_can_be_filled(table, tmp_path):
    (tmp_path / "in" / "u.jsonl").write_text('{"path": "a.jpg", "n": 1}\n{"path": "d.jpg", "n": null}')
    url, out = str(tmp_path / "in" / "u.jsonl"), str(tmp_path / "out")
    table("csv")
    report = pack("table", url, dest=out, dry_run=True)
    (note,) = [note for note in report.notes if "become text" in note]
    assert note.startswith("the numbers of 'n' become text, because 1 sample has none; ")
    report = pack("table", url, dest=out, workers=1, null_as="-1")
    assert not any("become text" in note for note in report.notes)
    assert sorted(sample.json["n"] for sample in Dataset.open(out).samples()) == [-1, 1]
