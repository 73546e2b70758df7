"""The hash of a listing is that of its references, wherever the files lie and however they are sorted."""

import hashlib
import json
import random

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.packing.plan.reference_hash import ReferenceHash


def reference(number, folder, **more):
    return Reference(f"k{number}", f"{folder}/{number}.jpg", 0, 9, f"{number}.jpg", number % 3, **more)


def hashed(references):
    made = ReferenceHash(references)
    for item in references:
        made.add(item)
    return made.hexdigest()


def independent(rows):
    digest = hashlib.sha256()
    for start in range(0, len(rows), 4096):
        digest.update(json.dumps(rows[start : start + 4096], separators=(",", ":")).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("count", [1, 2, 4095, 4096, 4097, 9000])
@pytest.mark.parametrize("order", ["sorted", "the first and the last in one folder of two"])
def test_the_hash_covers_each_reference_once_relative_to_the_folder_that_all_share(count, order):
    folders = ["/d/a" if order == "sorted" or i in {0, count - 1} else "/d/b" for i in range(count)]
    references = [reference(i, folder) for i, folder in enumerate(folders)]
    cut = len("/d/") if "/d/b" in folders else len("/d/a/")
    rows = [[r.key, r.url[cut:], 0, 9, r.name, r.label, None, r.metadata] for r in references]
    assert hashed(references) == independent(rows)


def test_another_order_place_or_folder_of_attachments_is_seen_and_a_move_is_not():
    def listing(images="/d", masks="/m/x", other="/m/y", offset=0):
        return [
            reference(
                i, images, attachments=(Attachment("mask", f"{masks if i % 2 else other}/{i}", offset, 3),)
            )
            for i in range(5)
        ]

    first = hashed(listing())
    assert hashed(listing("s3://b/new", "/moved/x", "/moved/y")) == first
    assert hashed(listing(other="/m/z")) != first
    assert hashed(listing(offset=1)) != first
    shuffled = listing()
    random.Random(0).shuffle(shuffled)
    assert hashed(shuffled) != first


@pytest.mark.parametrize("change", [{"rotation": 90}, {"fault": "empty"}, {"fault": ""}])
def test_a_rotation_and_a_fault_are_seen(change):
    (name,) = {"rotation": ["turn"], "fault": ["fault"]}[min(change)]
    row = ["k0", "0.jpg", 0, 9, "0.jpg", 0, None, {}, {name: change[min(change)]}]
    assert hashed([reference(0, "/d", **change)]) == independent([row]) != hashed([reference(0, "/d")])


def test_the_sample_without_json_form_is_named_wherever_it_stands():
    references = [reference(i, "/d") for i in range(5000)]
    references[4500] = reference(4500, "/d", metadata={"x": float("nan")})
    with pytest.raises(SourceError, match=r"the metadata of '4500\.jpg' has no JSON form"):
        hashed(references)
