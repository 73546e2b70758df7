"""Pages escape any text."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace

import pytest
from PIL import Image

from wds_imagenet.format.manifest import Block, Manifest, Shard
from wds_imagenet.reading.fetch_blocks import BlockLocation
from wds_imagenet.sample import Sample
from wds_imagenet.view import pages
from wds_imagenet.view.class_table import make_class_table
from wds_imagenet.view.dataset_info import make_dataset_info
from wds_imagenet.view.histogram import histogram
from wds_imagenet.view.item import make_item
from wds_imagenet.view.overview import Overview

SHARD = Shard("s.tar", 1000, 1, "0" * 64, (Block(1000, 1, 0),))


@pytest.fixture(scope="module")
def evil(hostile):
    """A data set in which every text is hostile, its facts, overview and one sample."""
    image = io.BytesIO()
    Image.new("RGB", (40, 20)).save(image, "PNG")
    classes = ({"name": hostile, "wnid": hostile, f"name_{hostile}": hostile, "samples": 1},)
    manifest = Manifest(hostile, hostile, (hostile,), "0" * 64, (SHARD,), classes)
    info = make_dataset_info(hostile, manifest, classes, [hostile], [hostile, hostile + "2"])
    entry = {"id": hostile, "name": hostile, "class": 0, "confidence": 0.5, "source": hostile}
    boxes = [{"name": hostile, "xmin": 0, "ymin": 0, "xmax": 1, "ymax": 1, "attributes": [hostile]}]
    text = json.dumps({hostile: hostile, "boxes": boxes, "machine": [entry]})
    members = {"cls": b"0", "png": image.getvalue(), "json": text.encode(), "txt": hostile.encode()}
    location = BlockLocation(SHARD, 0, SHARD.blocks[0], True, 0)
    item = make_item(Sample(hostile, {**members, hostile: b""}), 0, location, classes, {})
    seen = Overview(1, True, 1, (histogram(hostile, [3]),), {hostile: [(hostile, 1)]})
    return info, seen, replace(item, problems=(hostile,))


def all_pages(info, seen, item):
    return {
        "overview": pages.overview_page(info, seen),
        "classes": pages.classes_page(info, info.classes.rows, info.name, 0, 10),
        "gallery": pages.gallery_page(info, [item], 0, 10),
        "of a class": pages.gallery_page(info, [item], 0, 10, label=0, stop=1, unreadable=1),
        "sample": pages.sample_page(info, item),
        "problem": pages.error_page(info.name, info.name),
        "whole": pages.single_page(info, seen, [item], {0: b"jpeg"}),
    }


@pytest.mark.parametrize(
    "name", ["overview", "classes", "gallery", "of a class", "sample", "problem", "whole"]
)
def test_hostile_text_is_escaped(evil, name, page, hostile):
    shown = page(all_pages(*evil)[name])
    assert " ".join(hostile.split()) in shown.text
    tags = {tag for tag, _ in shown.elements}
    assert not tags & {"script", "iframe", "object", "embed", "base"}
    for tag, attributes in shown.elements:
        assert not any(one.startswith("on") or one == "style" for one in attributes), tag
        for address in (attributes.get("href"), attributes.get("src"), attributes.get("action")):
            assert address is None or re.match(r"/[a-z.]*(/\d+)?(\?|$)|data:image/jpeg;base64,", address)


def test_the_whole_page_allows_its_own_style_and_loads_nothing(evil, page):
    shown = page(all_pages(*evil)["whole"])
    (style,) = [data for tag, data in shown.texts if tag == "style"]
    (policy,) = [one["content"] for one in shown.all("meta") if "http-equiv" in one]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'")
    assert shown.all("link") == shown.all("a") == []
    assert "url(" not in style
    assert "@import" not in style


def test_the_style_sheet_names_no_element_that_could_end_it():
    assert "<" not in pages.stylesheet()


def test_classes_are_found_by_any_name_and_by_label():
    table = make_class_table(
        [{"name": "tench", "name_zh": "丁鲷", "samples": 3}, {"name": "Goldfish", "samples": 2}]
    )
    assert table.columns == ("name", "name_zh")
    for words, labels in (("丁鲷", [0]), ("goldFISH", [1]), ("1", [1]), ("", [0, 1]), ("<", [])):
        assert [row.label for row in table.search(words)] == labels


def test_the_page_of_a_damaged_sample_shows_each_problem(page):
    sample = Sample("k", {"cls": b"x", "jpg": b"no image", "json": b"{", "txt": b"\xff"})
    item = make_item(sample, 0, BlockLocation(SHARD, 0, SHARD.blocks[0], True, 0), (), {})
    info = make_dataset_info("url", Manifest("n", "s", (), "0" * 64, (SHARD,)), (), [], [])
    text = page(pages.sample_page(info, item)).text
    for words in ("not an integer", "not an image", "JSON cannot be read", "not UTF-8", "no picture"):
        assert words in text
