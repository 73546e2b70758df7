from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import NotFoundError, UsageError
from wds_imagenet.view.request import MAX_ADDRESS, Request, read_request


def test_an_address_is_a_page_an_item_and_a_query():
    assert read_request("/sample/17") == Request("sample", "17", {})
    assert read_request("/samples?start=48&label=") == Request("samples", "", {"start": "48", "label": ""})
    assert read_request("/").page == ""


@given(st.text(max_size=60))
def test_any_address_is_parsed_or_rejected(text):
    for target in (text, f"/{text}", f"/samples?{text}"):
        with suppress(UsageError):
            assert isinstance(read_request(target), Request)


@pytest.mark.parametrize(
    "target", ["/" + "x" * MAX_ADDRESS, "/samples?start=1&start=2", "/samples?start=%ff"]
)
def test_a_malformed_address_is_rejected(target):
    with pytest.raises(UsageError):
        read_request(target)


@pytest.mark.parametrize("text", ["x", "1.5", "-1", "10", "1" * 30, "\u0661"])
def test_a_number_is_one_and_within_bounds(text):
    with pytest.raises(UsageError, match="start is a whole number from 0 to 9"):
        read_request(f"/samples?start={text}").number("start", 0, range(10))
    with pytest.raises(NotFoundError):
        read_request(f"/sample/{text}").index(10)
