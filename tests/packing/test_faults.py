"""An image that its source already found unusable: left out and listed, or the end of the run."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wds_imagenet import Dataset
from wds_imagenet.errors import SourceError
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing, pack_stream
from wds_imagenet.packing.plan.listing_plan import plan
from wds_imagenet.sources import Listing, Reference, Stream, StreamedImage

FAULT = "the sample has no image"


def references(faulty: list[bool], url: str = "/x.tar") -> list[Reference]:
    return [
        Reference(f"k{i}", url, 0, None, f"{i}.png", None if bad else i, fault=FAULT if bad else None)
        for i, bad in enumerate(faulty)
    ]


@given(
    st.lists(st.booleans(), min_size=1, max_size=40).filter(lambda faulty: not all(faulty)),
    st.integers(1, 600_000),
    st.none() | st.integers(1, 7),
)
def test_every_shard_has_an_image_that_can_be_used(
    faulty: list[bool], shard_bytes: int, samples: int | None
) -> None:
    options = PackOptions("x", shard_bytes=shard_bytes, samples_per_shard=samples, on_bad="skip")
    made = plan(Listing(references(faulty)), options)
    tasks = [made.task(number).references for number in range(len(made.shard_names))]
    assert sorted(r.key for task in tasks for r in task) == sorted(f"k{i}" for i in range(len(faulty)))
    assert all(any(r.fault is None for r in task) for task in tasks)
    if samples is not None:
        assert all(sum(r.fault is None for r in task) == samples for task in tasks[:-1])


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(file, "PNG")
    return file.getvalue()


def as_listing(faulty: list[bool], folder: Path) -> Listing:
    (folder / "a.png").write_bytes(picture())
    return Listing(references(faulty, str(folder / "a.png")))


def as_stream(faulty: list[bool], _: Path) -> Stream:
    def images():
        return (StreamedImage(r, b"" if r.fault else picture()) for r in references(faulty))

    return Stream({"source": "test"}, images, labelled=True)


CASES = [[True, False, False, True, False, True], [False, True, True], [True, True, False]]


@pytest.mark.parametrize("faulty", CASES)
@pytest.mark.parametrize(("make", "pack"), [(as_listing, pack_listing), (as_stream, pack_stream)])
def test_what_cannot_be_used_is_left_out_and_listed(make, pack, faulty, tmp_path):
    data = make(faulty, tmp_path)
    options = PackOptions("x", samples_per_shard=1, on_bad="skip", shuffle=False)
    report = pack(data, str(tmp_path / "out"), options, workers=1)
    assert (report.samples, report.skipped) == (faulty.count(False), faulty.count(True))
    good = [i for i, bad in enumerate(faulty) if not bad]
    assert [(s.key, s.label) for s in Dataset.open(str(tmp_path / "out")).samples()] == [
        (f"k{i}", i) for i in good
    ]
    lines = (tmp_path / "out" / ".wds-imagenet" / "report.jsonl").read_text().splitlines()
    assert sorted((line["key"], line["action"], line["reason"]) for line in map(json.loads, lines)) == [
        (f"k{i}", "skipped", FAULT) for i, bad in enumerate(faulty) if bad
    ]


@pytest.mark.parametrize(("make", "pack"), [(as_listing, pack_listing), (as_stream, pack_stream)])
@pytest.mark.parametrize(("on_bad", "cure"), [("fail", "skip"), ("repair", "repair-else-skip")])
def test_otherwise_the_run_ends_with_the_option_that_cures_it(make, pack, on_bad, cure, tmp_path):
    data = make([False, True], tmp_path)
    with pytest.raises(SourceError, match=f"{FAULT}; option on_bad='{cure}' leaves out"):
        pack(data, str(tmp_path / "out"), PackOptions("x", on_bad=on_bad, shuffle=False), workers=1)


@pytest.mark.parametrize(("make", "pack"), [(as_listing, pack_listing), (as_stream, pack_stream)])
def test_where_none_can_be_used_there_is_nothing_to_pack(make, pack, tmp_path):
    data = make([True, True], tmp_path)
    with pytest.raises(SourceError, match="none of the 2 images"):
        pack(data, str(tmp_path / "out"), PackOptions("x", on_bad="skip"), workers=1)
