import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.inputs.json_stream import read_entries, read_items

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
OBJECTS = st.dictionaries(TEXTS, st.one_of(TEXTS, st.lists(TEXTS), st.none(), st.integers()), max_size=4)


def cut(data, sizes):
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


@given(
    st.lists(OBJECTS, max_size=6),
    st.booleans(),
    st.sampled_from([None, 1, "\t"]),
    st.lists(st.integers(1, 9)),
)
def test_entries_are_those_of_json_however_it_is_cut(value, ascii_only, indent, sizes):
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    found = list(read_entries(cut(b"\xef\xbb\xbf\n" + data + b" \r\n", sizes)))
    assert [entry.value for entry in found] == value
    assert [entry.number for entry in found] == list(range(1, len(value) + 1))


VALUES = st.one_of(
    TEXTS, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(), OBJECTS
)


@given(st.dictionaries(TEXTS, VALUES, max_size=6) | st.lists(VALUES, max_size=6), st.lists(st.integers(1, 9)))
def test_items_are_those_of_json_however_it_is_cut(value, sizes):
    found = list(read_items(cut(json.dumps(value).encode(), sizes)))
    names = list(value) if isinstance(value, dict) else [None] * len(value)
    assert [item.name for item in found] == names
    values = list(value.values()) if isinstance(value, dict) else value
    assert [json.loads(item.raw) for item in found] == values


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"3", "it is not a JSON array or object: it begins with '3'"),
        (b"{", "entry 1, at byte 1: it is not a JSON value"),
        (b'{"a"', "entry 1, at byte 1: no name and colon: ''"),
        (b'{"a": ', "entry 1, at byte 1: it is not a JSON value"),
        (b"{3: 4}", "entry 1, at byte 1: no name and colon"),
        (b'{"a" 1}', "entry 1, at byte 1: no name and colon: '1}'"),
        (b'{"a": 1]', "no comma and no end after entry 1"),
        (b'{"a": 1} x', "text follows the object, at byte 9: 'x'"),
        (b"[NaN]", "entry 1, at byte 1: it is not a JSON value: 'NaN"),
    ],
)
def test_json_that_is_no_array_or_object_is_refused_with_entry_and_byte(data, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        list(read_items([data]))


def test_offsets_are_those_of_the_bytes():
    data = ' [ {"é": "日"},\n{"b": 1}]'.encode()
    assert [entry.offset for entry in read_entries([data[:9], data[9:]])] == [3, data.index(b'{"b"')]


def test_lone_surrogates_are_replaced_and_pairs_kept():
    text = rb'[{"a": "\ud83d\ude00 \ud83d x \ude00 \\ud83d \\\ud83d"}, {"a": "\\ud83d"}]'
    first, second = read_entries([text])
    assert first.value["a"] == "😀 \ufffd x \ufffd \\ud83d \\\ufffd"
    assert (first.repaired, second.repaired, second.value["a"]) == (True, False, "\\ud83d")


def test_memory_is_bounded():
    def chunks():
        yield b"[" + b" " * (3 << 20)
        for number in range(40):
            yield b"," * (number > 0) + b'{"a":"' + b"x" * 900_000 + b'"}' + b" " * 500_000
        yield b"]"

    tracemalloc.start()
    try:
        assert sum(1 for _ in read_entries(chunks())) == 40
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is not a JSON array"),
        (b'{"a": 1}', "it is not a JSON array: it begins with '{"),
        (b"[", "entry 1, at byte 1: it is not a JSON value: ''"),
        (b"[3]", "entry 1, at byte 1: it is not a JSON object: '3'"),
        (b"[{}", "no comma and no end after entry 1, at byte 3"),
        (b"[{},]", "entry 2, at byte 4: it is not a JSON value: ']'"),
        (b"[{} {}]", "no comma and no end after entry 1"),
        (b"[{}] x", "text follows the array, at byte 5"),
        (b'[{}, {"a": "b]', "entry 2, at byte 5: Unterminated string"),
        (b'[{"a": 1, "a": 2}]', "names 'a' twice"),
        (b'[{"a": NaN}]', "JSON has no NaN"),
        (b'[{"a": "\x01"}]', "Invalid control character"),
        (b'[{"a": "\xff"}]', "entry 1, at byte 1: 'utf-8'"),
        (b'[{"a":' * 50_000, "entry 1"),
        (b'[{"a":' + b"[" * 70 + b"]" * 70 + b"}]", "nested deeper than 64"),
        (b'[{"a": "' + b"x" * (3 << 20) + b'"}]', "entry 1, at byte 1"),
        (b'[{"a": "' + b"x" * (1 << 20) + b'"}]', "at most 1,048,576 are read"),
    ],
)
def test_json_that_is_no_array_of_objects_is_refused_with_entry_and_byte(data, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        list(read_entries(cut(data, [1 << 20] * 4)))
