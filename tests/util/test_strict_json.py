"""JSON that is not trusted is parsed strictly, or rejected at once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.util import strict_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_written_json_is_read_back_by_us_and_by_python(value):
    data = strict_json.dumps(value)
    assert strict_json.loads(data) == json.loads(data) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a":1,"a":2}', "twice"),
        (b"[NaN]", "no NaN"),
        (b"[-Infinity]", "no -Infinity"),
        (b"[1e400]", "too large"),
        (b'["\\ud800"]', "surrogates"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b'"' + b"x" * (1 << 20) + b'"', "at most"),
        (b"\xff", "utf-8"),
        (b"[1", "delimiter"),
    ],
)
def test_texts_that_python_would_accept_or_crash_on_are_rejected(text, message):
    with pytest.raises(ValueError, match=message):
        strict_json.loads(text)


def test_brackets_in_strings_are_no_nesting():
    assert strict_json.loads(b'["' + b"[" * 100 + b'"]') == ["[" * 100]


@pytest.mark.timeout(10)
def test_a_text_made_to_be_slow_is_rejected_quickly():
    with pytest.raises(ValueError, match=r"delimiter|Unterminated"):
        strict_json.loads(b"[" + b"[]," * 65 + b'"' + b'\\"' * 400_000)
