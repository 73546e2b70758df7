"""Errors and reports for a user's mistake, and for bad images in a data set."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

from wds_imagenet.errors import DataError, DeniedError, ImageError, NotFoundError, SourceError, StoreError
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.options import OnBad, PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.packing.report import PackReport
from wds_imagenet.sources import Listing
from wds_imagenet.storage import open_store

ListImages = Callable[..., Listing]


@pytest.fixture
def url() -> str:
    return f"memory://{uuid4().hex}"


@pytest.fixture
def spoilt(photo_files: list[Path], tmp_path: Path, list_images: ListImages) -> Listing:
    """Six real photos, five of them made bad in as many ways."""
    photos = [path.read_bytes() for path in photo_files[:6]]
    photos[1] = photos[1][:-2]
    photos[2] = photos[2][: len(photos[2]) // 2]
    for i, (form, mode) in {3: ("PNG", "RGB"), 4: ("JPEG", "CMYK")}.items():
        buffer = io.BytesIO()
        Image.open(io.BytesIO(photos[i])).convert(mode).save(buffer, form)
        photos[i] = buffer.getvalue()
    photos[5] = b"404: not found"
    for i, data in enumerate(photos):
        (tmp_path / f"{i}.JPEG").write_bytes(data)
    return list_images(sorted(tmp_path.glob("*.JPEG")))


def packed(listing: Listing, url: str, policy: OnBad) -> tuple[PackReport, dict[str, str]]:
    """Return the report, and the action of each image by key."""
    report = pack_listing(listing, url, PackOptions("x", on_bad=policy, shuffle=False))
    lines = open_store(url).read(".wds-imagenet/report.jsonl").data.splitlines()
    return report, {line["key"]: line["action"] for line in map(json.loads, lines)}


def test_a_bad_image_stops_the_packing_and_is_named(spoilt: Listing, url: str) -> None:
    with pytest.raises(ImageError, match=rf"{spoilt.references[1].url}: the JPEG is cut off"):
        pack_listing(spoilt, url, PackOptions("x", shuffle=False))
    assert MANIFEST_PATH not in [o.path for o in open_store(url).list_objects()]


def test_bad_images_are_left_out_and_reported(spoilt: Listing, url: str) -> None:
    report, actions = packed(spoilt, url, "skip")
    assert actions == {"1": "skipped", "2": "skipped", "3": "kept", "4": "kept", "5": "skipped"}
    assert (report.samples, report.skipped, report.repaired) == (3, 3, 0)
    manifest = Manifest.from_json(open_store(url).read(MANIFEST_PATH).data)
    assert [item["samples"] for item in manifest.classes] == [1, 0, 0, 1, 1, 0, 0]


def test_bad_images_are_repaired_and_reported(spoilt: Listing, url: str) -> None:
    mendable = replace(spoilt, references=[spoilt.references[i] for i in (0, 1, 3, 4)])
    report, actions = packed(mendable, url, "repair")
    assert actions == {"1": "repaired", "3": "kept", "4": "repaired"}
    assert (report.samples, report.skipped, report.repaired) == (4, 0, 2)


def test_bad_images_are_repaired_or_else_left_out(spoilt: Listing, url: str) -> None:
    report, actions = packed(spoilt, url, "repair-else-skip")
    assert actions == {"1": "repaired", "2": "skipped", "3": "kept", "4": "repaired", "5": "skipped"}
    assert (report.samples, report.skipped, report.repaired) == (4, 2, 2)


def test_a_repaired_image_has_one_line_in_the_report(
    photo_files: list[Path], tmp_path: Path, url: str, list_images: ListImages
) -> None:
    Image.open(photo_files[0]).save(tmp_path / "a.gif")
    Image.open(photo_files[0]).convert("CMYK").save(tmp_path / "b.png", "JPEG")
    pack_listing(list_images(sorted(tmp_path.iterdir())), url, PackOptions("x", on_bad="repair"))
    lines = map(json.loads, open_store(url).read(".wds-imagenet/report.jsonl").data.splitlines())
    assert sorted((line["key"], line["action"], line["reason"]) for line in lines) == [
        ("a", "repaired", "gif rewritten as png"),
        ("b", "repaired", "CMYK converted to RGB"),
    ]


def test_a_message_explains_how_to_list_all_bad_images(spoilt: Listing, url: str) -> None:
    with pytest.raises(ImageError, match=r"on_bad='skip' leaves out every .*report\.jsonl"):
        pack_listing(spoilt, url, PackOptions("x", shuffle=False))
    broken = replace(spoilt, references=[spoilt.references[5]])
    with pytest.raises(ImageError, match="cannot be repaired; option on_bad='repair-else-skip' leaves"):
        pack_listing(broken, f"{url}2", PackOptions("x", on_bad="repair"))


@pytest.mark.parametrize("i", [2, 5])
def test_an_image_beyond_repair_stops_packing(spoilt: Listing, url: str, i: int) -> None:
    with pytest.raises(ImageError, match=rf"{i}\.JPEG: "):
        pack_listing(
            replace(spoilt, references=[spoilt.references[i]]), url, PackOptions("x", on_bad="repair")
        )


def test_a_data_set_of_which_nothing_is_left_has_no_manifest(spoilt: Listing, url: str) -> None:
    with pytest.raises(SourceError, match="can be used"):
        pack_listing(replace(spoilt, references=[spoilt.references[5]]), url, PackOptions("x", on_bad="skip"))
    assert MANIFEST_PATH not in [o.path for o in open_store(url).list_objects()]


def test_nothing_to_pack_is_an_error(url: str) -> None:
    with pytest.raises(SourceError, match="no images"):
        pack_listing(Listing([]), url, PackOptions("x"))


def test_a_destination_that_is_a_file_is_an_error(small: Listing, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    for dest in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match="file"):
            pack_listing(small, str(dest), PackOptions("x"))
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_no_such_bucket_is_an_error(small: Listing, s3_url: str) -> None:
    with pytest.raises(NotFoundError, match="bucket"):
        pack_listing(small, s3_url.replace("s3://tests", "s3://no-such-bucket"), PackOptions("x"))


def test_wrong_credentials_are_an_error(small: Listing, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(DeniedError):
        pack_listing(small, s3_url, PackOptions("x"))


def test_a_damaged_receipt_is_no_receipt(small: Listing, url: str) -> None:
    pack_listing(small, url, PackOptions("x"))
    data = open_store(url).read(".wds-imagenet/receipts/x-train-000000.tar.json").data
    receipt = Receipt.from_json(data)
    assert receipt.shard.samples == 60
    for damaged in (b"", b"{}", b"[]", data[:-1], data.replace(b'"keys":["', b'"keys":["x","'), data + b" "):
        with pytest.raises(DataError, match="receipt"):
            Receipt.from_json(damaged)
