"""A file's own hash is the SHA-256 of its JSON with sorted names, without the hash itself."""

import hashlib
import json

import pytest

from wds_imagenet.format.own_hash import OWN_HASH, own_sha256

VALUE = {"b": [1, {"z": None, "é": "ü"}], "a": {"y": True, "x": "0"}}


@pytest.mark.parametrize("value", [VALUE, dict(reversed(VALUE.items())), VALUE | {OWN_HASH: "other"}])
def test_the_own_hash_depends_neither_on_the_order_of_names_nor_on_the_hash_that_is_there(value):
    text = json.dumps(VALUE, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert own_sha256(value) == hashlib.sha256(text.encode()).hexdigest()
